/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/onnx_eval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "tests/onnx_maps.h"

onnx_array *onnx_make(onnx_array *a, int n, const int *d) {
    a->n = n;
    a->count = 1;
    for (int i = 0; i < 4; i++) a->d[i] = i < n ? d[i] : 1;
    for (int i = 0; i < n; i++) a->count *= (size_t)d[i];
    a->v = rf_alloc(a->count, sizeof *a->v);
    assert_non_null(a->v);
    return a;
}

const rf_onnx_attr *onnx_attr(const onnx_call *c, const char *name) {
    for (int i = 0; i < c->node->n_attrs; i++)
        if (strcmp(c->node->attrs[i].name, name) == 0) return &c->node->attrs[i];
    fail_msg("%s has no attribute %s", c->node->output, name);
    return NULL;
}

int onnx_whole(const onnx_array *a, size_t i) {
    assert_true(i < a->count);
    return (int)a->v[i];
}

/* Elements before and after an axis. */
static size_t product(const onnx_array *a, int from, int to) {
    size_t p = 1;
    for (int i = from; i < to; i++) p *= (size_t)a->d[i];
    return p;
}

/* ---- elements ---- */

static double apply(const onnx_call *c, double a, double b) {
    switch (*c->node->op) {
    case 'A':
        return a + b;
    case 'S':
        return a - b;
    case 'M':
        if (strcmp(c->node->op, "Max") == 0) return fmax(a, b);
        if (strcmp(c->node->op, "Min") == 0) return fmin(a, b);
        return a * b;
    default:
        return a / b;
    }
}

/* Place in an array of the element that belongs to place i of the output, sizes of 1 repeated. */
static size_t source(const onnx_array *a, const onnx_array *out, size_t i) {
    size_t at = 0, step = 1;
    for (int k = 0; k < out->n; k++) {
        int axis = out->n - 1 - k, own = a->n - 1 - k;
        size_t index = i % (size_t)out->d[axis];
        i /= (size_t)out->d[axis];
        if (own < 0) continue;
        assert_true(a->d[own] == 1 || a->d[own] == out->d[axis]);
        if (a->d[own] > 1) at += index * step;
        step *= (size_t)a->d[own];
    }
    return at;
}

static void broadcast(const onnx_array *a, const onnx_array *b, onnx_array *out) {
    int n = a->n > b->n ? a->n : b->n, d[4];
    for (int k = 0; k < n; k++) {
        int x = k < a->n ? a->d[a->n - 1 - k] : 1, y = k < b->n ? b->d[b->n - 1 - k] : 1;
        d[n - 1 - k] = x > y ? x : y;
    }
    onnx_make(out, n, d);
}

static void binary(const onnx_call *c) {
    broadcast(c->in[0], c->in[1], c->out);
    for (size_t i = 0; i < c->out->count; i++)
        c->out->v[i] = apply(c, c->in[0]->v[source(c->in[0], c->out, i)], c->in[1]->v[source(c->in[1], c->out, i)]);
    for (int k = 2; k < c->node->n_inputs; k++) { /* Max and Min; of the output's shape here */
        assert_true(c->in[k]->count == c->out->count);
        for (size_t i = 0; i < c->out->count; i++) c->out->v[i] = apply(c, c->out->v[i], c->in[k]->v[i]);
    }
}

static void expand(const onnx_call *c) {
    onnx_array shape = {.n = (int)c->in[1]->count};
    for (int i = 0; i < shape.n; i++) shape.d[i] = onnx_whole(c->in[1], (size_t)i);
    broadcast(c->in[0], &shape, c->out);
    for (size_t i = 0; i < c->out->count; i++) c->out->v[i] = c->in[0]->v[source(c->in[0], c->out, i)];
}

