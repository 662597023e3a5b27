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

static void add_output(const rf_export_options *o, const char *part, int stride, int channels, const char *holds,
                       rf_card_io *io) {
    rf_card_output *out = &io->outputs[io->n_outputs++];
    snprintf(out->name, sizeof out->name, "face_rpn_%s_stride%d", part, stride);
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

static rf_status describe(const rf_export_model *model, const rf_export_options *options, const char *path,
                          rf_card_io *io) {
    rf_detect_spec spec;
    char scales[64], holds[sizeof io->outputs->holds];
    char *bin = rf_ncnn_bin_path(path);
    if (!bin) return RF_ERR_NOMEM;
    snprintf(io->files[io->n_files++], sizeof *io->files, "%s", bin);
    rf_free(bin);
    RF_TRY(rf_detect_spec_from_config(model->config, &spec));
    snprintf(io->input_name, sizeof io->input_name, "data");
    snprintf(io->input_layout, sizeof io->input_layout, "NCHW");
    snprintf(io->input_type, sizeof io->input_type, "float32");
    io->preprocessed = options->preprocess;
    int anchors = spec.anchors.n_sizes;
    for (int l = spec.anchors.n_levels - 1; l >= 0; l--) {
        int stride = spec.anchors.strides[l];
        put_scales(&spec.anchors, l, scales);
        snprintf(holds, sizeof holds, "probabilities, channel class * %d + anchor; scales %s", anchors, scales);
        add_output(options, "cls_prob_reshape", stride, 2 * anchors, holds, io);
        add_output(options, "bbox_pred", stride, 4 * anchors,
                   "channel anchor * 4 + (dx, dy, dw, dh) of ncnn's retinaface sample: larger anchor first, centre 8 + "
                   "stride * index, no variances",
                   io);
        if (model->config->model.landmarks)
            add_output(options, "landmark_pred", stride, 10 * anchors,
                       "channel anchor * 10 + (dx, dy of five points) of ncnn's retinaface sample: in units of the "
                       "anchor's side + 1",
                       io);
    }
    return RF_OK;
}

const rf_exporter rf_exporter_ncnn = {
    .name = "ncnn",
    .extension = ".param",
    .doc = "ncnn on phones (PATH.param and PATH.bin): blobs and numbers as its sample examples/retinaface.cpp has them",
    .write = write,
    .verify = verify,
    .describe = describe,
};
