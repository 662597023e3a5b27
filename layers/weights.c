/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/mxnet_file.h"
#include "core/torch_file.h"
#include "layers/names.h"

/* Somebody names a run instead of a file in it. */
static rf_status refuse_folder(const char *path) {
    static const char *const files[] = {"best.safetensors", "last.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *file = rf_path_join(path, files[i]);
        if (!file) return RF_ERR_NOMEM;
        bool there = rf_file_exists(file);
        if (there) rf_fail(RF_ERR_USER, "%s is a folder, expected a model: name %s", path, file);
        rf_free(file);
        if (there) return RF_ERR_USER;
    }
    return rf_fail(RF_ERR_USER, "%s is a folder, expected a model (.safetensors, .pth or .params)", path);
}

/* What a file of another kind is, or NULL. */
static const char *other_kind(const uint8_t *data, size_t bytes) {
    static const struct {
        const char *magic;
        size_t bytes;
        const char *kind;
    } kinds[] = {{"\xFF\xD8\xFF", 3, "a picture"},
                 {"\x89PNG", 4, "a picture"},
                 {"\x7F"
                  "ELF",
                  4, "a program"},
                 {"\x1F\x8B", 2, "a compressed file: unpack it first"},
                 {"BZh", 3, "a compressed file: unpack it first"},
                 {"version https://git-lfs", 23, "a pointer of Git LFS, not the file: run git lfs pull"},
                 {"<!DOCTYPE", 9, "a web page, not the file that was to be downloaded"},
                 {"<html", 5, "a web page, not the file that was to be downloaded"}};
    if (bytes == 0) return "empty";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (bytes >= kinds[i].bytes && memcmp(data, kinds[i].magic, kinds[i].bytes) == 0) return kinds[i].kind;
    return NULL;
}

rf_status rf_weights_read(const char *path, rf_st_file **out) {
    uint8_t *data;
    size_t bytes;
    *out = NULL;
    if (rf_dir_exists(path)) return refuse_folder(path);
    RF_TRY(rf_file_read(path, 0, &data, &bytes));
    return rf_weights_parse(path, data, bytes, out);
}

rf_status rf_weights_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out) {
    *out = NULL;
    size_t length = strlen(path);
    const char *other =
        length > 4 && strcmp(path + length - 4, ".ini") == 0 ? "a configuration" : other_kind(data, bytes);
    if (other) {
        rf_free(data);
        return rf_fail(RF_ERR_FORMAT, "%s is %s; expected a model (.safetensors, .pth or .params)", path, other);
    }
    RF_TRY(rf_torch_probe(data, bytes)   ? rf_torch_parse(path, data, bytes, out)
           : rf_mxnet_probe(data, bytes) ? rf_mxnet_parse(path, data, bytes, out)
                                         : rf_st_parse(path, data, bytes, out));
    rf_status status = rf_st_widen(*out);
    if (status == RF_OK) return RF_OK;
    rf_st_free(*out);
    *out = NULL;
    return status;
}

static bool same_shape(const rf_st_tensor *tensor, const rf_param *param) {
    if (tensor->n_dims != param->n_dims) return false;
    for (int i = 0; i < param->n_dims; i++)
        if (tensor->dims[i] != param->dims[i]) return false;
    return true;
}

static void dims_text(const size_t *dims, int n, char text[96]) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < n && used < 80; i++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%zu", i ? "x" : "", dims[i]);
}

/* Shape, type and numbers of a tensor that is going to fill an entry. */
static rf_status check_tensor(const char *path, const rf_st_tensor *tensor, const rf_param *param) {
    char have[96], want[96];
    if (!same_shape(tensor, param)) {
        dims_text(tensor->dims, tensor->n_dims, have);
        dims_text(param->dims, param->n_dims, want);
        return rf_fail(RF_ERR_USER,
                       "%s: %s is %s, but the network's %s is %s; choose the [model] settings the file was made with",
                       path, tensor->name, have, param->name, want);
    }
    if (tensor->dtype != RF_F32 && tensor->dtype != RF_F64)
        return rf_fail(RF_ERR_FORMAT, "%s: %s does not hold floating-point numbers", path, tensor->name);
    bool variance = param->kind == RF_PARAM_BN_VAR;
    for (size_t i = 0; i < param->count; i++) {
        double v =
            tensor->dtype == RF_F32 ? (double)((const float *)tensor->data)[i] : ((const double *)tensor->data)[i];
        if (!isfinite(v) || (variance && v < 0))
            return rf_fail(RF_ERR_NONFINITE, "%s: %s holds %g at position %zu; the file comes from a failed training",
                           path, tensor->name, v, i);
    }
    return RF_OK;
}