static void unary(const onnx_call *c) {
    const char *op = c->node->op;
    onnx_make(c->out, c->in[0]->n, c->in[0]->d);
    double slope = strcmp(op, "LeakyRelu") == 0 ? (double)onnx_attr(c, "alpha")->f : 0;
    for (size_t i = 0; i < c->out->count; i++) {
        double x = c->in[0]->v[i];
        if (strcmp(op, "Exp") == 0)
            x = exp(x);
        else if (strcmp(op, "Sigmoid") == 0)
            x = 1 / (1 + exp(-x));
        else if (strcmp(op, "Clip") == 0)
            x = fmin(fmax(x, c->in[1]->v[0]), c->in[2]->v[0]);
        else if (strcmp(op, "Cast") != 0 && x < 0)
            x *= slope;
        c->out->v[i] = x;
    }
}

static void softmax(const onnx_call *c) {
    const onnx_array *x = c->in[0];
    assert_int_equal(onnx_attr(c, "axis")->i, x->n - 1); /* the last: all operator sets mean the same */
    onnx_make(c->out, x->n, x->d);
    size_t width = (size_t)x->d[x->n - 1];
    for (size_t r = 0; r < x->count; r += width) {
        double sum = 0;
        for (size_t i = 0; i < width; i++) sum += exp(x->v[r + i] - x->v[r]);
        for (size_t i = 0; i < width; i++) c->out->v[r + i] = exp(x->v[r + i] - x->v[r]) / sum;
    }
}

/* ---- shapes ---- */

/* Of the last of the dimensions, which stays as 1. */
static void argmax(const onnx_call *c) {
    const onnx_array *x = c->in[0];
    int last = x->n - 1, width = x->d[last], d[4];
    assert_int_equal(onnx_attr(c, "axis")->i, last);
    assert_int_equal(onnx_attr(c, "keepdims")->i, 1);
    memcpy(d, x->d, sizeof d);
    d[last] = 1;
    onnx_make(c->out, x->n, d);
    for (size_t r = 0; r < c->out->count; r++) {
        int best = 0;
        for (int k = 1; k < width; k++)
            if (x->v[r * (size_t)width + (size_t)k] > x->v[r * (size_t)width + (size_t)best]) best = k;
        c->out->v[r] = best;
    }
}

static void concat(const onnx_call *c) {
    int axis = (int)onnx_attr(c, "axis")->i, d[4] = {0};
    memcpy(d, c->in[0]->d, sizeof d);
    for (int i = 1; i < c->node->n_inputs; i++) d[axis] += c->in[i]->d[axis];
    onnx_make(c->out, c->in[0]->n, d);
    size_t outer = product(c->out, 0, axis), row = product(c->out, axis, c->out->n), at = 0;
    for (int i = 0; i < c->node->n_inputs; i++) {
        size_t width = product(c->in[i], axis, c->in[i]->n);
        assert_int_equal(product(c->in[i], 0, axis), outer);
        for (size_t r = 0; r < outer; r++)
            memcpy(c->out->v + r * row + at, c->in[i]->v + r * width, width * sizeof(double));
        at += width;
    }
}

static void transpose(const onnx_call *c) {
    const rf_onnx_attr *perm = onnx_attr(c, "perm");
    const onnx_array *x = c->in[0];
    int d[4], n = x->n;
    assert_int_equal(perm->n_ints, n);
    for (int i = 0; i < n; i++) d[i] = x->d[perm->ints[i]];
    onnx_make(c->out, n, d);
    for (size_t i = 0; i < x->count; i++) {
        size_t rest = i, at = 0;
        int index[4];
        for (int k = n - 1; k >= 0; k--) {
            index[k] = (int)(rest % (size_t)x->d[k]);
            rest /= (size_t)x->d[k];
        }
        for (int k = 0; k < n; k++) at = at * (size_t)d[k] + (size_t)index[perm->ints[k]];
        c->out->v[at] = x->v[i];
    }
}

static void reshape(const onnx_call *c) {
    const onnx_array *x = c->in[0], *shape = c->in[1];
    int d[4], open = -1, n = (int)shape->count;
    size_t known = 1;
    for (int i = 0; i < n; i++) {
        d[i] = onnx_whole(shape, (size_t)i);
        if (d[i] == 0) d[i] = x->d[i];
        if (d[i] == -1) open = i;
        if (d[i] != -1) known *= (size_t)d[i];
    }
    if (open >= 0) d[open] = known ? (int)(x->count / known) : 0;
    onnx_make(c->out, n, d);
    assert_int_equal(c->out->count, x->count);
    memcpy(c->out->v, x->v, x->count * sizeof(double));
}

