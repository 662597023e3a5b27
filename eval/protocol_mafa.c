/* SPDX-License-Identifier: Apache-2.0 */
/* MAFA (Ge et al., CVPR 2017): AP at IoU 0.5 of all faces, of the masked and of the unmasked ones; the other kind then
 * counts neither way, as invalid faces and those under 32 pixels always do. */
#include "core/mem.h"
#include "data/mafa.h"
#include "eval/protocol.h"
#include "eval/protocol_voc.h"

static rf_status ap_without(const rf_protocol_input *in, int other, const char *name, rf_protocol_result *out) {
    rf_dataset truth;
    RF_TRY(rf_protocol_copy_truth(in->truth, &truth));
    for (size_t f = 0; f < truth.n_faces; f++) truth.faces[f].ignore |= truth.faces[f].kind == other;
    rf_status status = rf_protocol_add_ap(&truth, in->detections, in->scores, 0.5f, false, name, out);
    rf_free(truth.faces);
    return status;
}

static rf_status mafa_run(const rf_protocol_input *in, rf_protocol_result *out) {
    RF_TRY(ap_without(in, RF_MAFA_INVALID, "all", out));
    RF_TRY(ap_without(in, RF_MAFA_UNMASKED, "masked", out));
    return ap_without(in, RF_MAFA_MASKED, "unmasked", out);
}

extern const rf_protocol rf_protocol_mafa;

const rf_protocol rf_protocol_mafa = {
    .name = "mafa",
    .doc = "MAFA: AP at IoU 0.5 of all, masked and unmasked faces",
    .x_label = "Recall",
    .y_label = "Precision",
    .x_max = 1,
    .best = 1,
    .worst = 0,
    .needs_kinds = true,
    .run = mafa_run,
};
