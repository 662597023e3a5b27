/* SPDX-License-Identifier: Apache-2.0 */
/* rf-export: a trained model in the formats of other runtimes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/text.h"
#include "eval/metric.h"
#include "export/export.h"
#include "layers/weights.h"

static const char name[] = "rf-export";

typedef struct job {
    rf_model model;
    rf_export_model exported;
    rf_export_options options;
    const rf_exporter *exporter;
    const char *source, *path, *config;
    rf_text_list sets;
} job;

/* "640x480" (height first, as shapes are written) or "dynamic". */
static rf_status read_input(const char *text, rf_export_options *o) {
    char rest;
    if (!text || strcmp(text, "dynamic") == 0) return RF_OK;
    if (sscanf(text, "%5dx%5d%c", &o->h, &o->w, &rest) != 2 || o->h < 1 || o->w < 1 || o->h > 16384 || o->w > 16384)
        return rf_fail(RF_ERR_USER, "--input %s: expected HEIGHTxWIDTH from 1 to 16384, or dynamic", text);
    return RF_OK;
}

static rf_status read_outputs(const char *text, rf_export_options *o) {
    static const char *const kinds[] = {"raw", "anchors", "faces"};
    int at = rf_name_find("kind of --outputs", text, kinds, 3);
    if (at < 0) return RF_ERR_USER;
    o->outputs = (rf_export_outputs)at;
    return RF_OK;
}

/* The score of a detector, 0.5 where nobody has set eval.score. */
static rf_status read_score(job *j, const rf_st_file *file) {
    rf_config config;
    rf_text_list sets = j->sets;
    RF_TRY(rf_text_list_add(&sets, "?eval.score=0.5"));
    RF_TRY(rf_model_config(j->source, file, j->config, sets.v, sets.n, &config));
    j->options.score = config.eval.score;
    return RF_OK;
}

/* A checkpoint that is the best of its run carries the figure that made it so. */
static rf_status read_figures(job *j) {
    rf_st_file *file = NULL;
    for (int i = 0; i < 3; i++) j->exported.ap[i] = -1;
    RF_TRY(rf_weights_read(j->source, &file));
    if (j->options.score < 0) {
        rf_status status = read_score(j, file);
        if (status != RF_OK) {
            rf_st_free(file);
            return status;
        }
    }
    const char *best = rf_st_meta(file, "rf.best"), *at = rf_st_meta(file, "rf.best_step");
    const char *step = rf_st_meta(file, "rf.step");
    if (best && at && step && strcmp(at, step) == 0) {
        double value = strtod(best, NULL);
        bool wider = *j->model.config.data.val_gt;
        j->exported.ap[wider ? 2 : 0] = isfinite(value) ? value : -1;
        j->exported.ap_names[wider ? 2 : 0] = wider ? "hard" : rf_metric_at(0)->name;
    }
    rf_st_free(file);
    return RF_OK;
}

static rf_status open_model(job *j, const char *input) {
    RF_TRY(rf_model_open(j->source, j->config, j->sets.v, j->sets.n, &j->model));
    const rf_config *config = &j->model.config;
    j->exported = (rf_export_model){.config = config, .params = j->model.params};
    if (!input) j->options.h = j->options.w = (int)config->input.size;
    if (j->options.iou < 0) j->options.iou = config->eval.iou;
    if (j->options.keep == 0) j->options.keep = (int)config->eval.keep;
    return read_figures(j);
}

/* Before the model is read: the export appears under its name by renaming, which would put a file in the place of a
 * device or a pipe. */
static rf_status check_path(const job *j) {
    RF_TRY(rf_output_not_input("-o", j->path, "the model", j->source));
    RF_TRY(rf_output_not_input("-o", j->path, "the configuration", j->config));
    RF_TRY(rf_output_check_file("-o", j->path));
    size_t bytes = strlen(j->path) + sizeof ".json";
    char *card = rf_alloc(bytes, 1);
    if (!card) return RF_ERR_NOMEM;
    snprintf(card, bytes, "%s.json", j->path);
    rf_status status = rf_output_check_file("-o", card);
    rf_free(card);
    return status;
}

static rf_status convert(job *j, const char *to, const char *input, const char *outputs) {
    RF_TRY(read_input(input, &j->options));
    RF_TRY(read_outputs(outputs, &j->options));
    RF_TRY(check_path(j));
    j->exporter = to ? rf_exporter_find(to) : rf_exporter_for_path(j->path);
    if (!j->exporter) return RF_ERR_USER;
    const rf_exporter *named = to ? rf_exporter_for_path(j->path) : NULL;
    if (named && named != j->exporter)
        return rf_fail(RF_ERR_USER, "-o %s is the name of a file for %s, but --to says %s: leave one of them out",
                       j->path, named->name, j->exporter->name);
    RF_TRY(open_model(j, input));
    RF_TRY(rf_output_make_parent(j->path));
    RF_TRY(rf_export(j->exporter, &j->exported, &j->options, j->path));
    rf_say("%s: %s, read back and compared; what a consumer must know is in %s.json\n", j->path, j->exporter->name,
           j->path);
    return RF_OK;
}

