/* SPDX-License-Identifier: Apache-2.0 */
#include "train/loss.h"

#include <string.h>

#include "train/term_kind.h"

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

/* Keys of train.jsonl that are no terms (train/trainer_log.c). */
static const char *const log_keys[] = {"kind",      "step",  "epoch",     "loss",   "lr",
                                       "grad_norm", "img_s", "data_wait", "seconds"};

static rf_status check_names(const rf_term_list *terms) {
    for (int i = 0; i < terms->n; i++)
        for (size_t k = 0; k < sizeof log_keys / sizeof *log_keys; k++)
            if (strcmp(terms->v[i].name, log_keys[k]) == 0)
                return rf_fail(RF_ERR_USER,
                               "a term of the loss is called '%s', which is another key of train.jsonl: "
                               "give it another name",
                               log_keys[k]);
    return RF_OK;
}

static rf_status build_more(const rf_loss_kind *kind, rf_loss *loss, const rf_term_context *base,
                            rf_term_states *more) {
    if (!more || more->n == 0) return RF_OK;
    if (!kind->matches) return rf_fail(RF_ERR_USER, "loss.terms: loss.kind = %s takes no further terms", kind->name);
    rf_term_context context = *base;
    context.config = more->config;
    context.matches = kind->matches(loss);
    return rf_term_states_build(more, &context);
}

rf_status rf_loss_build(const rf_loss_kind *kind, rf_loss *loss, rf_graph *g, const rf_detector *detector,
                        rf_term_states *more, rf_loss_values *out) {
    *out = (rf_loss_values){.total = RF_NONE};
    const rf_term_context base = {.graph = g, .detector = detector, .terms = &out->terms};
    RF_TRY(kind->build(loss, g, detector, &out->terms));
    int scope = rf_graph_scope(g, "loss");
    rf_status status = build_more(kind, loss, &base, more);
    if (status == RF_OK) out->total = rf_terms_total(&out->terms, g);
    rf_graph_scope_end(g, scope);
    RF_TRY(status);
    RF_TRY(rf_graph_status(g));
    RF_TRY(check_names(&out->terms));
    return out->total == RF_NONE ? rf_fail(RF_ERR_USER, "loss.kind = %s has no term to sum", kind->name) : RF_OK;
}
