/* SPDX-License-Identifier: Apache-2.0 */
/* The rewrite that turns rows of one convention into rows of another: both decode by nodes, which are followed with one
 * anchor's numbers and a row of unknowns. Where every result depends on one unknown, by a straight line or by its
 * exponential, the two are equal for rows that differ by a scale and a shift, which a convolution takes in. Clamps are
 * left out: the sample has none. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "export/decoding.h"
#include "export/ncnn.h"

/* A number as a function of the unknowns x. */
typedef enum form_kind {
    CONSTANT, /* shift */
    LINE,     /* scale x[channel] + shift */
    POWER,    /* shift e^(scale x[channel]) */
    OTHER,
} form_kind;

typedef struct form {
    form_kind kind;
    int channel;
    double scale, shift;
} form;

static const form other = {.kind = OTHER};

static form times(form x, double factor) {
    x.scale *= x.kind == LINE ? factor : 1;
    x.shift *= factor;
    return x;
}

static form plus(form x, double offset) {
    if (x.kind == POWER) return other;
    x.shift += offset;
    return x;
}

static form raised(form x) {
    if (x.kind == CONSTANT) return (form){CONSTANT, 0, 0, exp(x.shift)};
    return x.kind == LINE ? (form){POWER, x.channel, x.scale, exp(x.shift)} : other;
}

static form product(form x, form y) {
    if (x.kind == OTHER || y.kind == OTHER) return other;
    return y.kind == CONSTANT ? times(x, y.shift) : x.kind == CONSTANT ? times(y, x.shift) : other;
}

static form sum(form x, form y) {
    if (x.kind == OTHER || y.kind == OTHER) return other;
    return y.kind == CONSTANT ? plus(x, y.shift) : x.kind == CONSTANT ? plus(y, x.shift) : other;
}

static form limited(form x, const rf_primitive *p) {
    if (x.kind == CONSTANT) x.shift = fmin(fmax(x.shift, (double)p->a), (double)p->b);
    return x;
}

/* Where number i of a row of shape `whole` is in one of shape `part`, broadcast as NumPy does. */
static int place_of(const rf_shape *whole, const rf_shape *part, int i) {
    int at = 0, step = 1;
    for (int axis = whole->n - 1, own = part->n - 1; axis > 0 && own > 0; axis--, own--) {
        int k = i % whole->d[axis];
        i /= whole->d[axis];
        at += (part->d[own] > 1 ? k : 0) * step;
        step *= part->d[own];
    }
    return at;
}

/* Number i of a row of what a slice or a concatenation gives: whose number it is. */
static form moved(const rf_decoding *d, const rf_primitive *p, form *const *forms, int i) {
    int inner = 1, input = 0;
    for (int k = p->axis + 1; k < p->shape.n; k++) inner *= p->shape.d[k];
    int along = i / inner % p->shape.d[p->axis], outer = i / inner / p->shape.d[p->axis];
    along += p->kind == RF_PRIMITIVE_SLICE ? p->start : 0;
    rf_shape x = rf_graph_shape(d->graph, p->in[0]);
    while (p->kind == RF_PRIMITIVE_CONCAT && along >= x.d[p->axis]) {
        along -= x.d[p->axis];
        x = rf_graph_shape(d->graph, p->in[++input]);
    }
    return forms[p->in[input]][(outer * x.d[p->axis] + along) * inner + i % inner];
}

static form form_of(const rf_decoding *d, const rf_primitive *p, form *const *forms, int i) {
    form x = p->kind == RF_PRIMITIVE_SLICE || p->kind == RF_PRIMITIVE_CONCAT ? other : forms[p->in[0]][i], y = other;
    if (p->n_in > 1 && p->kind != RF_PRIMITIVE_CONCAT) {
        rf_shape part = rf_graph_shape(d->graph, p->in[1]);
        y = forms[p->in[1]][place_of(&p->shape, &part, i)];
    }
    switch (p->kind) {
    case RF_PRIMITIVE_SLICE:
    case RF_PRIMITIVE_CONCAT:
        return moved(d, p, forms, i);
    case RF_PRIMITIVE_RESHAPE:
        return x;
    case RF_PRIMITIVE_SCALE:
        return times(x, (double)p->a);
    case RF_PRIMITIVE_SHIFT:
        return plus(x, (double)p->a);
    case RF_PRIMITIVE_CLAMP:
        return limited(x, p);
    case RF_PRIMITIVE_EXP:
        return raised(x);
    case RF_PRIMITIVE_ADD:
        return sum(x, y);
    case RF_PRIMITIVE_MUL:
        return product(x, y);
    case RF_PRIMITIVE_SIGMOID:
    case RF_PRIMITIVE_RELU:
        break;
    }
    return other;
}

