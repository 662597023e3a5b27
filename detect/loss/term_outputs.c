/* SPDX-License-Identifier: Apache-2.0 */
/* What the outputs of model.outputs learn: smooth-L1 to their targets at the positive anchors whose face tells, with
 * the weights of the loss's boxes. Each is a term of its own name (layers/output_kind.h). */
#include <string.h>

#include "core/parallel.h"
#include "detect/codec.h"
#include "layers/output_kind.h"
#include "detect/loss/term_kind.h"

/* What the host node of an output reads. */
typedef struct part {
    const rf_extra *extra;
    const rf_term_matches *matches;
    const rf_call *call; /* while it runs */
} part;

typedef struct outputs_term {
    rf_extras extras;
    part parts[RF_EXTRAS_MAX];
} outputs_term;

enum { TARGET, TELLS, OUTPUTS };

static void write_images(void *ctx, size_t begin, size_t end) {
    const part *p = ctx;
    size_t width = (size_t)p->extra->width, rows = (size_t)p->call->out[TELLS].shape.d[1];
    float row[RF_EXTRA_NUMBERS];
    for (size_t i = begin; i < end; i++) {
        rf_term_match match = {.row = 0};
        rf_real *target = p->call->out[TARGET].data, *tells = p->call->out[TELLS].data;
        memset(target + i * rows * width, 0, rows * width * sizeof *target);
        memset(tells + i * rows, 0, rows * sizeof *tells);
        while (rf_term_next(p->matches, i, &match)) {
            if (!p->extra->kind->target(match.face, row)) continue;
            tells[match.row] = 1;
            for (size_t k = 0; k < width; k++) target[match.row * width + k] = (rf_real)row[k];
        }
    }
}

static rf_status write_targets(void *ctx, const rf_call *call) {
    part *p = ctx;
    p->call = call;
    rf_parallel_for(rf_term_images(p->matches), 1, write_images, p);
    return RF_OK;
}

static rf_status build_one(const rf_term_context *context, part *p) {
    const rf_output_kind *kind = p->extra->kind;
    rf_graph *g = context->graph;
    rf_value said = rf_term_prediction(context, kind->name), weight = rf_term_row_weight(context, "loc");
    if (said == RF_NONE || weight == RF_NONE) return rf_fail(RF_ERR_USER, "the network predicts no %s", kind->name);
    rf_shape rows = rf_graph_shape(g, said), shapes[OUTPUTS] = {rows, {2, {rows.d[0], rows.d[1]}}};
    rf_value t = rf_term_host(context, kind->name, write_targets, p, shapes, OUTPUTS);
    if (t == RF_NONE) return rf_graph_status(g);
    rf_value in[] = {said, t + TARGET, rf_apply2(g, "mul", weight, t + TELLS, "")};
    rf_term_context own = *context;
    own.name = kind->name;
    own.weight = p->extra->weight;
    return rf_term_add(&own, rf_graph_apply(g, "smooth_l1", in, 3, "beta=1"));
}

static rf_status build(const rf_term_context *context, void *state) {
    outputs_term *term = state;
    RF_TRY(rf_extras_of(context->config, &term->extras));
    for (int i = 0; i < term->extras.n; i++) {
        const rf_extra *extra = &term->extras.v[i];
        if (extra->kind->wanted || !extra->kind->target) continue; /* the loss, or a term by name, learns it */
        term->parts[i] = (part){extra, context->matches, NULL};
        RF_TRY(build_one(context, &term->parts[i]));
    }
    return RF_OK;
}

static bool on(const rf_config *config) {
    return *config->model.outputs != 0;
}

const rf_term_kind rf_term_outputs = {
    .name = "outputs",
    .doc = "smooth-L1 of each output of model.outputs, under its own name",
    .state_bytes = sizeof(outputs_term),
    .build = build,
    .key = "model.outputs",
    .on = on,
};
