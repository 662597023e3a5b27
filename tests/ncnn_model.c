/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ncnn_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/exec.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/decode_kit.h"
#include "layers/init.h"
#include "tests/outputs_kit.h"

static void perturb(const rf_param *p, rf_real *values, rf_rng *rng) {
    bool one = p->kind == RF_PARAM_BN_VAR || p->kind == RF_PARAM_BN_GAMMA;
    bool weight = p->kind == RF_PARAM_CONV || p->kind == RF_PARAM_DWCONV;
    double bound = weight ? sqrt(4 / (double)(p->dims[1] * p->dims[2] * p->dims[3])) : 0.3;
    if (p->flags & RF_PARAM_HEAD) bound *= 0.3; /* sizes stay far from where our codec limits them */
    for (size_t i = 0; i < p->count; i++) values[i] = (rf_real)(rf_rng_range(rng, -bound, bound) + (one ? 1 : 0));
}

void random_model_make(random_model *m, const char *ini) {
    rf_rng rng = rf_rng_make(11, 0, 0, RF_STREAM_TEST);
    memset(m, 0, sizeof *m);
    if (rf_config_parse("test", ini, NULL, 0, &m->config) != RF_OK) fail_msg("%s", rf_error_message());
    if (rf_detector_params(&m->config, &m->params) != RF_OK) fail_msg("%s", rf_error_message());
    for (size_t i = 0; i < m->params->count; i++)
        perturb(&m->params->entries[i], rf_params_values(m->params, &m->params->entries[i]), &rng);
    assert_int_equal(rf_params_fold(m->params, NULL), RF_OK);
    m->model = (rf_export_model){.config = &m->config, .params = m->params, .ap = {-1, -1, -1}};
}

void random_model_free(random_model *m) {
    rf_params_free(m->params);
}

/* Appends all anchors of a level and notes which of them an earlier stage drops. */
static void decode_level(own_faces *own, rf_exec *exec, const rf_detector *d, int l, rf_face_list *list) {
    const rf_anchor_level *level = &own->anchors.levels[l];
    size_t n = (size_t)(level->rows * level->cols * own->anchors.n_sizes);
    const float *anchors = own->anchors.boxes + 4 * level->first, drop = own->spec.drop_below;
    kit_stage rows[RF_NET_STAGES] = {{0}};
    rf_face_list kept = {0};
    for (int k = 0; k < rf_outputs_stages(&d->outputs); k++) {
        rows[k].cls = kit_level(exec, &d->outputs, "cls", k, l);
        rows[k].loc = kit_level(exec, &d->outputs, "loc", k, l);
        rows[k].points = kit_level(exec, &d->outputs, "points", k, l);
    }
    assert_int_equal(
        kit_decode_stages(&own->spec.codec, anchors, n, rows, rf_outputs_stages(&d->outputs), -INFINITY, 0, list),
        RF_OK);
    assert_int_equal(
        kit_decode_stages(&own->spec.codec, anchors, n, rows, rf_outputs_stages(&d->outputs), drop, 0, &kept), RF_OK);
    for (size_t i = 0; i < n; i++) own->dropped[level->first + i] = true;
    for (size_t i = 0; i < kept.n; i++) own->dropped[level->first + kept.items[i].mesh - 1] = false;
    rf_face_list_free(&kept);
}

