/* SPDX-License-Identifier: Apache-2.0 */
/* Archives whose entries are stored uncompressed, as PyTorch writes them (APPNOTE.TXT 4.3, the central directory). */
#ifndef RF_CORE_ZIP_READ_H
#define RF_CORE_ZIP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Points into the archive. */
typedef struct rf_zip_entry {
    const uint8_t *name, *data;
    size_t name_bytes, bytes;
} rf_zip_entry;

bool rf_zip_probe(const uint8_t *data, size_t bytes);

/* Lists the entries in the order of their places in the file (rf_free *entries). Every entry lies inside the archive,
 * overlaps no other and has the CRC-32 that the directory states. RF_ERR_FORMAT: damage, compressed or encrypted
 * entries (nothing is ever unpacked, so that no size is believed), parts of a larger archive, zip64. */
rf_status rf_zip_list(const char *path, const uint8_t *data, size_t bytes, rf_zip_entry **entries, size_t *count);

#endif