/* The formats and who wants them, for the manual (rf_free it). */
static char *formats_text(void) {
    rf_text t = {0};
    char *text = NULL;
    rf_text_put(&t, "FORMATS");
    for (int i = 0; i < rf_exporter_count(); i++)
        rf_text_printf(&t, "\n  %-12s %s\n               %s", rf_exporter_at(i)->name,
                       *rf_exporter_at(i)->extension ? rf_exporter_at(i)->extension : "a folder",
                       rf_exporter_at(i)->doc);
    return rf_text_finish(&t, &text, NULL) == RF_OK ? text : NULL;
}

/* Alternatives, as help and completion take them. */
static void name_formats(char *out, size_t bytes) {
    size_t used = 0;
    for (int i = 0; i < rf_exporter_count() && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, i ? "|%s" : "%s", rf_exporter_at(i)->name);
}

int rf_export_main(int argc, char **argv) {
    static job j = {.options = {.batch = 1, .score = -1, .iou = -1}};
    const char *to = NULL, *input = NULL, *outputs = "raw", *named = NULL;
    long opset = 0, batch = 1, keep = 0;
    char names[512];
    name_formats(names, sizeof names);
    const rf_option options[] = {
        {"model", 'm', RF_OPT_TEXT, &named, "MODEL", RF_MODEL_DOC, 0, 0},
        {"to", 0, RF_OPT_TEXT, &to, names, "the format (below); may be left out when the name of PATH tells it", 0, 0},
        {"out", 'o', RF_OPT_TEXT, &j.path, "PATH", "the file to write; PATH.json beside it says how to use it", 0, 0},
        {"config", 'c', RF_OPT_TEXT, &j.config, "INI", "configuration, when the weights carry none", 0, 0},
        {"set", 0, RF_OPT_LIST, &j.sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0},
        {"input", 0, RF_OPT_TEXT, &input, "HxW",
         "height and width of the input, or dynamic (input.size in both directions)", 0, 0},
        {"batch", 0, RF_OPT_INT, &batch, "N", "images at once, 0: dynamic (1)", 0, 4096},
        {"outputs", 0, RF_OPT_TEXT, &outputs, "raw|anchors|faces",
         "raw: maps of each level; anchors: loc, conf (soft-maxed) and landms of all anchors;\n"
         "faces: decoded, suppressed boxes, scores and points (raw)",
         0, 0},
        {"preprocess", 0, RF_OPT_FLAG, &j.options.preprocess, NULL,
         "colour order and mean inside the network: its input is 8-bit RGB", 0, 0},
        {"opset", 0, RF_OPT_INT, &opset, "N", "ONNX operator set (13)", 11, 19},
        {"fp16", 0, RF_OPT_FLAG, &j.options.fp16, NULL, "weights in half precision", 0, 0},
        {"embed", 0, RF_OPT_FLAG, &j.options.embed, NULL, "C: weights as an array in the source", 0, 0},
        {"prefix", 0, RF_OPT_TEXT, &j.options.prefix, "NAME",
         "C: functions are NAME_open, NAME_detect ..., so that several models go into one program (rf)", 0, 0},
        {"score", 0, RF_OPT_REAL, &j.options.score, "X", "faces: lowest score (eval.score where it is set, else 0.5)",
         0, 1},
        {"iou", 0, RF_OPT_REAL, &j.options.iou, "X", "faces: overlap above which the weaker is dropped (eval.iou)", 0,
         1},
        {"keep", 0, RF_OPT_INT, &keep, "N", "faces: at most so many of an image (eval.keep)", 1, 100000},
        {0}};
    char *formats = formats_text();
    if (!formats) return rf_cli_fail(name, RF_ERR_NOMEM);
    const rf_program program = {
        name,
        "write a model in another runtime's format",
        "MODEL [--to FORMAT] -o PATH [options]",
        "  Writes the network of a checkpoint or weight file (safetensors, .pth) with batch normalisation folded, "
        "reads\n"
        "  the file back, compares it with the model, and writes PATH.json: input, outputs, anchors, thresholds,\n"
        "  configuration, checksum.",
        options,
        "  rf-export runs/mnet/best.safetensors -o face.onnx --outputs faces --preprocess --input dynamic\n"
        "  rf-export runs/mnet/best.safetensors -o face.onnx --outputs anchors --input 480x640      (OpenCV)\n"
        "  rf-export runs/mnet/best.safetensors -o retinaface.c",
        formats,
        0,
        1};
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, &j.source, &n);
    rf_free(formats);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (named && n) return rf_cli_usage(name, "two models: %s and --model %s", j.source, named);
    if (named) j.source = named;
    if (!j.source) return rf_cli_usage(name, "a model is needed: rf-export MODEL -o PATH");
    if (!j.path) return rf_cli_usage(name, "-o PATH is missing");
    if (!(j.source = rf_find_model(j.source))) return rf_cli_fail(name, RF_ERR_USER);
    j.options.opset = (int)opset;
    j.options.batch = (int)batch;
    j.options.keep = (int)keep;
    rf_status status = convert(&j, to, input, outputs);
    rf_model_close(&j.model);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}
