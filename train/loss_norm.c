/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss_norm.h"

#include "core/name.h"
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

const rf_loss_norm rf_loss_norms[RF_LOSS_NORM_COUNT] = {
#define RF_LOSS_NORM(name, function) {#name, function},
#include "train/loss_norms.def"
#undef RF_LOSS_NORM
};

const rf_loss_norm *rf_loss_norm_find(const char *name) {
    const char *names[RF_LOSS_NORM_COUNT];
    for (int i = 0; i < RF_LOSS_NORM_COUNT; i++) names[i] = rf_loss_norms[i].name;
    int at = rf_name_find("normalisation of losses", name, names, RF_LOSS_NORM_COUNT);
    return at < 0 ? NULL : &rf_loss_norms[at];
}
