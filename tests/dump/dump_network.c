/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what a model computes for a picture as raw numbers, for comparison with other runtimes
 * (scripts/check_onnx.sh). dump_network MODEL PICTURE|random:SEED HEIGHTxWIDTH OUT [section.key=value]... PICTURE is
 * resized to the size. OUT gets image.png and image.u8 (RGB, [H,W,3]), input.f32 ([3,H,W], as the network reads it),
 * the maps face_cls_strideS.f32 ... ([C,h,w]), the rows loc.f32, conf.f32 (soft-maxed), landms.f32, and shapes.json.
 * All little-endian. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/exec.h"
#include "cli/model.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/normalise.h"
#include "data/resize.h"
#include "tests/decode_kit.h"
#include "detect/spec.h"
#include "export/graph.h"
#include "tests/outputs_kit.h"

typedef struct dump {
    const char *folder;
    rf_json_writer shapes;
} dump;

static rf_status put(dump *d, const char *name, const char *suffix, const void *data, size_t bytes) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", d->folder, name, suffix);
    return rf_file_write_atomic(path, data, bytes);
}

static rf_status put_floats(dump *d, const char *name, const float *data, const int *dims, int n) {
    size_t count = 1;
    rf_json_begin_array(&d->shapes, name);
    for (int i = 0; i < n; i++) {
        rf_json_put_int(&d->shapes, NULL, dims[i]);
        count *= (size_t)dims[i];
    }
    rf_json_end_array(&d->shapes);
    return put(d, name, "f32", data, count * sizeof *data);
}

/* [h,w,c] as [c,h,w]. */
static rf_status put_planes(dump *d, const char *name, const float *data, int h, int w, int c) {
    size_t pixels = (size_t)h * (size_t)w, channels = (size_t)c;
    float *planes = rf_alloc(pixels * channels, sizeof *planes);
    if (!planes) return RF_ERR_NOMEM;
    for (size_t p = 0; p < pixels; p++)
        for (size_t k = 0; k < channels; k++) planes[k * pixels + p] = data[p * channels + k];
    rf_status status = put_floats(d, name, planes, (int[]){c, h, w}, 3);
    rf_free(planes);
    return status;
}

static rf_status make_picture(const char *source, int h, int w, rf_image *image) {
    unsigned long seed;
    RF_TRY(rf_image_alloc(image, w, h));
    if (sscanf(source, "random:%lu", &seed) == 1) {
        rf_rng rng = rf_rng_make(seed, 0, 0, RF_STREAM_TEST);
        for (size_t i = 0; i < (size_t)h * (size_t)w * 3; i++) image->pixels[i] = (uint8_t)(rf_rng_u32(&rng) >> 24);
        return RF_OK;
    }
    rf_image loaded = {0};
    rf_decode_options decode = {0};
    RF_TRY(rf_image_load(source, &decode, &loaded));
    rf_status status = rf_image_resize(&loaded, NULL, (uint8_t[]){0, 0, 0}, image);
    rf_image_free(&loaded);
    return status;
}

static rf_status put_map(dump *d, const rf_export_net *net, const rf_exec *exec, rf_value map, const char *part,
                         int stride, int stage) {
    char name[64];
    if (map == RF_NONE) return RF_OK;
    rf_shape s = rf_graph_shape(net->graph, map);
    if (stage)
        snprintf(name, sizeof name, "face_%s_stride%d_stage%d", part, stride, stage + 1);
    else
        snprintf(name, sizeof name, "face_%s_stride%d", part, stride);
    return put_planes(d, name, rf_exec_data(exec, map), s.d[1], s.d[2], s.d[3]);
}

