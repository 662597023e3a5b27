/* SPDX-License-Identifier: Apache-2.0 */
/* The multi-task loss as a whole, for the loss kinds that share it. Internal to the losses. */
#ifndef RF_TRAIN_LOSS_MULTIBOX_H
#define RF_TRAIN_LOSS_MULTIBOX_H

#include "train/loss_dense.h"
#include "train/loss_head.h"
#include "train/loss_stage.h"
#include "train/rois.h"

/* Feature supervision of loss.kind = refineface. */
typedef struct rf_fsm_loss {
    bool on;
    double weight;
    rf_roi_spec spec;
    rf_candidate *heap; /* [n][count * RF_ROI_CANDIDATES] */
    size_t *positives;  /* [n] */
    const rf_call *call;
} rf_fsm_loss;

struct rf_loss {
    rf_loss_common common;
    rf_loss_stage stages[RF_NET_STAGES];
    double stage_weights[RF_NET_STAGES], stage_landmarks[RF_NET_STAGES], weights[3];
    rf_dense_loss *dense; /* NULL: no mesh branch */
    rf_fsm_loss fsm;
    rf_head_loss head;
};

/* What the members of rf_loss_kind are for it. */
rf_status rf_multibox_make(const rf_config *config, int n, int h, int w, rf_loss **out);
void rf_multibox_free(rf_loss *loss);
rf_status rf_multibox_build(rf_loss *loss, rf_graph *graph, const rf_detector *detector, rf_term_list *terms);
rf_status rf_multibox_set_batch(rf_loss *loss, const rf_loss_batch *batch);
rf_loss_counts rf_multibox_counts(const rf_loss *loss);
const rf_loss_stage *rf_multibox_matches(const rf_loss *loss);

#endif
