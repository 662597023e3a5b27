/* SPDX-License-Identifier: Apache-2.0 */
/* ncnn (Tencent/ncnn), for phones and small boards. */
#include "export/ncnn.h"

#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/mem.h"
#include "export/card.h"
#include "export/graph.h"

static rf_status check_options(const rf_export_options *o) {
    if (o->outputs == RF_EXPORT_FACES)
        return rf_fail(RF_ERR_USER, "--outputs faces: ncnn has no layer for decoding and suppression of these boxes; "
                                    "its retinaface sample does both from the raw maps: leave --outputs out");
    if (o->outputs == RF_EXPORT_ANCHORS)
        return rf_fail(RF_ERR_USER, "--outputs anchors: ncnn's retinaface sample reads the maps of each level; leave "
                                    "--outputs out (raw)");
    if (o->batch != 1)
        return rf_fail(RF_ERR_USER, "--batch %d: a network of ncnn takes one image at a time; leave --batch out",
                       o->batch);
    if (o->embed) return rf_fail(RF_ERR_USER, "--embed belongs to C sources, not to ncnn: leave it out");
    if (o->opset) return rf_fail(RF_ERR_USER, "--opset belongs to ONNX, not to ncnn: leave it out");
    return RF_OK;
}

/* What the sample has in its own struct of a face. */
static rf_status check_faces(const rf_config *config) {
    if (rf_classes_count(config) > 1)
        return rf_fail(
            RF_ERR_USER,
            "ncnn: its retinaface sample knows one kind of object, and data.classes is %s: export to onnx or c",
            config->data.classes);
    if (!config->model.landmarks || config->data.points == RF_NCNN_SAMPLE_POINTS) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "ncnn: its retinaface sample reads %d points of a face, and data.points is %ld: export to onnx or c",
                   RF_NCNN_SAMPLE_POINTS, config->data.points);
}

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_ncnn_net net = {0};
    RF_TRY(check_options(options));
    RF_TRY(check_faces(model->config));
    char *bin = rf_ncnn_bin_path(path);
    if (!bin) return RF_ERR_NOMEM;
    rf_status status = rf_ncnn_build(model, options, &net);
    if (status == RF_OK) status = rf_ncnn_write(&net, path, bin);
    rf_ncnn_net_free(&net);
    rf_free(bin);
    return status;
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_ncnn_net expected = {0}, got = {0};
    char *bin = rf_ncnn_bin_path(path);
    if (!bin) return RF_ERR_NOMEM;
    rf_status status = rf_ncnn_build(model, options, &expected);
    if (status == RF_OK) status = rf_ncnn_read(path, bin, &got);
    if (status == RF_OK) status = rf_ncnn_compare(path, &expected, &got);
    rf_ncnn_net_free(&expected);
    rf_ncnn_net_free(&got);
    rf_free(bin);
    return status;
}

static void add_output(const rf_export_options *o, const rf_output *output, int stride, int channels, const char *holds,
                       rf_card_io *io) {
    rf_card_output *out = &io->outputs[io->n_outputs++];
    char stage[24] = "", part[48];
    if (output->head_stage) snprintf(stage, sizeof stage, "_stage%d", output->head_stage + 1);
    rf_ncnn_part(output, part);
    snprintf(out->name, sizeof out->name, "face_rpn_%.16s_stride%d%.8s", part, stride, stage);
    snprintf(out->holds, sizeof out->holds, "%s", holds);
    if (o->h > 0 && o->w > 0)
        snprintf(out->shape, sizeof out->shape, "1x%dx%dx%d", channels, (o->h + stride - 1) / stride,
                 (o->w + stride - 1) / stride);
    else
        snprintf(out->shape, sizeof out->shape, "1x%dxheight%dxwidth%d", channels, stride, stride);
}

/* What the sample sets as `scales` for a level. */
static void put_scales(const rf_anchor_spec *spec, int level, char text[64]) {
    size_t used = 0;
    text[0] = 0;
    for (int a = 0; a < spec->n_sizes && used < 48; a++) {
        float size = spec->sizes[level * spec->n_sizes + rf_ncnn_anchor(spec, level, a)];
        used += (size_t)snprintf(text + used, 64 - used, "%s%.9g", a ? ", " : "", (double)size / 16);
    }
}

/* What a row of an output is, in the sample's words. */
static void tell_row(const rf_export_net *net, const rf_anchor_spec *anchors, const rf_output *output,
                     char holds[RF_CARD_HOLDS]) {
    static const char *const box[] = {
        " of ncnn's retinaface sample: larger anchor first, centre 8 + stride * index, no variances",
        " relative to the box of the stage before, by the sample's formulas"};
    static const char *const points[] = {" of ncnn's retinaface sample: in units of the anchor's side + 1",
                                         ", in widths and heights of the box of the stage before"};
    bool moved = rf_ncnn_moved(net, output->head_stage, output->level);
    char scales[64], classes[RF_CARD_HOLDS];
    put_scales(anchors, output->level, scales);
    snprintf(classes, sizeof classes, "probabilities, channel class * %d + anchor; scales %s", anchors->n_sizes,
             scales);
    rf_card_tell_row(output, &(rf_card_words){classes, "dx, dy, dw, dh", "dx, dy", box[moved], points[moved]}, holds);
}

/* The outputs from the largest stride down, as the sample reads them. */
static void add_outputs(const rf_export_net *net, const rf_anchor_spec *anchors, const rf_export_options *o,
                        rf_card_io *io) {
    const rf_output_list *outputs = &net->detector.outputs;
    char holds[RF_CARD_HOLDS];
    for (int l = net->detector.n_levels - 1; l >= 0; l--)
        for (const rf_output *output = outputs->v; output < outputs->v + outputs->n; output++) {
            if (output->level != l) continue;
            tell_row(net, anchors, output, holds);
            add_output(o, output, anchors->strides[l], output->width * anchors->n_sizes, holds, io);
        }
}

static rf_status describe(const rf_export_model *model, const rf_export_options *options, const char *path,
                          rf_card_io *io) {
    rf_detect_spec spec;
    rf_export_net net;
    int n, h, w;
    char *bin = rf_ncnn_bin_path(path);
    if (!bin) return RF_ERR_NOMEM;
    snprintf(io->files[io->n_files++], sizeof *io->files, "%s", bin);
    rf_free(bin);
    RF_TRY(rf_detect_spec_from_config(model->config, &spec));
    snprintf(io->input_name, sizeof io->input_name, "data");
    snprintf(io->input_layout, sizeof io->input_layout, "NCHW");
    snprintf(io->input_type, sizeof io->input_type, "float32");
    io->preprocessed = options->preprocess;
    rf_export_sample_size(model, options, &n, &h, &w);
    rf_status status = rf_export_net_make(model, 1, h, w, &net);
    if (status == RF_OK) add_outputs(&net, &spec.anchors, options, io);
    rf_export_net_free(&net);
    return status;
}

const rf_exporter rf_exporter_ncnn = {
    .name = "ncnn",
    .extension = ".param",
    .doc = "ncnn on phones (PATH.param and PATH.bin): blobs and numbers as its sample examples/retinaface.cpp has them",
    .write = write,
    .verify = verify,
    .describe = describe,
};
