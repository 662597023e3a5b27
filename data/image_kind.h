/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is that is no picture of ours. */
#ifndef RF_DATA_IMAGE_KIND_H
#define RF_DATA_IMAGE_KIND_H

#include <stddef.h>
#include <stdint.h>

/* A phrase for messages, "a WebP image; convert it to JPEG or PNG": what the bytes are, whatever the file is called,
 * and what to do. NULL when that is not known. data has `bytes` bytes, the file's first ones. */
const char *rf_image_kind(const uint8_t *data, size_t bytes);

#endif
