/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/loss/term_kind.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/name.h"
#include "core/weighted_names.h"
#include "detect/loss/loss_stage.h"

#define RF_TERM_KIND(name) extern const rf_term_kind rf_term_##name;
#include "detectors/parts.def"
#define RF_TERM_KIND(name) extern const rf_term_kind rf_term_##name;
#include "detect/loss/terms.def"
#undef RF_TERM_KIND

static const void *const kinds[] = {
#define RF_TERM_KIND(name) &rf_term_##name,
#include "detectors/parts.def"
#define RF_TERM_KIND(name) &rf_term_##name,
#include "detect/loss/terms.def"
#undef RF_TERM_KIND
};

RF_REGISTRY_DEFINE(term_kind, rf_term_kind, kinds, e->doc && e->build && !e->key == !e->on, .what = "loss term",
                   .name_bytes = RF_TERM_NAME)

/* ---- what a term sees ---- */

size_t rf_term_images(const rf_term_matches *matches) {
    return (size_t)matches->common->n;
}

const rf_codec *rf_term_codec(const rf_term_matches *matches) {
    return &matches->common->spec.codec;
}

bool rf_term_next(const rf_term_matches *m, size_t image, rf_term_match *out) {
    const rf_anchor_set *anchors = &m->common->anchors;
    const rf_match *match = &m->matches[image];
    for (size_t a = out->next; a < anchors->count; a++) {
        if (match->label[a] <= 0) continue;
        int level = rf_anchor_level_of(anchors, a);
        if (m->loc.first[level] < 0) continue;
        size_t in_level = a - anchors->levels[level].first;
        *out = (rf_term_match){.row = m->loc.count * image + (size_t)m->loc.first[level] + in_level,
                               .anchor = rf_loss_stage_boxes(m, image) + 4 * a,
                               .face = &m->batch->faces[image][match->face[a]],
                               .level = level,
                               .next = a + 1};
        return true;
    }
    return false;
}

const rf_term_matches *rf_term_first_step(const rf_term_matches *matches) {
    while (matches->before) matches = matches->before;
    return matches;
}

rf_value rf_term_prediction(const rf_term_context *context, const char *name) {
    return rf_outputs_value(&context->detector->outputs, name, context->matches->index);
}

static rf_value output_of(const rf_term_context *context, const char *name, int offset) {
    static const struct {
        const char *name;
        int target;
    } all[] = {{"cls", RF_TARGET_LABEL}, {"loc", RF_TARGET_LOC}, {"points", RF_TARGET_POINTS}};
    const rf_loss_stage *stage = context->matches;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, name) != 0) continue;
        int slot = stage->slot[all[i].target + offset];
        return slot < 0 ? RF_NONE : stage->targets + slot;
    }
    return RF_NONE;
}

rf_value rf_term_target(const rf_term_context *context, const char *name) {
    return output_of(context, name, 0);
}

rf_value rf_term_row_weight(const rf_term_context *context, const char *name) {
    return output_of(context, name, 1);
}

rf_value rf_term_host(const rf_term_context *context, const char *name, rf_host_fn fn, void *state,
                      const rf_shape *outputs, int n_outputs) {
    return rf_graph_host(context->graph, name, fn, state, &context->matches->targets, 1, outputs, n_outputs);
}

rf_status rf_term_add(const rf_term_context *context, rf_value value) {
    RF_TRY(rf_graph_status(context->graph));
    return rf_terms_add(context->terms, context->graph, context->name, value, context->weight,
                        context->weight > 0 ? RF_TERM_ALL : RF_TERM_REPORT, 0);
}

/* ---- the terms of a configuration ---- */

static rf_status add_state(const rf_term_kind *kind, double weight, rf_term_states *states) {
    if (states->n == RF_TERMS_MAX) return rf_fail(RF_ERR_USER, "loss.terms has more than %d terms", RF_TERMS_MAX);
    states->v[states->n].kind = kind;
    states->v[states->n++].weight = weight;
    return RF_OK;
}

