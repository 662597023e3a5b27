/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RF_RETINAFACE_H
#define RF_RETINAFACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "export/c/face_size.h"

struct rf_face {
    float x1, y1, x2, y2; /* box in pixels; the centre of the picture's first pixel is (0.5, 0.5) */
    float score;          /* probability of being a face, of several kinds that of its kind */
    int label;            /* its kind, 0 to RF_KINDS - 1 */
    float points[RF_POINTS > 0 ? RF_POINTS : 1][2]; /* x y in the order of the training set, of five: the eyes, the nose
                                                   and the corners of the mouth, left before right; 0 when the network
                                                   predicts none */
};

/* What rf_open and rf_detect return when they fail. */
enum {
    RF_ERR_FILE = -1,    /* the weight file cannot be opened or read */
    RF_ERR_WEIGHTS = -2, /* the weight file is cut, damaged or belongs to another network */
    RF_ERR_MEMORY = -3,  /* no memory */
    RF_ERR_SIZE = -4,    /* a side of the picture is below 1 or above what rf_open was told */
    RF_ERR_STATE = -5,   /* there is no detector: NULL */
    RF_ERR_NUMBERS = -6  /* the network's output is not finite: the weights are broken */
};

/* A detector. Each is used by one thread at a time; several may work in several threads at once, since they share
 * nothing that is written. */
struct rf_detector;

/* Bytes that a detector for pictures of up to this size takes; 0 when they cannot be counted or addressed. */
size_t rf_memory(int max_width, int max_height);

/* Makes a detector: reads the weights and places everything in one block; nothing is allocated afterwards. `weights` is
 * the path of the .bin file; it is not used (NULL) when the weights are part of the source. `memory`: rf_memory(...)
 * bytes of the caller's, which stay its own and are in use until the last rf_detect; NULL: they are allocated, which a
 * source compiled with -DRF_NO_MALLOC refuses with RF_ERR_MEMORY. Returns 0 or RF_ERR_*, with *out NULL then. */
int rf_open(const char *weights, int max_width, int max_height, void *memory, struct rf_detector **out);

/* Finds the faces of a picture: rgb[height][width][3], first row on top. Writes at most `max` of them, best first, and
 * returns their number, or RF_ERR_*. The last digits of its numbers depend on the compiler and on the processor, since
 * rf_open takes the widest instructions of both. */
int rf_detect(struct rf_detector *detector, const uint8_t *rgb, int width, int height, struct rf_face *out, int max);

/* Releases what rf_open allocated. NULL is allowed. */
void rf_close(struct rf_detector *detector);

#ifdef __cplusplus
}
#endif

#endif