void own_faces_make(own_faces *own, const rf_export_model *model, const float *input, int h, int w) {
    rf_detector detector;
    rf_graph *graph = rf_graph_new();
    memset(own, 0, sizeof *own);
    assert_int_equal(rf_detect_spec_from_config(model->config, &own->spec), RF_OK);
    assert_int_equal(rf_anchor_set_make(&own->spec.anchors, h, w, &own->anchors), RF_OK);
    own->dropped = rf_alloc(own->anchors.count, sizeof *own->dropped);
    assert_non_null(own->dropped);
    if (rf_detector_build(graph, model->params, model->config, 1, h, w, RF_EVAL, &detector) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_exec *exec = rf_exec_new(graph, NULL);
    assert_non_null(exec);
    rf_real *to = rf_exec_data(exec, detector.input);
    for (int p = 0; p < h * w; p++)
        for (int c = 0; c < 3; c++) to[p * 3 + c] = input[c * h * w + p];
    assert_int_equal(rf_exec_forward(exec, false), RF_OK);
    for (int l = 0; l < detector.n_levels; l++) decode_level(own, exec, &detector, l, &own->list);
    assert_int_equal(own->list.n, own->anchors.count);
    own->faces = own->list.items;
    rf_exec_free(exec);
    rf_graph_free(graph);
}

void own_faces_free(own_faces *own) {
    rf_anchor_set_free(&own->anchors);
    rf_face_list_free(&own->list);
    rf_free(own->dropped);
}

static void larger(double *most, double value) {
    if (!(value <= *most)) *most = value;
}

/* plus_one: the sample's corners lie half a pixel outside ours (docs/deploy.md). */
static void compare_face(const ncnn_face *theirs, const rf_face *ours, bool plus_one, difference *d) {
    double edge = plus_one ? 0.5 : 0, w = (double)(ours->box[2] - ours->box[0]),
           h = (double)(ours->box[3] - ours->box[1]);
    double side = fmax(fmax(w, h), 1), most = 0;
    double theirs_box[4] = {(double)theirs->rect[0], (double)theirs->rect[1],
                            (double)theirs->rect[0] + (double)theirs->rect[2] - 1,
                            (double)theirs->rect[1] + (double)theirs->rect[3] - 1};
    for (int k = 0; k < 4; k++) larger(&most, fabs(theirs_box[k] - ((double)ours->box[k] + (k < 2 ? -edge : edge))));
    for (int k = 0; k < 2 * ours->n_points; k++)
        larger(&most, fabs((double)theirs->points[k] - (double)ours->points[k]));
    larger(&d->score, fabs((double)theirs->prob - (double)ours->score));
    larger(&d->place, most / side);
    if (ours->score > 0.5f) larger(&d->pixels, most);
}

/* Which of our anchors of a level is the sample's number a: of those of its size the next one. */
static int anchor_of_scale(const rf_anchor_spec *spec, int level, const float *scales, int a) {
    int before = 0;
    for (int i = 0; i < a; i++) before += scales[i] == scales[a];
    for (int k = 0; k < spec->n_sizes; k++)
        if (spec->sizes[level * spec->n_sizes + k] == 16 * scales[a] && before-- == 0) return k;
    fail_msg("no anchor of size %g", (double)(16 * scales[a]));
    return 0;
}

void compare_level(const ncnn_run *run, const own_faces *own, int level, const float *scales, difference *d) {
    const rf_anchor_level *l = &own->anchors.levels[level];
    int n = own->anchors.n_sizes, cells = l->rows * l->cols;
    ncnn_heads stages[4];
    int n_stages = ncnn_stages(run, l->stride, stages);
    const ncnn_blob *box = stages[n_stages - 1].box ? stages[n_stages - 1].box : stages[0].box;
    ncnn_face *faces = rf_alloc((size_t)(n * cells), sizeof *faces);
    assert_true(box->h == l->rows && box->w == l->cols);
    ncnn_decode(stages, n_stages, l->stride, scales, n, faces);
    for (int a = 0; a < n; a++) {
        int k = anchor_of_scale(&own->spec.anchors, level, scales, a);
        for (int cell = 0; cell < cells; cell++) {
            size_t ours = l->first + (size_t)(cell * n + k);
            const ncnn_face *theirs = &faces[a * cells + cell];
            compare_face(theirs, &own->faces[ours], own->spec.anchors.plus_one, d);
            double drop = 1 / (1 + exp((double)own->spec.drop_below)), sure = (double)theirs->sure;
            d->dropped += sure > drop;
            if (fabs(sure - drop) > 1e-4) assert_int_equal(sure > drop, own->dropped[ours]);
        }
    }
    rf_free(faces);
}