static void shape_of(const onnx_call *c) {
    onnx_make(c->out, 1, &c->in[0]->n);
    for (int i = 0; i < c->in[0]->n; i++) c->out->v[i] = c->in[0]->d[i];
}

static void slice(const onnx_call *c) {
    const onnx_array *x = c->in[0];
    int from = onnx_whole(c->in[1], 0), to = onnx_whole(c->in[2], 0), axis = onnx_whole(c->in[3], 0), d[4];
    memcpy(d, x->d, sizeof d);
    d[axis] = to - from;
    assert_true(from >= 0 && to <= x->d[axis]);
    onnx_make(c->out, x->n, d);
    size_t inner = product(x, axis + 1, x->n), outer = product(x, 0, axis), width = (size_t)d[axis] * inner;
    for (size_t r = 0; r < outer; r++)
        memcpy(c->out->v + r * width, x->v + (r * (size_t)x->d[axis] + (size_t)from) * inner, width * sizeof(double));
}

static void gather(const onnx_call *c) {
    const onnx_array *x = c->in[0], *index = c->in[1];
    int axis = (int)onnx_attr(c, "axis")->i, d[4], n = 0;
    for (int i = 0; i < x->n; i++) {
        if (i != axis)
            d[n++] = x->d[i];
        else if (index->n == 1)
            d[n++] = index->d[0];
    }
    onnx_make(c->out, n, d);
    size_t inner = product(x, axis + 1, x->n), outer = product(x, 0, axis), many = index->count;
    for (size_t r = 0; r < outer; r++)
        for (size_t k = 0; k < many; k++)
            memcpy(c->out->v + (r * many + k) * inner,
                   x->v + (r * (size_t)x->d[axis] + (size_t)onnx_whole(index, k)) * inner, inner * sizeof(double));
}

static void gather_nd(const onnx_call *c) {
    const onnx_array *x = c->in[0], *index = c->in[1];
    int depth = index->d[1], d[4] = {index->d[0]}, n = 1;
    for (int i = depth; i < x->n; i++) d[n++] = x->d[i];
    onnx_make(c->out, n, d);
    size_t inner = product(x, depth, x->n);
    for (int r = 0; r < index->d[0]; r++) {
        size_t at = 0;
        for (int k = 0; k < depth; k++) at = at * (size_t)x->d[k] + (size_t)onnx_whole(index, (size_t)(r * depth + k));
        memcpy(c->out->v + (size_t)r * inner, x->v + at * inner, inner * sizeof(double));
    }
}

static void range(const onnx_call *c) {
    int from = onnx_whole(c->in[0], 0), to = onnx_whole(c->in[1], 0);
    assert_int_equal(onnx_whole(c->in[2], 0), 1);
    onnx_make(c->out, 1, (int[]){to - from});
    for (int i = from; i < to; i++) c->out->v[i - from] = i;
}

/* ---- suppression ---- */

static double overlap(const double *a, const double *b) {
    double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
}

static void suppress(const onnx_call *c) {
    const onnx_array *boxes = c->in[0], *scores = c->in[1];
    int images = boxes->d[0], n = boxes->d[1], most = onnx_whole(c->in[2], 0), rows = 0;
    double iou = c->in[3]->v[0], least = c->in[4]->v[0],
           *list = rf_alloc((size_t)(images * n * scores->d[1]), 3 * sizeof *list);
    assert_non_null(list);
    assert_int_equal(onnx_attr(c, "center_point_box")->i, 0);
    int kinds = scores->d[1];
    for (int plane = 0; plane < images * kinds; plane++) {
        int image = plane / kinds, kind = plane % kinds;
        const double *box = boxes->v + (size_t)(image * n) * 4, *score = scores->v + (size_t)(plane * n);
        int begin = rows;
        double above = INFINITY; /* by falling score; equal scores do not come up in the tests */
        while (rows - begin < most) {
            int best = -1;
            for (int i = 0; i < n; i++)
                if (score[i] > least && score[i] < above && (best < 0 || score[i] > score[best])) best = i;
            if (best < 0) break;
            above = score[best];
            bool free = true;
            for (int r = begin; free && r < rows; r++)
                free = overlap(box + 4 * (int)list[3 * r + 2], box + 4 * best) <= iou;
            if (free) memcpy(list + 3 * rows++, (double[]){image, kind, best}, 3 * sizeof *list);
        }
    }
    onnx_make(c->out, 2, (int[]){rows, 3});
    memcpy(c->out->v, list, (size_t)rows * 3 * sizeof *list);
    rf_free(list);
}

