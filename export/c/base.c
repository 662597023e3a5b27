/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#ifndef RF_NO_MALLOC
#    include <stdlib.h>
#endif
#include <string.h>

/* For functions whose first arguments are constants where they are called: the loops over them vanish. */
#ifdef __GNUC__
#    define SPECIALISED static inline __attribute__((always_inline, unused))
#else
#    define SPECIALISED static inline
#endif
/* A loop over an array that has to become registers: clang leaves it in memory unless it is told to unroll the loop. */
#ifdef __clang__
#    define EACH(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)
#else
#    define EACH(i, n) for (int i = 0; i < (n); i++)
#endif

/* Only kernels without vectors call it, which a network may not have. */
SPECIALISED float activate(float v, float slope, float most) {
    v = v > 0 ? v : slope * v;
    return LIMITED && v > most ? most : v;
}

SPECIALISED float limit(float v, float least, float most) {
    return v > most ? most : v < least ? least : v;
}

/* ---- what the network is made of ---- */

/* Maps are [height][width][channels]. Map 0 is the picture, which is never stored as floats. */
struct size {
    int h, w;
};

/* One step: reads the map `in`, writes `cout` channels of the map `out`, beginning with `channel`. */
struct layer {
    void (*run)(struct rf_detector *state, const struct layer *layer);
    void (*fill)(struct rf_detector *state, const struct layer *layer, int y,
                 float *line);  /* makes row y of the input; NULL: read it in place */
    const struct layer *before; /* depth-wise convolution of `in` that comes first, one row at a time; NULL: none */
    int in, add, out, channel;  /* maps; `add`: shortcut (-1: none) or the map that is resized and added */
    int kernel, stride, pad;    /* kernel and pad: rows */
    int kernel_w, pad_w;        /* columns */
    int cin, cout;
    float slope;    /* of the activation below 0: 1 none, 0 ReLU */
    float most;     /* above it the activation is flat: 6 for ReLU6 */
    size_t weights; /* place of the first one */
};

/* What one stage of heads says at one level: maps, -1 where it says nothing. */
struct stage {
    int cls, box, points;
};

/* What the heads of a stage say of an anchor; NULL: nothing. */
struct said {
    const float *box, *points;
};

/* A step of the pyramid; its cells are `stride` pixels apart. `judge` is the last stage that has a class. */
struct level {
    int stride, judge;
    struct stage stages[STAGES];
    float factor; /* of its scores */
    /* From what the stages say of an anchor (cx cy w h) to corners x1 y1 x2 y2 and points in pixels. */
    void (*decode)(const float anchor[4], const struct said *said, float *box, float *points);
};

/* Weights of a convolution come in panels of PANEL output channels: PANEL biases, then PANEL weights for each row of
 * the kernel, column of the kernel and input channel. */
enum { PANEL = 8, MAX_KERNEL = 7, MAX_SIDE = 16384, WINOGRAD_TILES = 30 };

/* Weights of so many panels are used on all rows before the next ones, so that they stay in the second-level cache. */
enum { CACHED_WEIGHTS = 1 << 16 };

/* What a tile of a convolution needs besides its place. */
struct conv_work {
    const float *row[MAX_KERNEL]; /* first pixel of the tile in each row of the kernel */
    size_t taps;                  /* floats that a row of the kernel reads: its width * cin, without gaps */
    size_t step;                  /* floats from a pixel to the next */
    size_t panel;                 /* floats of a panel */
    size_t out_step, add_step;    /* floats from a pixel to the next of the output and of the shortcut */
    int kernel;
    float slope, most;
};

/* The last rows that a layer needs, with the zeros of its border; row y lies in slot (y + pad) % slots. */
struct ring {
    float *memory;
    size_t length;   /* floats of a slot */
    int slots, next; /* next: the row that comes next */
};

struct candidate {
    float score;
    uint32_t anchor;
};

/* Everything that rf_open makes. */
struct rf_detector {
    void *block; /* what rf_open allocated; NULL: the memory is the caller's */
    int max_width, max_height;
    const uint8_t *picture;   /* the one at hand */
    const float *weights;     /* [WEIGHTS] */
    float *maps[MAPS];        /* maps whose lives do not overlap share memory */
    struct size size[MAPS];   /* for the picture at hand */
    struct ring rows, before; /* of the convolution at hand and of the depth-wise one before it */
    float *scratch;           /* of the Winograd convolution at hand */
    struct candidate *candidates;
    int wide; /* 1: the processor has the instructions of the first set of kernels */
};
