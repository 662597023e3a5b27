/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "export/card.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "detect/spec.h"
#include "export/graph.h"
#include "layers/backbone.h"

static const char card_name[] = "rf-card-1";
static const char *const kinds[] = {"raw", "anchors", "faces"};

/* ---- files ---- */

static rf_status measure_file(const char *path, size_t *bytes, char crc[16]) {
    uint8_t *data = NULL;
    RF_TRY(rf_file_read(path, 0, &data, bytes));
    snprintf(crc, 16, "%08" PRIx32, rf_crc32(0, data, *bytes));
    rf_free(data);
    return RF_OK;
}

static rf_status put_file(rf_json_writer *w, const char *path) {
    size_t bytes;
    char crc[16];
    RF_TRY(measure_file(path, &bytes, crc));
    rf_json_put_string(w, "file", rf_path_base(path));
    rf_json_put_int(w, "bytes", (long long)bytes);
    rf_json_put_string(w, "crc32", crc);
    return RF_OK;
}

/* ---- sections ---- */

static void put_list(rf_json_writer *w, const char *key, const rf_real_list *list) {
    rf_json_begin_array(w, key);
    for (int i = 0; i < list->n; i++) rf_json_put_number(w, NULL, list->v[i]);
    rf_json_end_array(w);
}

static void put_side(rf_json_writer *w, int value, const char *name) {
    if (value > 0)
        rf_json_put_int(w, NULL, value);
    else
        rf_json_put_string(w, NULL, name);
}

static void put_input(rf_json_writer *w, const rf_config *config, const rf_export_options *o, const rf_card_io *io) {
    bool inside = io && io->preprocessed;
    rf_json_begin_object(w, "input");
    if (io) {
        bool nhwc = strcmp(io->input_layout, "NHWC") == 0;
        rf_json_put_string(w, "name", io->input_name);
        rf_json_put_string(w, "layout", io->input_layout);
        rf_json_put_string(w, "type", io->input_type);
        rf_json_begin_array(w, "shape");
        put_side(w, o->batch, "batch");
        if (!nhwc) rf_json_put_int(w, NULL, 3);
        put_side(w, o->h, "height");
        put_side(w, o->w, "width");
        if (nhwc) rf_json_put_int(w, NULL, 3);
        rf_json_end_array(w);
        rf_json_put_bool(w, "preprocessed", inside);
    }
    rf_json_put_string(w, "colour", RF_WORD_OF(RF_COLOUR_WORDS, inside ? RF_COLOUR_RGB : config->input.colour));
    if (!inside) {
        put_list(w, "mean", &config->input.mean);
        put_list(w, "std", &config->input.std);
    }
    rf_json_end_object(w);
}

static void put_outputs(rf_json_writer *w, const rf_export_options *o, const rf_card_io *io) {
    if (!io) return;
    rf_json_put_string(w, "kind", kinds[io->faces ? RF_EXPORT_FACES : o->outputs]);
    rf_json_begin_array(w, "outputs");
    for (int i = 0; i < io->n_outputs; i++) {
        rf_json_begin_object(w, NULL);
        rf_json_put_string(w, "name", io->outputs[i].name);
        rf_json_put_string(w, "shape", io->outputs[i].shape);
        rf_json_put_string(w, "holds", io->outputs[i].holds);
        rf_json_end_object(w);
    }
    rf_json_end_array(w);
}

typedef enum anchor_side { SIZE = -1, WIDTH, HEIGHT } anchor_side;

/* A list for each level, with a number for each anchor of a cell. */
static void put_sides(rf_json_writer *w, const char *key, const rf_anchor_spec *spec, anchor_side side) {
    rf_json_begin_array(w, key);
    for (int l = 0; l < spec->n_levels; l++) {
        rf_json_begin_array(w, NULL);
        for (int s = 0; s < spec->n_sizes; s++) {
            float shape[2];
            rf_anchor_shape(spec, l, s, shape);
            rf_json_put_number(w, NULL, (double)(side == SIZE ? spec->sizes[l * spec->n_sizes + s] : shape[side]));
        }
        rf_json_end_array(w);
    }
    rf_json_end_array(w);
}