/* ---- the run ---- */

static const struct {
    const char *op;
    void (*run)(const onnx_call *c);
} ops[] = {{"Conv", onnx_conv},     {"DeformConv", onnx_deform_conv},
           {"Sigmoid", unary},      {"MaxPool", onnx_max_pool},
           {"Resize", onnx_resize}, {"Add", binary},
           {"Sub", binary},         {"Mul", binary},
           {"Div", binary},         {"Max", binary},
           {"Min", binary},         {"Relu", unary},
           {"LeakyRelu", unary},    {"Exp", unary},
           {"Clip", unary},         {"Cast", unary},
           {"Softmax", softmax},    {"ArgMax", argmax},
           {"Concat", concat},      {"Transpose", transpose},
           {"Reshape", reshape},    {"Shape", shape_of},
           {"Slice", slice},        {"Gather", gather},
           {"GatherND", gather_nd}, {"Range", range},
           {"Expand", expand},      {"NonMaxSuppression", suppress}};

const onnx_array *onnx_eval_find(const onnx_eval *e, const char *name) {
    for (int i = 0; i < e->n; i++)
        if (strcmp(e->arrays[i].name, name) == 0) return &e->arrays[i];
    fail_msg("nothing is called %s", name);
    return NULL;
}

static onnx_array *add(onnx_eval *e, const char *name) {
    assert_true(e->n < ONNX_EVAL_VALUES);
    e->arrays[e->n] = (onnx_array){.name = name};
    return &e->arrays[e->n++];
}

static double half(uint16_t bits) {
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    double size = exponent ? ldexp(1024 + digits, exponent - 25) : ldexp(digits, -24);
    return bits & 0x8000 ? -size : size;
}

static void add_constant(onnx_eval *e, const rf_onnx_tensor *t) {
    int d[4];
    for (int i = 0; i < t->n_dims; i++) d[i] = (int)t->dims[i];
    onnx_array *a = onnx_make(add(e, t->name), t->n_dims, d);
    for (size_t i = 0; i < a->count; i++)
        a->v[i] = t->type == RF_ONNX_FLOAT   ? (double)((const float *)t->data)[i]
                  : t->type == RF_ONNX_INT64 ? (double)((const int64_t *)t->data)[i]
                                             : half(((const uint16_t *)t->data)[i]);
}

void onnx_eval_run(onnx_eval *e, const rf_onnx_model *model, const onnx_array *input) {
    e->n = 0;
    for (int i = 0; i < model->n_tensors; i++) add_constant(e, &model->tensors[i]);
    assert_int_equal(model->n_inputs, 1);
    onnx_array *x = onnx_make(add(e, model->inputs[0].name), input->n, input->d);
    memcpy(x->v, input->v, input->count * sizeof *x->v);
    for (int i = 0; i < model->n_nodes; i++) {
        onnx_call c = {.node = &model->nodes[i], .opset = model->opset};
        for (int k = 0; k < c.node->n_inputs; k++)
            c.in[k] = *c.node->inputs[k] ? onnx_eval_find(e, c.node->inputs[k]) : NULL;
        c.out = add(e, c.node->output);
        size_t op = 0;
        while (op < sizeof ops / sizeof *ops && strcmp(ops[op].op, c.node->op) != 0) op++;
        if (op == sizeof ops / sizeof *ops) fail_msg("an operator that no test knows: %s", c.node->op);
        ops[op].run(&c);
    }
}

void onnx_eval_free(onnx_eval *e) {
    for (int i = 0; i < e->n; i++) rf_free(e->arrays[i].v);
    e->n = 0;
}
