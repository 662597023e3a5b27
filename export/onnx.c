/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/show.h"
#include "core/text.h"
#include "export/card.h"
#include "export/onnx_net.h"
#include "layers/backbone.h"

enum { DEFAULT_OPSET = 13 };

static int opset_of(const rf_export_options *o) {
    return o->opset ? o->opset : DEFAULT_OPSET;
}

/* The file format version that came with an operator set. */
static int ir_version_of(int opset) {
    static const int versions[] = {6, 7, 7, 7, 8, 8, 8, 8, 9}; /* 11 to 19 */
    return versions[opset - 11];
}

static rf_status check_options(const rf_export_options *o) {
    int opset = opset_of(o);
    if (opset < 11 || opset > 19) return rf_fail(RF_ERR_USER, "ONNX operator set %d: expected 11 to 19", opset);
    if (o->embed) return rf_fail(RF_ERR_USER, "--embed belongs to C sources; an ONNX file holds its weights anyway");
    if ((o->h > 0) != (o->w > 0))
        return rf_fail(RF_ERR_USER, "height %d and width %d: give both, or leave both open", o->h, o->w);
    if (o->outputs == RF_EXPORT_FACES && o->keep < 1)
        return rf_fail(RF_ERR_USER, "--keep %d: at least one face must be kept", o->keep);
    return RF_OK;
}

/* Deformable convolution came late. */
static rf_status check_layers(const rf_export_net *net, int opset) {
    for (int i = 0; i < net->n_layers && opset < 19; i++)
        if (net->layers[i].kind == RF_LAYER_DEFORM_CONV)
            return rf_fail(
                RF_ERR_USER,
                "%s is a deformable convolution, which ONNX has from operator set 19 on, and this is %d: give "
                "--opset 19",
                net->layers[i].name, opset);
    return RF_OK;
}

static rf_status add_ends(rf_onnx_build *b) {
    if (b->options->outputs == RF_EXPORT_FACES) return rf_onnx_faces(b);
    if (b->options->outputs == RF_EXPORT_ANCHORS) return rf_onnx_anchors(b);
    rf_onnx_raw(b);
    return RF_OK;
}

/* Strings of protobuf are UTF-8; paths in the settings need not be. */
static rf_status config_text(const rf_config *config, char **out) {
    rf_text mended = {0};
    char *text;
    RF_TRY(rf_config_text(config, &text));
    rf_show_put_utf8(&mended, text);
    rf_free(text);
    return rf_text_finish(&mended, out, NULL);
}

/* The whole model; the names of constants and nodes are unique, since those of the layers are. */
static rf_status build(const rf_export_model *model, const rf_export_options *options, rf_onnx_model *onnx) {
    rf_export_net net = {0};
    rf_onnx_build b = {.model = model, .options = options, .net = &net, .onnx = onnx, .dynamic = options->h <= 0};
    char *text = NULL;
    int n, h, w;
    rf_status status;
    memset(onnx, 0, sizeof *onnx);
    RF_TRY(check_options(options));
    RF_TRY(rf_detect_spec_from_config(model->config, &b.spec));
    onnx->opset = opset_of(options);
    onnx->ir_version = ir_version_of(onnx->opset);
    onnx->graph_name = rf_onnx_text(onnx, "%s", rf_backbone_name(model->config->model.backbone));
    rf_export_sample_size(model, options, &n, &h, &w);
    RF_TRY_GOTO(rf_export_net_make(model, n, h, w, &net));
    RF_TRY_GOTO(check_layers(&net, onnx->opset));
    RF_TRY_GOTO(config_text(model->config, &text));
    b.names = rf_onnx_alloc(onnx, (size_t)rf_graph_value_count(net.graph), sizeof *b.names);
    char *config = rf_onnx_alloc(onnx, strlen(text) + 1, 1);
    if (config) onnx->config = strcpy(config, text);
    RF_TRY_GOTO(rf_onnx_status(onnx));
    rf_onnx_network(&b);
    RF_TRY_GOTO(add_ends(&b));
    status = rf_onnx_status(onnx);
fail:
    rf_free(text);
    rf_export_net_free(&net);
    return status;
}

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_onnx_model onnx;
    rf_status status = build(model, options, &onnx);
    if (status == RF_OK) status = rf_onnx_write(&onnx, path);
    rf_onnx_free(&onnx);
    return status;
}

/* Every byte counts: what the comparison does not look at (names that only people read) is in the checksum. */
static rf_status compare_bytes(const char *path, const rf_onnx_model *want) {
    uint8_t *data;
    size_t have, bytes;
    uint32_t crc;
    RF_TRY(rf_onnx_measure(want, &bytes, &crc));
    RF_TRY(rf_file_read(path, 0, &data, &have));
    bool same = have == bytes && rf_crc32(0, data, have) == crc;
    rf_free(data);
    return same ? RF_OK
                : rf_fail(RF_ERR_FORMAT, "%s: %zu bytes, expected %zu with checksum %08x", path, have, bytes, crc);
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_onnx_model want, have = {0};
    rf_status status = build(model, options, &want);
    if (status == RF_OK) status = rf_onnx_read(path, &have);
    if (status == RF_OK) status = rf_onnx_compare(path, &want, &have);
    if (status == RF_OK) status = compare_bytes(path, &want);
    rf_onnx_free(&want);
    rf_onnx_free(&have);
    return status;
}

static rf_status describe(const rf_export_model *model, const rf_export_options *options, const char *path,
                          rf_card_io *io) {
    (void)path;
    snprintf(io->input_name, sizeof io->input_name, "%s", options->preprocess ? "image" : "input");
    snprintf(io->input_layout, sizeof io->input_layout, "%s", options->preprocess ? "NHWC" : "NCHW");
    snprintf(io->input_type, sizeof io->input_type, "%s", options->preprocess ? "uint8" : "float32");
    io->preprocessed = options->preprocess;
    io->opset = opset_of(options);
    return rf_card_usual_outputs(model, options, true, io);
}

const rf_exporter rf_exporter_onnx = {
    .name = "onnx",
    .extension = ".onnx",
    .doc = "onnxruntime, OpenCV's dnn (fixed sizes; raw or anchors), TensorRT, OpenVINO, converters to other formats",
    .write = write,
    .verify = verify,
    .describe = describe,
};