/* Whether sizes and one aspect say what widths and heights say. */
static bool has_one_aspect(const rf_anchor_spec *spec) {
    for (int s = 1; s < spec->n_sizes; s++)
        if (spec->aspects[s] != spec->aspects[0]) return false;
    return spec->windows[0] == 0 || spec->aspects[0] == 1;
}

static void put_anchors(rf_json_writer *w, const rf_anchor_spec *spec) {
    rf_json_begin_object(w, "anchors");
    rf_json_begin_array(w, "strides");
    for (int l = 0; l < spec->n_levels; l++) rf_json_put_int(w, NULL, spec->strides[l]);
    rf_json_end_array(w);
    put_sides(w, "sizes", spec, SIZE);
    put_sides(w, "widths", spec, WIDTH);
    put_sides(w, "heights", spec, HEIGHT);
    rf_json_begin_array(w, "first_centre");
    for (int l = 0; l < spec->n_levels; l++)
        rf_json_put_number(w, NULL,
                           spec->centre_offset < 0 ? 0.5 * (double)spec->strides[l] : (double)spec->centre_offset);
    rf_json_end_array(w);
    if (has_one_aspect(spec)) rf_json_put_number(w, "aspect", (double)spec->aspects[0]);
    rf_json_put_string(w, "centre", "first_centre + index * stride, in pixels of the input");
    rf_json_put_string(w, "map", "ceil(side / stride) rows and columns");
    rf_json_put_string(w, "order", "level, row, column, size");
    rf_json_put_bool(w, "plus_one", spec->plus_one);
    rf_json_end_object(w);
}

static void put_decoding(rf_json_writer *w, const rf_export_model *model, const rf_detect_spec *spec,
                         const rf_classes *classes, const rf_export_options *o) {
    rf_json_begin_object(w, "variances");
    rf_json_put_number(w, "centre", model->config->anchors.variance_centre);
    rf_json_put_number(w, "size", model->config->anchors.variance_size);
    rf_json_end_object(w);
    rf_json_begin_array(w, "classes");
    for (int k = 0; k < classes->n; k++) rf_json_put_string(w, NULL, classes->name[k]);
    rf_json_end_array(w);
    rf_json_begin_object(w, "coders");
    rf_json_put_string(w, "box", rf_codec_box(&spec->codec)->name);
    rf_json_put_string(w, "points", rf_codec_points(&spec->codec)->name);
    rf_json_end_object(w);
    rf_json_begin_object(w, "thresholds");
    rf_json_put_number(w, "score", o->score);
    rf_json_begin_array(w, "level_scores");
    for (int l = 0; l < spec->anchors.n_levels; l++) rf_json_put_number(w, NULL, (double)spec->level_scores[l]);
    rf_json_end_array(w);
    rf_json_put_number(w, "iou", o->iou);
    rf_json_put_int(w, "keep", o->keep);
    rf_json_put_bool(w, "iou_plus_one", true); /* rf_detect_spec_from_config */
    rf_json_put_bool(w, "clip", model->config->eval.clip);
    rf_json_end_object(w);
}

/* The INI text line by line, which readers with a limit on the length of a string take too. */
static rf_status put_config(rf_json_writer *w, const rf_config *config) {
    char *text = NULL, *save;
    RF_TRY(rf_config_text(config, &text));
    rf_json_begin_array(w, "config");
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        rf_json_put_string(w, NULL, line);
    rf_json_end_array(w);
    rf_free(text);
    return RF_OK;
}

static void put_results(rf_json_writer *w, const rf_export_model *model) {
    rf_json_begin_object(w, "ap");
    for (int i = 0; i < 3; i++)
        if (model->ap_names[i] && model->ap[i] >= 0) rf_json_put_number(w, model->ap_names[i], model->ap[i]);
    rf_json_end_object(w);
}

/* ---- the card ---- */

