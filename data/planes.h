/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of video as they lie in memory: packed RGB, grey, or luma with two planes of colour differences (BT.601). */
#ifndef RF_DATA_PLANES_H
#define RF_DATA_PLANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "data/image.h"

typedef enum rf_plane_kind {
    RF_PLANES_RGB24, /* [height][width][3] */
    RF_PLANES_BGR24,
    RF_PLANES_GREY, /* [height][width] */
    RF_PLANES_YUV,  /* Y [height][width], then U and V, smaller by the steps below, rounded up */
} rf_plane_kind;

typedef struct rf_planes {
    rf_plane_kind kind;
    int width, height;
    int step_x, step_y; /* RF_PLANES_YUV: pixels a sample of colour, 1 or 2 */
    bool full;          /* luma from 0 to 255 instead of 16 to 235 (grey, too) */
} rf_planes;

/* Bytes of a frame. */
size_t rf_planes_bytes(const rf_planes *planes);
/* "1280x720", "1280x720:gray", with rgb24 (else), bgr24, gray, yuv420p. RF_ERR_USER: `what` is TEXT, expected ... */
rf_status rf_planes_parse(const char *what, const char *text, rf_planes *out);

/* To 8-bit RGB; `image` may hold memory to be reused. RF_ERR_NOMEM, RF_ERR_USER. */
rf_status rf_planes_decode(const rf_planes *planes, const uint8_t *frame, rf_image *image);
/* Changes those samples of a frame in which `image` differs from what the frame shows. */
void rf_planes_update(const rf_planes *planes, const rf_image *image, uint8_t *frame);

#endif
