/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss.h"

#include "core/name.h"
#define RF_LOSS(name) extern const rf_loss_kind rf_loss_##name;
#include "train/losses.def"
#undef RF_LOSS

const rf_loss_kind *const rf_loss_kinds[RF_LOSS_COUNT] = {
#define RF_LOSS(name) &rf_loss_##name,
#include "train/losses.def"
#undef RF_LOSS
};

const rf_loss_kind *rf_loss_find(const char *name) {
    const char *names[RF_LOSS_COUNT];
    for (int i = 0; i < RF_LOSS_COUNT; i++) names[i] = rf_loss_kinds[i]->name;
    int at = rf_name_find("loss", name, names, RF_LOSS_COUNT);
    return at < 0 ? NULL : rf_loss_kinds[at];
}

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
