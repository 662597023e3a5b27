/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a decoding as C: a function that reads what the stages of heads say of one anchor. */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "export/c_source.h"
#include "export/decoding.h"

/* Numbers of a row of a value. */
static int width_of(const rf_decoding *d, rf_value value) {
    rf_shape s = rf_graph_shape(d->graph, value);
    return (int)(rf_shape_count(&s) / RF_DECODING_ROWS);
}

/* A value in an expression at place `at`; one number wide: the same for all. */
static void put_at(rf_text *t, const rf_decoding *d, rf_value value, const char *at) {
    if (width_of(d, value) == 1)
        rf_text_printf(t, "v%d[0]", value);
    else
        rf_text_printf(t, "v%d[%s]", value, at);
}

/* The index of the second input of a broadcasting op, whose dimensions are 1 or those of the first, in loops i, j, k.
 */
static void put_broadcast(rf_text *t, const rf_shape *whole, const rf_shape *part) {
    static const char *const loops[] = {"i", "j", "k"};
    int step = 1, n = 0;
    char text[80] = "";
    for (int axis = part->n - 1, to = whole->n - 1; axis > 0; axis--, to--) {
        if (part->d[axis] > 1) {
            char one[24];
            snprintf(one, sizeof one, "%s%.0d%s%s", n ? " + " : "", step > 1 ? step : 0, step > 1 ? " * " : "",
                     loops[to - 1]);
            strncat(text, one, sizeof text - strlen(text) - 1);
            n++;
        }
        step *= part->d[axis];
    }
    rf_text_put(t, n ? text : "0");
}

static void put_loop(rf_text *t, int depth, char loop, int count) {
    rf_text_printf(t, "%*sfor (int %c = 0; %c < %d; %c++)\n", 4 * depth, "", loop, loop, count, loop);
}

/* out = first op second, the second one broadcast. */
static void put_binary(rf_text *t, const rf_decoding *d, const rf_primitive *p, char op) {
    rf_shape part = rf_graph_shape(d->graph, p->in[1]);
    rf_value x = p->in[0], y = p->in[1];
    if (width_of(d, y) == width_of(d, x) || width_of(d, y) == 1) {
        rf_text_printf(t, "    for (int i = 0; i < %d; i++) v%d[i] = v%d[i] %c ", width_of(d, p->out), p->out, x, op);
        put_at(t, d, y, "i");
        rf_text_put(t, ";\n");
        return;
    }
    char index[64] = "i";
    for (int axis = 1; axis < p->shape.n; axis++) put_loop(t, axis, "ijk"[axis - 1], p -> shape.d[axis]);
    for (int axis = 2; axis < p->shape.n; axis++) {
        char next[64];
        snprintf(next, sizeof next, axis > 2 ? "(%.40s) * %d + %c" : "%.40s * %d + %c", index, p->shape.d[axis],
                 "ijk"[axis - 1]);
        memcpy(index, next, sizeof index);
    }
    rf_text_printf(t, "%*sv%d[%s] = v%d[%s] %c v%d[", 4 * p->shape.n, "", p->out, index, x, index, op, y);
    put_broadcast(t, &p->shape, &part);
    rf_text_put(t, "];\n");
}

/* Copies blocks of `count` numbers, one in each of `times` parts: slices and concatenations along any axis. */
static void put_blocks(rf_text *t, int times, int count, rf_value to, int to_step, int to_first, rf_value from,
                       int from_step, int from_first) {
    if (times == 1) {
        rf_text_printf(t, "    memcpy(v%d + %d, v%d + %d, %d * sizeof(float));\n", to, to_first, from, from_first,
                       count);
        return;
    }
    rf_text_printf(t, "    for (int i = 0; i < %d; i++)\n", times);
    rf_text_printf(t, "        memcpy(v%d + %d * i + %d, v%d + %d * i + %d, %d * sizeof(float));\n", to, to_step,
                   to_first, from, from_step, from_first, count);
}

/* Blocks before an axis, and numbers of one step along it. */
static void around(const rf_shape *s, int axis, int *times, int *step) {
    *times = *step = 1;
    for (int k = 1; k < axis; k++) *times *= s->d[k];
    for (int k = axis + 1; k < s->n; k++) *step *= s->d[k];
}

static void put_slice(rf_text *t, const rf_decoding *d, const rf_primitive *p) {
    rf_shape x = rf_graph_shape(d->graph, p->in[0]);
    int times, step;
    around(&x, p->axis, &times, &step);
    put_blocks(t, times, step * p->count, p->out, step * p->count, 0, p->in[0], step * x.d[p->axis], step * p->start);
}

/* Of a row's first dimension: its numbers lie together. */
static bool put_slice_in_place(rf_text *t, const rf_decoding *d, const rf_primitive *p) {
    rf_shape x = rf_graph_shape(d->graph, p->in[0]);
    int times, step;
    around(&x, p->axis, &times, &step);
    if (times > 1) return false;
    rf_text_printf(t, "    const float *v%d = v%d + %d;\n", p->out, p->in[0], step * p->start);
    return true;
}

static void put_concat(rf_text *t, const rf_decoding *d, const rf_primitive *p) {
    int times, step, first = 0;
    around(&p->shape, p->axis, &times, &step);
    for (int k = 0; k < p->n_in; k++) {
        int count = step * rf_graph_shape(d->graph, p->in[k]).d[p->axis];
        put_blocks(t, times, count, p->out, step * p->shape.d[p->axis], first, p->in[k], count, 0);
        first += count;
    }
}

