/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/loss/loss_norm.h"

static double at_least_one(size_t count) {
    return (double)(count ? count : 1);
}

void rf_loss_norm_batch(const rf_loss_norm_input *in, rf_loss_share *share) {
    size_t positives = 0, boxes = 0, landmarks = 0;
    for (int l = 0; l < in->n_levels; l++) {
        positives += in->tally[l].positives;
        boxes += in->tally[l].box_positives;
        landmarks += in->tally[l].landmarks;
    }
    rf_loss_share all = {1.0 / at_least_one(positives), 1.0 / at_least_one(boxes), 1.0 / at_least_one(landmarks)};
    for (int l = 0; l < in->n_levels; l++) share[l] = all;
}

static double mean_of_kept(const rf_loss_tally *tally) {
    return 1.0 / at_least_one(tally->positives + tally->negatives);
}

void rf_loss_norm_level_fixed(const rf_loss_norm_input *in, rf_loss_share *share) {
    double fixed = in->images / in->mining_total;
    for (int l = 0; l < in->n_levels; l++) share[l] = (rf_loss_share){mean_of_kept(&in->tally[l]), fixed, fixed};
}

void rf_loss_norm_level_count(const rf_loss_norm_input *in, rf_loss_share *share) {
    for (int l = 0; l < in->n_levels; l++) {
        double each = 1.0 / ((double)in->tally[l].box_positives + 0.001);
        share[l] = (rf_loss_share){mean_of_kept(&in->tally[l]), each, each};
    }
}

static const void *const loss_norms[] = {
#define RF_LOSS_NORM(name, function) &(const rf_loss_norm){#name, function},
#include "detect/loss/loss_norms.def"
#undef RF_LOSS_NORM
};

RF_REGISTRY_DEFINE(loss_norm, rf_loss_norm, loss_norms, e->run, .what = "normalisation of losses")
