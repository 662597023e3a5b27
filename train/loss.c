/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss.h"

#define RF_LOSS(name) extern const rf_loss_kind rf_loss_##name;
#include "train/losses.def"
#undef RF_LOSS

static const void *const loss_kinds[] = {
#define RF_LOSS(name) &rf_loss_##name,
#include "train/losses.def"
#undef RF_LOSS
};

RF_REGISTRY_DEFINE(loss, rf_loss_kind, loss_kinds, e->make && e->free && e->build && e->set_batch && e->counts,
                   .what = "loss", .key = "loss.kind")

rf_status rf_loss_build(const rf_loss_kind *kind, rf_loss *loss, rf_graph *g, const rf_detector *detector,
                        rf_loss_values *out) {
    *out = (rf_loss_values){.total = RF_NONE};
    RF_TRY(kind->build(loss, g, detector, &out->terms));
    int scope = rf_graph_scope(g, "loss");
    out->total = rf_terms_total(&out->terms, g);
    rf_graph_scope_end(g, scope);
    RF_TRY(rf_graph_status(g));
    return out->total == RF_NONE ? rf_fail(RF_ERR_USER, "loss.kind = %s has no term to sum", kind->name) : RF_OK;
}
