/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that are learnt in the sum of another one, with its weights and its knee (smooth-L1): what insightface's
 * fifth box output and third landmark output learn, the blur of the face and which points are visible. */
#ifndef RF_DETECT_SIDE_LOSS_H
#define RF_DETECT_SIDE_LOSS_H

#include "core/registry.h"
#include "detect/match.h"
#include "detect/loss/loss.h"

/* The losses of one stage of heads; RF_NONE: it does not predict that. */
typedef struct rf_loss_parts {
    rf_value cls, box, points;
} rf_loss_parts;

/* One entry of side_losses.def. */
typedef struct rf_side_loss {
    const char *name; /* of the output */
    const char *doc;
    bool of_points; /* it is in the sum of points; else in that of boxes */
    /* The numbers of a face with n_points points, 1 of boxes and n_points of points. Thread safe. */
    void (*write)(const rf_face *face, size_t n_points, rf_real *row);
} rf_side_loss;
RF_REGISTRY_DECLARE(side_loss, rf_side_loss)

enum { RF_SIDE_LOSSES = 8 }; /* at most so many in a stage */

/* What its host node reads. Borrowed from the loss. */
typedef struct rf_side_state {
    const rf_side_loss *kind;
    const rf_match *matches; /* [n] */
    const rf_loss_batch *batch;
    const rf_call *call; /* while it runs */
    int n;
    size_t anchors, points, width; /* of an image, of a face, of a row */
} rf_side_state;

/* Adds smooth-L1 of factor x (rows [n,anchors,width] - their targets) to `loss`, whose weights [n,anchors] are given,
 * and returns the sum. The state outlives the graph's runs. */
rf_value rf_side_loss_build(rf_side_state *state, rf_graph *graph, rf_value loss, rf_value rows, rf_value weight,
                            double knee, double factor);

#endif