/* All anchors of a cascade as faces, undropped, and as `kept` those that no earlier stage drops. */
static rf_status decode(const rf_detect_spec *spec, const rf_anchor_set *anchors, const rf_detector *det,
                        const rf_exec *exec, rf_face_list *all, bool *kept) {
    for (int l = 0; l < det->n_levels; l++) {
        kit_stage rows[RF_NET_STAGES] = {{0}};
        rf_face_list some = {0};
        size_t first = anchors->levels[l].first, n = (size_t)(det->h[l] * det->w[l] * det->cell_anchors);
        for (int k = 0; k < rf_outputs_stages(&det->outputs); k++) {
            rows[k].cls = kit_level((rf_exec *)exec, &det->outputs, "cls", k, l);
            rows[k].loc = kit_level((rf_exec *)exec, &det->outputs, "loc", k, l);
            rows[k].points = kit_level((rf_exec *)exec, &det->outputs, "points", k, l);
        }
        const float *boxes = anchors->boxes + 4 * first;
        RF_TRY(kit_decode_stages(&spec->codec, boxes, n, rows, rf_outputs_stages(&det->outputs), -INFINITY, 0, all));
        RF_TRY(kit_decode_stages(&spec->codec, boxes, n, rows, rf_outputs_stages(&det->outputs), spec->drop_below, 0,
                                 &some));
        for (size_t i = 0; i < some.n; i++) kept[first + some.items[i].mesh - 1] = true;
        rf_face_list_free(&some);
    }
    return RF_OK;
}

/* The rows of a cascade: boxes and landmarks of all stages together, relative to the anchors. */
static rf_status put_composed(dump *d, const rf_config *config, const rf_export_net *net, const rf_exec *exec) {
    const rf_detector *det = &net->detector;
    rf_shape input = rf_graph_shape(net->graph, det->input);
    rf_detect_spec spec;
    rf_anchor_set anchors = {0};
    rf_face_list faces = {0};
    int n = (int)det->anchors;
    bool *kept = rf_alloc(det->anchors, sizeof *kept);
    float *rows = rf_alloc(det->anchors, 16 * sizeof *rows), *points = rows + 4 * n, *conf = rows + 14 * n;
    rf_status status = kept && rows ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_detect_spec_from_config(config, &spec);
    if (status == RF_OK) status = rf_anchor_set_make(&spec.anchors, input.d[1], input.d[2], &anchors);
    if (status == RF_OK) status = decode(&spec, &anchors, det, exec, &faces, kept);
    for (int a = 0; a < n && status == RF_OK; a++) {
        const rf_face *face = &faces.items[a];
        rf_codec_encode_box(&spec.codec, anchors.boxes + 4 * a, face->box, rows + 4 * a);
        if (face->n_points) rf_codec_encode_points(&spec.codec, anchors.boxes + 4 * a, face->points, points + 10 * a);
        conf[2 * a + 1] = kept[a] ? face->score : 0;
        conf[2 * a] = 1 - conf[2 * a + 1];
    }
    if (status == RF_OK) status = put_floats(d, "loc", rows, (int[]){n, 4}, 2);
    if (status == RF_OK && faces.items[0].n_points) status = put_floats(d, "landms", points, (int[]){n, 10}, 2);
    if (status == RF_OK) status = put_floats(d, "conf", conf, (int[]){n, 2}, 2);
    rf_anchor_set_free(&anchors);
    rf_face_list_free(&faces);
    rf_free(rows);
    rf_free(kept);
    return status;
}

