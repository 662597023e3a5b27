/* SPDX-License-Identifier: Apache-2.0 */
/* The image codecs behind data/image.h: one file each, the only includers of jpeglib.h and png.h. */
#ifndef RF_DATA_CODEC_H
#define RF_DATA_CODEC_H

#include <stdio.h>

#include "data/image.h"

/* Header facts of a whole file in memory: width, height as stored (before any turning) and the EXIF orientation. */
rf_status rf_jpeg_info(const uint8_t *data, size_t bytes, const char *name, rf_image_info *info);
rf_status rf_png_info(const uint8_t *data, size_t bytes, const char *name, rf_image_info *info);

/* Decodes to 8-bit RGB, without turning. The size was checked by the caller. `image` may hold memory to be reused; it
 * is empty after a failure. */
rf_status rf_jpeg_decode(const uint8_t *data, size_t bytes, const char *name, int scale_denom, rf_image *image);
rf_status rf_png_decode(const uint8_t *data, size_t bytes, const char *name, rf_image *image);

/* Encodes into an open stream; write errors stay in the stream for its owner. `name` is for messages. */
rf_status rf_jpeg_write(FILE *stream, const char *name, const rf_image *image, int quality);
rf_status rf_png_write(FILE *stream, const char *name, const rf_image *image);

#endif
