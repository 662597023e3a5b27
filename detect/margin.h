/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace's scale-aware margin (arXiv 1909.04376): small faces are found harder, so their logits must be better by a
 * margin. The paper's function is not public; both forms are ours, after its description. */
#ifndef RF_DETECT_MARGIN_H
#define RF_DETECT_MARGIN_H

#include <stdbool.h>

typedef struct rf_margin_spec {
    bool on, power;  /* power: margin * (size / s)^exponent, else margin / (1 + s / size) */
    double margin;   /* logits */
    double size;     /* pixels */
    double exponent; /* of `power` */
    double most;     /* `power` grows without limit for tiny faces: at most so much */
} rf_margin_spec;

/* Margin of a face box x1 y1 x2 y2 in pixels of the input, s = sqrt(width * height); 0 when it is off. */
double rf_margin_of(const rf_margin_spec *spec, const float box[4]);

#endif