/* out[i] = BEFORE in[i] MIDDLE a AFTER, or without a number. */
static void put_each(rf_text *t, const rf_decoding *d, const rf_primitive *p, const char *before, const char *middle,
                     const float *numbers, int n_numbers, const char *after) {
    rf_text_printf(t, "    for (int i = 0; i < %d; i++) v%d[i] = %sv%d[i]%s", width_of(d, p->out), p->out, before,
                   p->in[0], middle);
    for (int k = 0; k < n_numbers; k++) {
        if (k) rf_text_put(t, ", ");
        rf_c_put_float(t, numbers[k]);
    }
    rf_text_printf(t, "%s;\n", after);
}

static void put_node(rf_text *t, const rf_decoding *d, const rf_primitive *p) {
    const float limits[] = {p->a, p->b};
    if (p->kind == RF_PRIMITIVE_SLICE && put_slice_in_place(t, d, p)) return;
    if (p->kind == RF_PRIMITIVE_RESHAPE) {
        rf_text_printf(t, "    const float *v%d = v%d;\n", p->out, p->in[0]);
        return;
    }
    rf_text_printf(t, "    float v%d[%d];\n", p->out, width_of(d, p->out));
    switch (p->kind) {
    case RF_PRIMITIVE_RESHAPE:
        break;
    case RF_PRIMITIVE_SLICE:
        put_slice(t, d, p);
        break;
    case RF_PRIMITIVE_CONCAT:
        put_concat(t, d, p);
        break;
    case RF_PRIMITIVE_SCALE:
        put_each(t, d, p, "", " * ", &p->a, 1, "");
        break;
    case RF_PRIMITIVE_SHIFT:
        put_each(t, d, p, "", " + ", &p->a, 1, "");
        break;
    case RF_PRIMITIVE_CLAMP:
        put_each(t, d, p, "limit(", ", ", limits, 2, ")");
        break;
    case RF_PRIMITIVE_EXP:
        put_each(t, d, p, "expf(", "", NULL, 0, ")");
        break;
    case RF_PRIMITIVE_SIGMOID:
        put_each(t, d, p, "1 / (1 + expf(-", "", NULL, 0, "))");
        break;
    case RF_PRIMITIVE_RELU:
        put_each(t, d, p, "limit(", ", 0, FLT_MAX", NULL, 0, ")");
        break;
    case RF_PRIMITIVE_ADD:
        put_binary(t, d, p, '+');
        break;
    case RF_PRIMITIVE_MUL:
        put_binary(t, d, p, '*');
        break;
    }
}

static void put_input(rf_text *t, const rf_decoding *d, rf_value value, const char *member, int stage) {
    if (value != RF_NONE && d->used[value])
        rf_text_printf(t, "    const float *v%d = said[%d].%s;\n", value, stage, member);
}

static void put_result(rf_text *t, const rf_decoding *d, rf_value value, const char *name) {
    if (value == RF_NONE)
        rf_text_printf(t, "    (void)%s;\n", name);
    else
        rf_text_printf(t, "    memcpy(%s, v%d, %d * sizeof(float));\n", name, value, width_of(d, value));
}

static void put_body(rf_text *t, const rf_decoding *d) {
    if (d->used[d->anchors])
        rf_text_printf(t, "    const float *v%d = anchor;\n", d->anchors);
    else
        rf_text_put(t, "    (void)anchor;\n");
    for (int k = 0; k < RF_NET_STAGES; k++) {
        put_input(t, d, d->loc[k], "box", k);
        put_input(t, d, d->points[k], "points", k);
    }
    for (int i = 0; i < rf_graph_node_count(d->graph); i++) {
        rf_primitive p = rf_decoding_node(d, i);
        if (d->used[p.out]) put_node(t, d, &p);
    }
    put_result(t, d, d->box, "box");
    put_result(t, d, d->landmarks, "points");
}

static rf_status body_of(const rf_export_net *net, const rf_codec *codec, int level, char **out) {
    rf_decoding d;
    rf_text t = {0};
    rf_status status = rf_decoding_make(net, codec, level, &d);
    if (status == RF_OK) {
        put_body(&t, &d);
        status = rf_text_finish(&t, out, NULL);
    }
    rf_decoding_free(&d);
    return status;
}

rf_status rf_c_decoding_text(const rf_export_net *net, const rf_codec *codec, int *function, char **out) {
    char *bodies[RF_NET_LEVELS] = {NULL};
    rf_text t = {0};
    rf_status status = RF_OK;
    *out = NULL;
    for (int l = 0; l < net->detector.n_levels && status == RF_OK; l++) {
        status = body_of(net, codec, l, &bodies[l]);
        function[l] = 0;
        while (status == RF_OK && strcmp(bodies[function[l]], bodies[l]) != 0) function[l]++;
        if (status != RF_OK || function[l] < l) continue;
        rf_text_printf(
            &t,
            "static void decode%d(const float anchor[4], const struct said *said, float *box, float *points) "
            "{\n%s}\n\n",
            l, bodies[l]);
    }
    for (int l = 0; l < RF_NET_LEVELS; l++) rf_free(bodies[l]);
    if (status == RF_OK) return rf_text_finish(&t, out, NULL);
    rf_text_clear(&t);
    return status;
}