static int row_width(const rf_decoding *d, rf_value value) {
    rf_shape s = rf_graph_shape(d->graph, value);
    return (int)(rf_shape_count(&s) / RF_DECODING_ROWS);
}

/* Follows the nodes; results[width_of the result] gets what they come to. */
static rf_status follow(const rf_decoding *d, const float anchor[4], form *results) {
    rf_value rows = d->loc[0] != RF_NONE ? d->loc[0] : d->points[0], end = d->box != RF_NONE ? d->box : d->landmarks;
    int n = rf_graph_value_count(d->graph);
    form **forms = rf_alloc((size_t)n, sizeof *forms);
    rf_status status = forms ? RF_OK : RF_ERR_NOMEM;
    for (int v = 0; v < n && status == RF_OK; v++) {
        forms[v] = rf_alloc((size_t)row_width(d, v), sizeof **forms);
        if (!forms[v]) status = RF_ERR_NOMEM;
    }
    if (status == RF_OK) {
        for (int k = 0; k < 4; k++) forms[d->anchors][k] = (form){CONSTANT, 0, 0, (double)anchor[k]};
        for (int k = 0; k < row_width(d, rows); k++) forms[rows][k] = (form){LINE, k, 1, 0};
        for (int i = 0; i < rf_graph_node_count(d->graph); i++) {
            rf_primitive p = rf_decoding_node(d, i);
            for (int k = 0; k < row_width(d, p.out); k++) forms[p.out][k] = form_of(d, &p, forms, k);
        }
        memcpy(results, forms[end], (size_t)row_width(d, end) * sizeof *results);
    }
    for (int v = 0; forms && v < n; v++) rf_free(forms[v]);
    rf_free(forms);
    return status;
}

static rf_status follow_coder(const rf_coder *coder, const rf_codec *codec, const float anchor[4], int width,
                              form *results, int *n) {
    rf_decoding d;
    rf_status status = rf_decoding_one(coder, codec, width, &d);
    if (status == RF_OK) {
        *n = row_width(&d, d.box != RF_NONE ? d.box : d.landmarks);
        status = *n <= RF_CODE_MAX ? follow(&d, anchor, results) : RF_ERR_USER;
    }
    rf_decoding_free(&d);
    return status;
}

/* Their unknown by ours, where both results are equal. */
static bool solve(form ours, form theirs, rf_ncnn_channel *channels, bool *done) {
    if (ours.kind != theirs.kind || (ours.kind != LINE && ours.kind != POWER) || theirs.scale == 0) return false;
    bool line = ours.kind == LINE;
    if (!line && !(ours.shift / theirs.shift > 0)) return false;
    channels[theirs.channel] =
        (rf_ncnn_channel){ours.channel, ours.scale / theirs.scale,
                          (line ? ours.shift - theirs.shift : log(ours.shift / theirs.shift)) / theirs.scale};
    done[theirs.channel] = true;
    return true;
}

rf_status rf_ncnn_fold(const rf_coder *ours, const rf_codec *codec, const float anchor[4], const rf_coder *theirs,
                       const float their_anchor[4], int width, rf_ncnn_channel *channels) {
    form a[RF_CODE_MAX], b[RF_CODE_MAX];
    bool done[RF_CODE_MAX] = {false};
    int n = 0, m = 0;
    RF_TRY(follow_coder(ours, codec, anchor, width, a, &n));
    RF_TRY(follow_coder(theirs, codec, their_anchor, width, b, &m));
    bool all = n == m;
    for (int i = 0; i < n && all; i++) all = solve(a[i], b[i], channels, done);
    for (int k = 0; k < width && all; k++) all = done[k];
    if (all) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "%s cannot read rows of the coder %s: they differ by more than a scale and a shift of a channel; "
                   "export to onnx or c",
                   theirs->name, ours->name);
}
