/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/ops/common.h"

#include <math.h>

/* An index of the float build is exact up to 2^24. */
enum { MAX_ROWS = 1 << 24 };

enum { ATTR_FIRST, ATTR_ROWS, ATTR_MIN, ATTR_TOP_K };

static size_t rows_of(const rf_call *call) {
    int rows = rf_attr_int(call, ATTR_ROWS);
    return (size_t)(rows ? rows : call->in[0].shape.d[0] - rf_attr_int(call, ATTR_FIRST));
}

/* Numbers of a row: 1, or logits of the background and of the kinds of objects. */
static size_t width_of(const rf_call *call) {
    return call->in[0].shape.n == 2 ? (size_t)call->in[0].shape.d[1] : 1;
}

static rf_status infer(rf_call *call) {
    const rf_shape *x = &call->in[0].shape;
    int first = rf_attr_int(call, ATTR_FIRST), rows = rf_attr_int(call, ATTR_ROWS), k = rf_attr_int(call, ATTR_TOP_K);
    char text[64];
    if (x->n < 1 || x->n > 2)
        return rf_fail(RF_ERR_USER, "select: x is %s, expected rows of one score or of logits", rf_shape_text(x, text));
    if (first > x->d[0] || rows > x->d[0] - first)
        return rf_fail(RF_ERR_USER, "select: first=%d rows=%d goes beyond the %d rows of x", first, rows, x->d[0]);
    if (rows_of(call) > MAX_ROWS)
        return rf_fail(RF_ERR_USER, "select: an index can name %d rows, here are %zu", MAX_ROWS, rows_of(call));
    int most = (int)rows_of(call);
    call->out[0].shape = call->out[1].shape = (rf_shape){1, {k && k < most ? k : most}};
    return RF_OK;
}

/* The candidates so far, in out[]. */
typedef struct list {
    rf_real *index, *score;
    size_t n, most;
} list;

/* Whether candidate a goes before b does, when one has to: a lower score, or the same and further back. */
static bool is_worse(const list *l, size_t a, size_t b) {
    return l->score[a] != l->score[b] ? l->score[a] < l->score[b] : l->index[a] > l->index[b];
}

static bool is_later(const list *l, size_t a, size_t b) {
    return l->index[a] > l->index[b];
}

static void swap(list *l, size_t a, size_t b) {
    rf_real index = l->index[a], score = l->score[a];
    l->index[a] = l->index[b];
    l->score[a] = l->score[b];
    l->index[b] = index;
    l->score[b] = score;
}

/* Restores the heap of the first n below place i; what is `above` others is nearer to the top. */
static void sink(list *l, size_t i, size_t n, bool (*above)(const list *l, size_t a, size_t b)) {
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && above(l, child + 1, child)) child++;
        if (!above(l, child, i)) return;
        swap(l, child, i);
    }
}

static void make_heap(list *l, bool (*above)(const list *l, size_t a, size_t b)) {
    for (size_t i = l->n / 2; i-- > 0;) sink(l, i, l->n, above);
}

/* Appends a candidate; one that has no room takes the place of the worst so far if it is better. */
static void push(list *l, size_t row, rf_real score) {
    if (l->n < l->most) {
        l->index[l->n] = (rf_real)row;
        l->score[l->n++] = score;
        return;
    }
    if (l->n == l->most) { /* the first that is too many */
        make_heap(l, is_worse);
        l->most = 0;
    }
    if (!(score > l->score[0])) return;
    l->index[0] = (rf_real)row;
    l->score[0] = score;
    sink(l, 0, l->n, is_worse);
}

/* Back in the order of x, by heap sort. */
static void put_in_order(list *l) {
    make_heap(l, is_later);
    for (size_t n = l->n; n > 1;) {
        swap(l, 0, --n);
        sink(l, 0, n, is_later);
    }
}

static rf_status select_logits(const rf_call *call, size_t first, size_t rows, list *l) {
    const rf_real *x = call->in[0].data + 2 * first, least = rf_attr_real(call, ATTR_MIN);
    /* score >= t when the margin of the logits is at least ln(t / (1 - t)): no exponential for the many that fail. The
     * limit is kept low, since the exact score decides. */
    double t = (double)least;
    rf_real coarse = t <= 0 ? -INFINITY : t >= 0.999 ? 6 : (rf_real)(log(t / (1 - t)) - 1e-3);
    for (size_t i = 0; i < rows; i++) {
        rf_real margin = x[2 * i + 1] - x[2 * i];
        if (margin < coarse) continue;
        if (!isfinite(margin))
            return rf_fail(RF_ERR_NONFINITE, "the class logits of row %zu are %g and %g; the weights are broken",
                           first + i, (double)x[2 * i], (double)x[2 * i + 1]);
        rf_real score = (rf_real)(1 / (1 + exp(-(double)margin)));
        if (score >= least) push(l, i, score);
    }
    return RF_OK;
}

