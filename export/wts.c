/* SPDX-License-Identifier: Apache-2.0 */
/* Weights for tensorrtx, which builds the TensorRT network in its own code (retinaface/) and folds normalisation there:
 * all arrays as they are, under the names of Pytorch_Retinaface's state_dict. */
#include "export/wts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/file.h"
#include "core/mem.h"
#include "detect/codec.h"
#include "export/export.h"

/* PyTorch keeps a counter with the statistics of every normalisation, and tensorrtx's script writes all of a
 * state_dict. Nothing reads it; rf does not count, so it is 0. */
static const char counter[] = "num_batches_tracked", last_statistic[] = "running_var";

typedef rf_status (*array_fn)(void *ctx, const char *name, const float *values, size_t count);

/* Calls fn for every array in the order of a state_dict. */
static rf_status each_array(const rf_params *params, array_fn fn, void *ctx) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        float *values = rf_alloc(p->count, sizeof *values);
        if (!values) return RF_ERR_NOMEM;
        rf_param_to_file(p, rf_params_values(params, p), values);
        rf_status status = fn(ctx, p->name, values, p->count);
        rf_free(values);
        if (status == RF_OK && p->kind == RF_PARAM_BN_VAR) {
            char name[RF_NAME_BYTES + sizeof counter];
            const float none = 0;
            int stem = (int)(strlen(p->name) - strlen(last_statistic));
            snprintf(name, sizeof name, "%.*s%s", stem, p->name, counter);
            status = fn(ctx, name, &none, 1);
        }
        RF_TRY(status);
    }
    return RF_OK;
}

static size_t count_arrays(const rf_params *params) {
    size_t n = params->count;
    for (size_t i = 0; i < params->count; i++) n += params->entries[i].kind == RF_PARAM_BN_VAR;
    return n;
}

static rf_status put_array(void *ctx, const char *name, const float *values, size_t count) {
    FILE *file = rf_atomic_stream(ctx);
    fprintf(file, "%s %zu", name, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        fprintf(file, " %08" PRIx32, bits);
    }
    fputc('\n', file); /* a failed write is told by rf_atomic_commit */
    return RF_OK;
}

static rf_status check_options(const rf_export_options *o) {
    const char *option = o->outputs != RF_EXPORT_RAW ? "--outputs"
                         : o->preprocess             ? "--preprocess"
                         : o->fp16                   ? "--fp16"
                         : o->embed                  ? "--embed"
                         : o->opset                  ? "--opset"
                         : o->batch != 1             ? "--batch"
                                                     : NULL;
    if (!option) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "%s: a .wts file holds weights in single precision and no network, tensorrtx's code decides about "
                   "that: leave it out",
                   option);
}

enum { TENSORRTX_POINTS = 5 };

/* tensorrtx's network has one stage of heads, which are 1x1 convolutions, and square anchors. */
static rf_status check_model(const rf_export_model *model) {
    if (model->config->model.head == RF_HEAD_KIND_TOWERS)
        return rf_fail(RF_ERR_USER, "model.head = towers is no network that tensorrtx's code has: export to onnx");
    if (model->config->model.landmarks && model->config->data.points != TENSORRTX_POINTS)
        return rf_fail(RF_ERR_USER,
                       "wts: tensorrtx's code reads %d points of a face, and data.points is %ld: export to onnx or c",
                       TENSORRTX_POINTS, model->config->data.points);
    const rf_codec known = {.n_points = TENSORRTX_POINTS}; /* what is there when nobody says otherwise */
    const rf_coder *box = rf_box_coder_find(model->config->anchors.box_coder),
                   *points = rf_point_coder_find(model->config->anchors.point_coder);
    if (box != rf_codec_box(&known) || points != rf_codec_points(&known))
        return rf_fail(RF_ERR_USER,
                       "wts: tensorrtx's code decodes by the coders delta and delta_points, and these are %s and %s: "
                       "export to onnx or c",
                       model->config->anchors.box_coder, model->config->anchors.point_coder);
    if (model->config->anchors.aspect.n != 1 || model->config->anchors.aspect.v[0] != 1)
        return rf_fail(RF_ERR_USER, "anchors.aspect: the anchors in tensorrtx's code are square: export to onnx");
    if (rf_classes_count(model->config) > 1)
        return rf_fail(RF_ERR_USER,
                       "data.classes = %s: tensorrtx's code knows one kind of object: write .safetensors or .pth",
                       model->config->data.classes);
    if (model->config->model.maxout != RF_MAXOUT_NO)
        return rf_fail(RF_ERR_USER,
                       "model.maxout = %s: tensorrtx's code has no class heads with several candidates: export to onnx",
                       RF_WORD_OF(RF_MAXOUT_WORDS, model->config->model.maxout));
    if (model->config->cascade.stages < 2) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "the network has %ld stages of heads (cascade.stages), tensorrtx's code has one: export to onnx",
                   model->config->cascade.stages);
}

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_atomic_file *file;
    RF_TRY(check_options(options));
    RF_TRY(check_model(model));
    RF_TRY(rf_atomic_open(path, &file));
    fprintf(rf_atomic_stream(file), "%zu\n", count_arrays(model->params));
    rf_status status = each_array(model->params, put_array, file);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}

typedef struct comparison {
    const char *path;
    const rf_wts *file;
    size_t at;
} comparison;

static rf_status same_array(void *ctx, const char *name, const float *values, size_t count) {
    comparison *c = ctx;
    const rf_wts_array *have = &c->file->arrays[c->at++];
    if (strcmp(have->name, name) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: array %zu is '%s', expected '%s'", c->path, c->at, have->name, name);
    if (have->count != count)
        return rf_fail(RF_ERR_FORMAT, "%s: %s has %zu values, expected %zu", c->path, name, have->count, count);
    if (memcmp(have->values, values, count * sizeof *values) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: %s holds other numbers than the model", c->path, name);
    return RF_OK;
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_wts file;
    comparison c = {path, &file, 0};
    size_t expected = count_arrays(model->params);
    (void)options;
    rf_status status = rf_wts_read(path, &file);
    if (status == RF_OK && file.count != expected)
        status = rf_fail(RF_ERR_FORMAT, "%s holds %zu arrays, the model has %zu", path, file.count, expected);
    if (status == RF_OK) status = each_array(model->params, same_array, &c);
    rf_wts_free(&file);
    return status;
}

const rf_exporter rf_exporter_wts = {
    .name = "wts",
    .extension = ".wts",
    .doc = "TensorRT by way of tensorrtx's retinaface (its own network code): weights in Pytorch_Retinaface's names",
    .write = write,
    .verify = verify,
};