static rf_status add_switched_on(const rf_config *config, rf_term_states *states) {
    for (int i = 0; i < rf_term_kind_count(); i++) {
        const rf_term_kind *kind = rf_term_kind_at(i);
        if (kind->on && kind->on(config)) RF_TRY(add_state(kind, 1, states));
    }
    return RF_OK;
}

/* The kind that loss.terms calls by this name. */
static rf_status find_kind(const char *name, const rf_term_kind **kind) {
    static const char help[] = "a program knows the terms that it was built with, `make EXTRA=DIR` (docs/extending.md)";
    const char **names = rf_alloc((size_t)rf_term_kind_count(), sizeof *names);
    size_t n = 0;
    if (!names) return RF_ERR_NOMEM;
    *kind = NULL;
    for (int i = 0; i < rf_term_kind_count(); i++) {
        const rf_term_kind *entry = rf_term_kind_at(i);
        if (strcmp(entry->name, name) == 0) *kind = entry;
        if (!entry->on) names[n++] = entry->name;
    }
    if (!*kind && n) rf_name_find("loss term", name, names, n);
    rf_free(names);
    if (*kind && (*kind)->on)
        return rf_fail(RF_ERR_USER, "loss.terms has '%s', which %s switches on: leave it out here", name, (*kind)->key);
    if (*kind) return RF_OK;
    if (n == 0)
        return rf_fail(RF_ERR_USER, "loss.terms: no loss term is called \"%s\", there are none here: %s", name, help);
    char message[512];
    snprintf(message, sizeof message, "%.500s", rf_error_message());
    return rf_fail(RF_ERR_USER, "loss.terms: %s; %s", message, help);
}

static rf_status add_named(void *ctx, const char *name, double weight) {
    rf_term_states *states = ctx;
    const rf_term_kind *kind = NULL;
    RF_TRY(find_kind(name, &kind));
    for (int i = 0; i < states->n; i++)
        if (states->v[i].kind == kind)
            return rf_fail(RF_ERR_USER, "loss.terms has '%s' twice, keep one of them", kind->name);
    return add_state(kind, weight, states);
}

rf_status rf_term_states_read(const rf_config *config, rf_term_states *states) {
    RF_TRY(add_switched_on(config, states));
    return rf_weighted_names_read("loss.terms", config->loss.terms, add_named, states);
}

rf_status rf_term_states_build(rf_term_states *states, const rf_term_context *base) {
    for (int i = 0; i < states->n; i++) {
        const rf_term_kind *kind = states->v[i].kind;
        rf_term_context context = *base;
        context.name = kind->name;
        context.weight = states->v[i].weight;
        if (!states->v[i].state && !(states->v[i].state = rf_alloc(1, kind->state_bytes))) return RF_ERR_NOMEM;
        int scope = rf_graph_scope(context.graph, kind->name);
        rf_status status = kind->build(&context, states->v[i].state);
        rf_graph_scope_end(context.graph, scope);
        if (status == RF_OK) status = rf_graph_status(context.graph);
        if (status != RF_OK && kind->on) return status; /* it speaks of its settings */
        if (status != RF_OK) return rf_fail_context(status, "the loss term '%s'", kind->name);
    }
    return RF_OK;
}

rf_status rf_term_states_set_batch(rf_term_states *states, const rf_loss_batch *batch) {
    for (int i = 0; i < states->n; i++)
        if (states->v[i].kind->set_batch) RF_TRY(states->v[i].kind->set_batch(states->v[i].state, batch));
    return RF_OK;
}

void rf_term_states_free(rf_term_states *states) {
    for (int i = 0; i < states->n; i++) {
        if (states->v[i].state && states->v[i].kind->free) states->v[i].kind->free(states->v[i].state);
        rf_free(states->v[i].state);
    }
    *states = (rf_term_states){0};
}
