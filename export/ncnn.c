/* SPDX-License-Identifier: Apache-2.0 */
/* ncnn (Tencent/ncnn), for phones and small boards. */
#include "export/ncnn.h"

#include <stdio.h>

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

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_ncnn_net net = {0};
    RF_TRY(check_options(options));
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

/* Where an output is: its level's stride, and its stage, from 0. */
typedef struct place {
    int stride, stage;
} place;

static void add_output(const rf_export_options *o, const char *part, place at, int channels, const char *holds,
                       rf_card_io *io) {
    rf_card_output *out = &io->outputs[io->n_outputs++];
    char stage[24] = "";
    if (at.stage) snprintf(stage, sizeof stage, "_stage%d", at.stage + 1);
    snprintf(out->name, sizeof out->name, "face_rpn_%s_stride%d%s", part, at.stride, stage);
    snprintf(out->holds, sizeof out->holds, "%s", holds);
    if (o->h > 0 && o->w > 0)
        snprintf(out->shape, sizeof out->shape, "1x%dx%dx%d", channels, (o->h + at.stride - 1) / at.stride,
                 (o->w + at.stride - 1) / at.stride);
    else
        snprintf(out->shape, sizeof out->shape, "1x%dxheight%dxwidth%d", channels, at.stride, at.stride);
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

/* What the heads of a stage say at a level. */
static void add_outputs(const rf_export_net *net, const rf_anchor_spec *anchors, const rf_export_options *o, place at,
                        int level, rf_card_io *io) {
    static const char *const box[] = {
        "channel anchor * 4 + (dx, dy, dw, dh) of ncnn's retinaface sample: larger anchor first, centre 8 + stride * "
        "index, no variances",
        "channel anchor * 4 + (dx, dy, dw, dh) relative to the box of the stage before, by the sample's formulas"};
    static const char *const points[] = {
        "channel anchor * 10 + (dx, dy of five points) of ncnn's retinaface sample: in units of the anchor's side + 1",
        "channel anchor * 10 + (dx, dy of five points), in widths and heights of the box of the stage before"};
    const rf_export_maps *maps = &net->stages[at.stage][level];
    bool moved = rf_ncnn_moved(net, at.stage, level);
    char scales[64], holds[sizeof io->outputs->holds];
    int n = anchors->n_sizes;
    put_scales(anchors, level, scales);
    snprintf(holds, sizeof holds, "probabilities, channel class * %d + anchor; scales %s", n, scales);
    if (maps->cls != RF_NONE) add_output(o, "cls_prob_reshape", at, 2 * n, holds, io);
    if (maps->box != RF_NONE) add_output(o, "bbox_pred", at, 4 * n, box[moved], io);
    if (maps->points != RF_NONE) add_output(o, "landmark_pred", at, 10 * n, points[moved], io);
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
    for (int l = net.detector.n_levels - 1; l >= 0 && status == RF_OK; l--)
        for (int k = 0; k < net.detector.n_stages; k++)
            add_outputs(&net, &spec.anchors, options, (place){spec.anchors.strides[l], k}, l, io);
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
