/* SPDX-License-Identifier: Apache-2.0 */
/* The loss of whole heads (insightface's HEAD_BOX): what the first stage does for faces, for their boxes grown and with
 * outputs of their own, without landmarks. */
#ifndef RF_TRAIN_LOSS_HEAD_H
#define RF_TRAIN_LOSS_HEAD_H

#include "train/loss_stage.h"

typedef struct rf_head_loss {
    bool on;
    double weight, cls_weight, box_weight;
    rf_loss_stage stage;
    rf_loss_batch batch; /* the faces below; nothing else */
    rf_face *faces;      /* of all images, one after the other */
    rf_face **lists;     /* [n] where an image begins */
    size_t capacity;     /* of faces */
} rf_head_loss;

/* Does nothing without model.head_box. `common` is shared with the faces' stages and outlives it. Free in every case.
 */
rf_status rf_head_loss_make(const rf_config *config, rf_loss_common *common, rf_head_loss *out);
void rf_head_loss_free(rf_head_loss *loss);

/* Makes the heads of the batch's faces. RF_ERR_NOMEM. */
rf_status rf_head_loss_set_batch(rf_head_loss *loss, const rf_loss_batch *batch);

/* Appends the nodes and the terms; neither without model.head_box. */
rf_status rf_head_loss_build(rf_head_loss *loss, rf_graph *graph, const rf_detector *detector, rf_term_list *terms);

#endif