/* The same of the best of several kinds: its margin to the background alone already bounds its score from above. */
static rf_status select_kinds(const rf_call *call, size_t first, size_t rows, list *l) {
    size_t width = width_of(call);
    const rf_real *x = call->in[0].data + width * first, least = rf_attr_real(call, ATTR_MIN);
    double t = (double)least;
    rf_real coarse = t <= 0 ? -INFINITY : t >= 0.999 ? 6 : (rf_real)(log(t / (1 - t)) - 1e-3);
    for (size_t i = 0; i < rows; i++, x += width) {
        size_t best = 1;
        for (size_t k = 2; k < width; k++)
            if (x[k] > x[best] || isnan(x[k])) best = k;
        if (x[best] - x[0] < coarse) continue;
        double sum = 0;
        for (size_t k = 0; k < width; k++) sum += exp((double)x[k] - (double)x[best]);
        if (!isfinite(sum) || !isfinite(x[best]))
            return rf_fail(RF_ERR_NONFINITE,
                           "the class logits of row %zu are %g for the background and %g for a kind of object; the "
                           "weights are broken",
                           first + i, (double)x[0], (double)x[best]);
        rf_real score = (rf_real)(1 / sum);
        if (score >= least) push(l, i, score);
    }
    return RF_OK;
}

static rf_status select_scores(const rf_call *call, size_t first, size_t rows, list *l) {
    const rf_real *x = call->in[0].data + first, least = rf_attr_real(call, ATTR_MIN);
    for (size_t i = 0; i < rows; i++) {
        if (isnan(x[i])) return rf_fail(RF_ERR_NONFINITE, "row %zu is not a number; the weights are broken", first + i);
        if (x[i] >= least) push(l, i, x[i]);
    }
    return RF_OK;
}

/* Serial: it reads every row once and what it finds is short. */
static rf_status forward(const rf_call *call) {
    size_t first = (size_t)rf_attr_int(call, ATTR_FIRST), rows = rows_of(call);
    list l = {call->out[0].data, call->out[1].data, 0, (size_t)call->out[0].shape.d[0]};
    size_t width = width_of(call);
    RF_TRY((width == 1 ? select_scores : width == 2 ? select_logits : select_kinds)(call, first, rows, &l));
    if (l.n > 0 && l.most == 0) put_in_order(&l);
    *call->rows = (int)l.n;
    return RF_OK;
}

static rf_real plain_score(const rf_call *call, size_t i) {
    size_t width = width_of(call);
    const rf_real *x = call->in[0].data + width * ((size_t)rf_attr_int(call, ATTR_FIRST) + i);
    if (width == 1) return x[0];
    double sum = 0, best = -INFINITY;
    for (size_t k = 1; k < width; k++) best = fmax(best, (double)x[k]);
    for (size_t k = 0; k < width; k++) sum += exp((double)x[k] - best);
    return (rf_real)(1 / sum);
}

/* A row stays when fewer than top_k others are better: a higher score, or the same and earlier. */
static void reference(const rf_call *call) {
    size_t rows = rows_of(call), n = 0;
    for (size_t i = 0; i < rows; i++) {
        rf_real own = plain_score(call, i);
        int better = 0;
        for (size_t k = 0; k < rows; k++)
            better += plain_score(call, k) > own || (plain_score(call, k) == own && k < i);
        if (own < rf_attr_real(call, ATTR_MIN) || better >= call->out[0].shape.d[0]) continue;
        call->out[0].data[n] = (rf_real)i;
        call->out[1].data[n++] = own;
    }
    *call->rows = (int)n;
}

/* Few different numbers, so that scores are equal. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    size_t count = rf_shape_count(&call->in[input].shape);
    for (size_t i = 0; i < count; i++) data[i] = (rf_real)((i * 7 + i / 5 + seed) % 11) / 4 - 1;
}

static const rf_case cases[] = {{"90x2", "min=0.6"},
                                {"90x2", "min=0.3 top_k=20"},
                                {"90x2", "first=7 rows=60 top_k=7"},
                                {"300x2", "top_k=1"},
                                {"40x2", "min=0.9999"},
                                {"90", "min=-0.5 top_k=30"},
                                {"90x3", "min=0.5"},
                                {"90x4", "first=7 rows=60 min=0.3 top_k=7"},
                                {"90x1", "min=0.25"},
                                {"1x2", "top_k=5"},
                                {NULL, NULL}};

const rf_op rf_op_select = {
    .name = "select",
    .formula =
        "rows of x[first : first+rows] whose score is at least min, of more than top_k the best, in their order; "
        "score = x, of several logits the largest softmax(x)[1:]",
    .in_names = {"x"},
    .out_names = {"index", "score"}, /* index counts from `first` */
    .attrs = {{"first", RF_ATTR_INT, 0, 0, 1 << 30, "first row that is looked at"},
              {"rows", RF_ATTR_INT, 0, 0, 1 << 30, "how many are looked at; 0 = all that follow"},
              {"min", RF_ATTR_FLOAT, -1e30, -1e30, 1e30, "lowest score"},
              {"top_k", RF_ATTR_INT, 0, 0, 1 << 30, "the most that are taken, of equal scores the earlier; 0 = all"}},
    .counts = true,
    .infer = infer,
    .forward = forward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
