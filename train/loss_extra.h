/* SPDX-License-Identifier: Apache-2.0 */
/* What insightface's fifth box output and third landmark output learn: the blur of the face and which points are
 * visible. Both are in the sums of boxes and landmarks there (smooth-L1, the anchor's weights). */
#ifndef RF_TRAIN_LOSS_EXTRA_H
#define RF_TRAIN_LOSS_EXTRA_H

#include "detect/match.h"
#include "train/loss.h"

/* The losses of one stage of heads; RF_NONE: it does not predict that. */
typedef struct rf_loss_parts {
    rf_value cls, box, points;
} rf_loss_parts;

/* Borrowed from the loss; read when the graph runs. */
typedef struct rf_loss_extra {
    const rf_match *matches; /* [n] */
    const rf_loss_batch *batch;
    int n;
    size_t anchors, points; /* of an image, of a face */
    double box_beta, landmark_beta;
    double weight; /* of the difference, inside smooth-L1 */
} rf_loss_extra;

/* Adds the losses of the stage, the only one, to out->box and out->points; blur and visible are its rows, or RF_NONE.
 * box_weight and points_weight [n,A] are the anchors' weights. `extra` outlives the graph's runs. */
rf_status rf_loss_extra_build(rf_loss_extra *extra, rf_graph *graph, rf_value blur, rf_value visible,
                              rf_value box_weight, rf_value points_weight, rf_loss_parts *out);

#endif
