/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace's loss (arXiv 1909.04376; SRN, arXiv 1809.02693): the stages of the multi-task loss with focal loss of all
 * anchors in place of cross-entropy of mined ones, negatives that the first step is sure of left out of the second, and
 * margins for small faces. */
#include "settings/classes.h"
#include "detect/loss/loss.h"

static rf_status check(const rf_config *config) {
    if (config->model.landmarks && config->loss.sml)
        return rf_fail(RF_ERR_USER, "loss.sml is for networks without landmarks: set model.landmarks = no");
    if (rf_classes_count(config) > 1)
        return rf_fail(RF_ERR_USER,
                       "data.classes = %s, but the focal loss of loss.kind = refineface is for one kind of object: set "
                       "loss.kind = multibox",
                       config->data.classes);
    return RF_OK;
}

const rf_loss_kind rf_loss_refineface = {
    .name = "refineface",
    .doc = "focal loss in one or two steps, smooth-L1 for boxes, margins for small faces, feature supervision",
    .assigner = "max_iou",
    .later_assigner = "max_iou_moved",
    .sampler = "unsure",
    .cls = "focal",
    .box = "smooth_l1",
    .check = check,
    .tells = true,
};