/* `scratch` holds as many floats as the largest entry has elements. */
static void copy_tensor(const rf_st_tensor *tensor, const rf_param *param, float *scratch, rf_real *values) {
    const float *numbers = tensor->data;
    if (tensor->dtype == RF_F64) {
        for (size_t i = 0; i < param->count; i++) scratch[i] = (float)((const double *)tensor->data)[i];
        numbers = scratch;
    }
    rf_param_from_file(param, numbers, values);
}

/* source[entry] = 1 + index of its tensor; everything is checked, nothing is written. */
static rf_status match_names(const char *path, const rf_st_file *file, const rf_params *params, size_t *source,
                             rf_weights_report *report) {
    report->unused = rf_alloc(file->count, sizeof *report->unused);
    if (!report->unused) return RF_ERR_NOMEM;
    for (size_t i = 0; i < file->count; i++) {
        const rf_st_tensor *tensor = &file->tensors[i];
        size_t entry = rf_name_entry(params, tensor->name);
        if (entry < params->count) {
            if (source[entry])
                return rf_fail(RF_ERR_FORMAT, "%s: %s and %s both mean the network's %s", path,
                               file->tensors[source[entry] - 1].name, tensor->name, params->entries[entry].name);
            RF_TRY(check_tensor(path, tensor, &params->entries[entry]));
            source[entry] = i + 1;
            report->matched++;
        } else if (rf_name_ignored(tensor->name)) {
            report->ignored++;
        } else {
            report->unused[report->n_unused] = rf_strdup(tensor->name);
            if (!report->unused[report->n_unused++]) return RF_ERR_NOMEM;
        }
    }
    return RF_OK;
}

static rf_status list_missing(const rf_params *params, const size_t *source, rf_weights_report *report) {
    report->missing = rf_alloc(params->count, sizeof *report->missing);
    if (!report->missing) return RF_ERR_NOMEM;
    for (size_t i = 0; i < params->count; i++) {
        if (source[i]) continue;
        report->backbone_missing += (params->entries[i].flags & RF_PARAM_BACKBONE) != 0;
        report->missing[report->n_missing] = rf_strdup(params->entries[i].name);
        if (!report->missing[report->n_missing++]) return RF_ERR_NOMEM;
    }
    return RF_OK;
}

/* rf_weights_apply of a file in our own names; `found` starts with what the translation did. */
static rf_status fill(const char *path, const rf_st_file *file, rf_params *params, rf_weights_report *report,
                      rf_weights_report found) {
    rf_status status = RF_ERR_NOMEM;
    size_t largest = 0;
    for (size_t i = 0; i < params->count; i++)
        if (params->entries[i].count > largest) largest = params->entries[i].count;
    size_t *source = rf_alloc(params->count, sizeof *source);
    float *scratch = rf_alloc(largest, sizeof *scratch);
    if (!source || !scratch) goto fail;
    RF_TRY_GOTO(match_names(path, file, params, source, &found));
    RF_TRY_GOTO(list_missing(params, source, &found));
    if (found.matched == 0) {
        status =
            rf_fail(RF_ERR_USER, "%s: none of its %zu tensors (%s ...) belongs to this network; check model.backbone",
                    path, file->count, file->count ? file->tensors[0].name : "none");
        goto fail;
    }
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        if (source[i]) copy_tensor(&file->tensors[source[i] - 1], p, scratch, rf_params_values(params, p));
    }
    params->folded_valid = false;
    if (report) {
        *report = found;
        found = (rf_weights_report){0};
    }
fail:
    rf_weights_report_free(&found);
    rf_free(source);
    rf_free(scratch);
    return status;
}

rf_status rf_weights_apply(const char *path, const rf_st_file *file, rf_params *params, rf_weights_report *report) {
    rf_names_result translated;
    RF_TRY(rf_names_translate(path, file, params, &translated));
    rf_status status =
        fill(path, translated.file ? translated.file : file, params, report,
             (rf_weights_report){.widened = file->widened, .absorbed = translated.absorbed, .note = translated.note});
    rf_st_free(translated.file);
    return status;
}

rf_status rf_weights_load(const char *path, rf_params *params, rf_weights_report *report) {
    rf_st_file *file;
    if (report) *report = (rf_weights_report){0};
    RF_TRY(rf_weights_read(path, &file));
    rf_status status = rf_weights_apply(path, file, params, report);
    rf_st_free(file);
    return status;
}