static rf_status put_outputs(dump *d, const rf_config *config, const rf_export_net *net, const rf_exec *exec) {
    const rf_detector *det = &net->detector;
    int anchors = (int)det->anchors;
    for (int k = 0; k < rf_outputs_stages(&det->outputs); k++)
        for (int l = 0; l < det->n_levels; l++) {
            RF_TRY(put_map(d, net, exec, rf_export_map(net, "cls", k, l), "cls", det->stride[l], k));
            RF_TRY(put_map(d, net, exec, rf_export_map(net, "loc", k, l), "box", det->stride[l], k));
            RF_TRY(put_map(d, net, exec, rf_export_map(net, "points", k, l), "landmark", det->stride[l], k));
        }
    if (rf_outputs_stages(&det->outputs) > 1) return put_composed(d, config, net, exec);
    RF_TRY(
        put_floats(d, "loc", rf_exec_data(exec, rf_outputs_value(&det->outputs, "loc", -1)), (int[]){anchors, 4}, 2));
    if (rf_outputs_value(&det->outputs, "points", -1) != RF_NONE)
        RF_TRY(put_floats(d, "landms", rf_exec_data(exec, rf_outputs_value(&det->outputs, "points", -1)),
                          (int[]){anchors, 10}, 2));
    const float *cls = rf_exec_data(exec, rf_outputs_value(&det->outputs, "cls", -1));
    float *conf = rf_alloc(det->anchors, 2 * sizeof *conf);
    if (!conf) return RF_ERR_NOMEM;
    for (size_t a = 0; a < det->anchors; a++) {
        double face = 1 / (1 + exp((double)cls[2 * a] - (double)cls[2 * a + 1]));
        conf[2 * a] = (float)(1 - face);
        conf[2 * a + 1] = (float)face;
    }
    rf_status status = put_floats(d, "conf", conf, (int[]){anchors, 2}, 2);
    rf_free(conf);
    return status;
}

static rf_status run(dump *d, const rf_model *model, const rf_image *image) {
    rf_normaliser normaliser;
    rf_export_net net = {0};
    rf_export_model exported = {.config = &model->config, .params = model->params};
    char path[1024], *text = NULL;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    rf_exec *exec = NULL;
    rf_status status;
    snprintf(path, sizeof path, "%s/image.png", d->folder);
    RF_TRY_GOTO(rf_image_save(path, image, 0));
    RF_TRY_GOTO(put(d, "image", "u8", image->pixels, pixels * 3));
    RF_TRY_GOTO(rf_normaliser_make(&model->config, &normaliser));
    RF_TRY_GOTO(rf_export_net_make(&exported, 1, image->height, image->width, &net));
    for (int i = 0; i < net.detector.outputs.n; i++) rf_graph_keep(net.graph, net.detector.outputs.v[i].map);
    exec = rf_exec_new(net.graph, NULL);
    status = exec ? RF_OK : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    rf_normalise(&normaliser, image, rf_exec_data(exec, net.detector.input), (size_t)image->width);
    rf_json_begin_object(&d->shapes, NULL);
    RF_TRY_GOTO(put_planes(d, "input", rf_exec_data(exec, net.detector.input), image->height, image->width, 3));
    RF_TRY_GOTO(rf_exec_forward(exec, false));
    RF_TRY_GOTO(put_outputs(d, &model->config, &net, exec));
    rf_json_end_object(&d->shapes);
    RF_TRY_GOTO(rf_json_finish(&d->shapes, &text));
    status = put(d, "shapes", "json", text, strlen(text));
fail:
    rf_free(text);
    rf_exec_free(exec);
    rf_export_net_free(&net);
    return status;
}

int main(int argc, char **argv) {
    int h = 0, w = 0;
    rf_model model;
    rf_image image = {0};
    if (argc < 5 || sscanf(argv[3], "%dx%d", &h, &w) != 2) {
        fprintf(stderr, "usage: dump_network MODEL PICTURE|random:SEED HEIGHTxWIDTH OUT [section.key=value]...\n");
        return 2;
    }
    dump d = {.folder = argv[4]};
    rf_status status = rf_model_open(argv[1], NULL, (const char *const *)argv + 5, (size_t)argc - 5, &model);
    if (status == RF_OK) status = rf_dir_make(d.folder);
    if (status == RF_OK) status = make_picture(argv[2], h, w, &image);
    if (status == RF_OK) status = run(&d, &model, &image);
    rf_image_free(&image);
    rf_model_close(&model);
    return status == RF_OK ? 0 : rf_cli_fail("dump_network", status);
}
