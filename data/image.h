/* SPDX-License-Identifier: Apache-2.0 */
/* 8-bit images: decoding, encoding, geometry. */
#ifndef RF_DATA_IMAGE_H
#define RF_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Interleaved RGB, 8 bits, rows without padding: pixels[(y*width + x)*3 + c]. Owned by whoever holds the struct. */
typedef struct rf_image {
    int width, height;
    uint8_t *pixels; /* [height][width][3] */
    size_t capacity; /* bytes that `pixels` has room for, 0 when that is not known; see rf_image_renew */
} rf_image;

typedef struct rf_decode_options {
    bool apply_exif; /* turn the picture as its EXIF orientation says (default of datasets: off; see docs/formats.md) */
    int scale_denom; /* JPEG: decode at 1/scale_denom size by DCT scaling: 1, 2, 4 or 8 (0 = 1); PNG ignores it */
    size_t max_pixels; /* refuse larger pictures before allocation; 0 = 400 million */
    rf_image *recycle; /* NULL, or an image whose memory the result may take over: it is empty afterwards in any case */
} rf_decode_options;

/* Facts from the header, without decoding. width and height are those of the full-size decoded image (after EXIF
 * turning when options->apply_exif). */
typedef struct rf_image_info {
    int width, height;
    bool jpeg, png;
    int exif_orientation; /* 1..8, 1 when absent */
} rf_image_info;

/* Allocates width x height black pixels. RF_ERR_NOMEM / RF_ERR_USER for silly sizes. rf_image_free empties the struct.
 */
rf_status rf_image_alloc(rf_image *image, int width, int height);
void rf_image_free(rf_image *image);
/* The same without making anything black, and in the memory that `image` already has if that is large enough. On
 * failure it is empty. */
rf_status rf_image_renew(rf_image *image, int width, int height);

/* JPEG (baseline, progressive, grayscale, CMYK/YCCK) or PNG (any depth, palette, alpha over black... see
 * docs/formats.md), told by content not name. A truncated or corrupt file is RF_ERR_FORMAT with path and reason:
 * warnings of the codec count as errors when they mean lost data. options may be NULL. `name` is for messages. */
rf_status rf_image_load(const char *path, const rf_decode_options *options, rf_image *image);
rf_status rf_image_decode(const uint8_t *data, size_t bytes, const char *name, const rf_decode_options *options,
                          rf_image *image);
rf_status rf_image_probe(const char *path, const rf_decode_options *options, rf_image_info *info);
rf_status rf_image_probe_bytes(const uint8_t *data, size_t bytes, const char *name, const rf_decode_options *options,
                               rf_image_info *info);

/* Turns the picture upright from EXIF orientation 1..8 (other values: nothing); 5..8 swap width and height. On
 * RF_ERR_NOMEM the image is as it was. */
rf_status rf_image_turn(rf_image *image, int orientation);
/* Mirrors left and right in place. */
void rf_image_mirror(rf_image *image);

/* Writes by suffix (.png, .jpg/.jpeg; quality for JPEG, 0 = 92), atomically. */
rf_status rf_image_save(const char *path, const rf_image *image, int quality);
/* The same into memory (rf_free it); `name` is for messages. */
rf_status rf_image_encode(const char *name, const rf_image *image, bool png, int quality, uint8_t **bytes, size_t *n);

/* "libjpeg-turbo 2.1.5", with which rf was compiled, and "1.6.39", which runs. */
const char *rf_image_jpeg_version(void);
const char *rf_image_png_version(void);

#endif