static rf_status build(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                       const rf_card_io *io, const char *path, rf_json_writer *w) {
    rf_detect_spec spec;
    rf_classes classes;
    RF_TRY(rf_detect_spec_from_config(model->config, &spec));
    RF_TRY(rf_classes_of(model->config, &classes));
    rf_json_begin_object(w, NULL);
    rf_json_put_string(w, "card", card_name);
    rf_json_put_string(w, "made_by", "rf " RF_VERSION);
    rf_json_put_string(w, "format", exporter->name);
    RF_TRY(put_file(w, path));
    rf_json_begin_array(w, "files");
    for (int i = 0; io && i < io->n_files; i++) {
        rf_json_begin_object(w, NULL);
        RF_TRY(put_file(w, io->files[i]));
        rf_json_end_object(w);
    }
    rf_json_end_array(w);
    if (io && io->opset) rf_json_put_int(w, "opset", io->opset);
    rf_json_put_string(w, "backbone", rf_backbone_name(model->config->model.backbone));
    rf_json_put_int(w, "parameters", (long long)rf_params_learnable(model->params));
    put_input(w, model->config, options, io);
    put_outputs(w, options, io);
    put_anchors(w, &spec.anchors);
    put_decoding(w, model, &spec, &classes, options);
    if (*model->config->data.terms) rf_json_put_string(w, "terms", model->config->data.terms);
    put_results(w, model);
    RF_TRY(put_config(w, model->config));
    rf_json_end_object(w);
    return RF_OK;
}

static char *card_path(const char *path) {
    size_t bytes = strlen(path) + sizeof ".json";
    char *name = rf_alloc(bytes, 1);
    if (name) snprintf(name, bytes, "%s.json", path);
    return name;
}

rf_status rf_card_write(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                        const rf_card_io *io, const char *path) {
    rf_json_writer w = {0};
    char *text = NULL, *name = card_path(path);
    rf_status status = name ? build(exporter, model, options, io, path, &w) : RF_ERR_NOMEM;
    if (status == RF_OK)
        status = rf_json_finish(&w, &text);
    else
        rf_text_clear(&w.out);
    if (status == RF_OK) status = rf_file_write_atomic(name, text, strlen(text));
    rf_free(text);
    rf_free(name);
    return status;
}

/* The file that `entry` tells of, which stands in the folder of `path`, is what it was. */
static rf_status check_file(const char *path, const rf_json *entry) {
    const char *name, *crc;
    double bytes;
    if (!rf_json_string(rf_json_get(entry, "file"), &name) || !rf_json_string(rf_json_get(entry, "crc32"), &crc) ||
        !rf_json_number(rf_json_get(entry, "bytes"), &bytes))
        return rf_fail(RF_ERR_FORMAT, "%s.json names no file with bytes and crc32; it is no card of rf", path);
    char *folder = rf_strndup(path, (size_t)(rf_path_base(path) - path)), found[16];
    char *file = folder ? rf_path_join(folder, name) : NULL; /* reads */
    size_t size = 0;
    rf_status status = file ? measure_file(file, &size, found) : RF_ERR_NOMEM;
    if (status == RF_OK && ((double)size != bytes || strcmp(found, crc) != 0))
        status = rf_fail(RF_ERR_FORMAT, "%s holds %zu bytes with checksum %s, its card says %.0f bytes and %s", file,
                         size, found, bytes, crc);
    rf_free(folder);
    rf_free(file);
    return status;
}

rf_status rf_card_check(const char *path) {
    uint8_t *text = NULL;
    size_t bytes;
    rf_json *card = NULL;
    const char *kind = NULL;
    char *name = card_path(path);
    rf_status status = name ? rf_file_read(name, 0, &text, &bytes) : RF_ERR_NOMEM;
    if (status != RF_OK) goto fail;
    status = rf_json_parse((const char *)text, bytes, &card);
    if (status != RF_OK) {
        rf_fail_context(status, "%s", name);
        goto fail;
    }
    if (!rf_json_string(rf_json_get(card, "card"), &kind) || strcmp(kind, card_name) != 0) {
        status = rf_fail(RF_ERR_FORMAT, "%s is no card of rf: its 'card' is not '%s'", name, card_name);
        goto fail;
    }
    RF_TRY_GOTO(check_file(path, card));
    for (const rf_json *f = rf_json_first(rf_json_get(card, "files")); f && status == RF_OK; f = rf_json_next(f))
        status = check_file(path, f);
fail:
    rf_json_free(card);
    rf_free(text);
    rf_free(name);
    return status;
}
