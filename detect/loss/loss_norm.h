/* SPDX-License-Identifier: Apache-2.0 */
/* What the sums of the loss are divided by: weights of the anchors of each pyramid level. */
#ifndef RF_DETECT_LOSS_NORM_H
#define RF_DETECT_LOSS_NORM_H

#include "settings/settings.h"
#include "core/registry.h"
#include "detect/anchors.h"

/* Anchors of one level of a batch that train. */
typedef struct rf_loss_tally {
    size_t positives, negatives;     /* that are classified */
    size_t box_positives, landmarks; /* that have a box, and landmarks */
} rf_loss_tally;

/* Weights of an anchor of a level in the three sums. */
typedef struct rf_loss_share {
    double cls, box, points;
} rf_loss_share;

typedef struct rf_loss_norm_input {
    const rf_loss_tally *tally; /* [n_levels] of the batch */
    int n_levels;
    double images, mining_total;
} rf_loss_norm_input;

/* RetinaFace's equation 1: 1 / the positives of the batch, landmarks 1 / those that have them; at least 1 each. */
void rf_loss_norm_batch(const rf_loss_norm_input *in, rf_loss_share *share);
/* insightface's LR_MODE 0: classification is the mean over the kept anchors of each level, the others are sums times
 * images / mining_total. */
void rf_loss_norm_level_fixed(const rf_loss_norm_input *in, rf_loss_share *share);
/* Its LR_MODE 1: the others 1 / (positives of the level + 0.001). */
void rf_loss_norm_level_count(const rf_loss_norm_input *in, rf_loss_share *share);

/* The kinds by name (detect/loss/loss_norms.def), as loss.normalise says; share [n_levels]. */
typedef struct rf_loss_norm {
    const char *name;
    void (*run)(const rf_loss_norm_input *in, rf_loss_share *share);
} rf_loss_norm;
/* They all. */
RF_REGISTRY_DECLARE(loss_norm, rf_loss_norm)

#endif
