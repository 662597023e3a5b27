/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETINAFACE_H
#define RETINAFACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rf_face {
    float x1, y1, x2, y2; /* box in pixels; the centre of the picture's first pixel is (0.5, 0.5) */
    float score;          /* probability of being a face */
    float points[5][2];   /* x y of the eyes, the nose and the corners of the mouth, left before right; 0 without */
};

/* What rf_init and rf_detect return when they fail. */
enum {
    RF_ERR_FILE = -1,    /* the weight file cannot be opened or read */
    RF_ERR_WEIGHTS = -2, /* the weight file is cut, damaged or belongs to another network */
    RF_ERR_MEMORY = -3,  /* no memory */
    RF_ERR_SIZE = -4,    /* a side of the picture is below 1 or above what rf_init was told */
    RF_ERR_STATE = -5,   /* rf_init has not been called or has failed */
    RF_ERR_NUMBERS = -6  /* the network's output is not finite: the weights are broken */
};

/* Bytes that rf_init allocates for pictures of up to this size; 0 when they cannot be counted or addressed. */
size_t rf_memory(int max_width, int max_height);

/* Reads the weights and allocates everything in one block; nothing is allocated afterwards. `weights` is the path of
 * the .bin file; it is not used (NULL) when the weights are part of the source. Returns 0 or RF_ERR_*. There is one
 * detector in a program, and it may be used by one thread at a time. */
int rf_init(const char *weights, int max_width, int max_height);

/* Finds the faces of a picture: rgb[height][width][3], first row on top. Writes at most `max` of them, best first, and
 * returns their number, or RF_ERR_*. The last digits of its numbers depend on the compiler and on the processor, since
 * rf_init takes the widest instructions of both. */
int rf_detect(const uint8_t *rgb, int width, int height, struct rf_face *out, int max);

/* Releases the block. rf_init may be called again. */
void rf_free(void);

#ifdef __cplusplus
}
#endif

#endif
