/* SPDX-License-Identifier: Apache-2.0 */
/* Row losses: how the rows that a step predicts are compared with their targets. A node of the graph that ends in one
 * scalar, the sum over rows of weight x loss. */
#ifndef RF_DETECT_ROW_LOSS_H
#define RF_DETECT_ROW_LOSS_H

#include "autograd/graph.h"
#include "settings/settings.h"
#include "core/registry.h"

typedef struct rf_row_loss_input {
    rf_value rows;   /* [N,R,W] */
    rf_value target; /* of classes [N,R], the class or -1: not looked at; of numbers [N,R,W] */
    rf_value weight; /* [N,R] */
    rf_value margin; /* [N,R] of row losses that have margins, else RF_NONE */
    double knee;     /* of [loss], for the rows at hand: where a distance turns from squares to lines */
} rf_row_loss_input;

/* One entry of row_losses.def. */
typedef struct rf_row_loss {
    const char *name, *doc;
    rf_value (*build)(rf_graph *graph, const rf_config *config, const rf_row_loss_input *in);
    /* A number that a row's logit loses when it is to find the face of this box, x1 y1 x2 y2 in pixels of the input,
     * and whether it has one with these settings. NULL: never. Thread safe. */
    double (*margin)(const rf_config *config, const float box[4]);
    bool (*has_margin)(const rf_config *config);
} rf_row_loss;

/* The row losses by name. */
RF_REGISTRY_DECLARE(row_loss, rf_row_loss)

#endif
