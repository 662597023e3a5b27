/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's loss (arXiv 1905.00641, equation 1). */
#include "detect/loss/loss.h"

/* What only loss.kind = refineface can train is refused. */
static rf_status check(const rf_config *config) {
    if (config->model.fsm || config->loss.sml || (config->cascade.stages > 1 && config->cascade.drop < 1))
        return rf_fail(RF_ERR_USER,
                       "model.fsm, loss.sml and cascade.drop need loss.kind = refineface, and it is multibox");
    return RF_OK;
}

const rf_loss_kind rf_loss_multibox = {
    .name = "multibox",
    .doc = "softmax cross-entropy with hard-negative mining, smooth-L1 for boxes and landmarks",
    .assigner = "max_iou",
    .later_assigner = "max_iou_moved",
    .cls = "softmax_ce",
    .box = "smooth_l1",
    .check = check,
};
