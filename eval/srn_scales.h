/* SPDX-License-Identifier: Apache-2.0 */
/* The multi-scale test of SRN (Chi et al., AAAI 2019, tools/test.py). */
#ifndef RF_EVAL_SRN_SCALES_H
#define RF_EVAL_SRN_SCALES_H

#include <stdbool.h>
#include <stddef.h>

enum { RF_SRN_PASSES = 40 };

typedef struct rf_srn_pass {
    double factor;                     /* of both sides */
    bool flip;                         /* also the mirror image */
    double longer_over, shorter_under; /* only faces whose sides are so, in pixels of the image; 0 and INFINITY: all */
} rf_srn_pass;

/* The passes for an image, so that none has more than max_area pixels; returns their number. */
size_t rf_srn_passes(int width, int height, double max_area, rf_srn_pass passes[RF_SRN_PASSES]);

#endif
