/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/model.h"

#include <string.h>

#include "core/mem.h"
#include "core/safetensors.h"
#include "core/text.h"
#include "layers/detector.h"
#include "layers/names.h"
#include "layers/weights.h"

static rf_status read_file(const char *path, const void *data, size_t bytes, rf_st_file **file) {
    if (!data) return rf_weights_read(path, file);
    uint8_t *copy = rf_alloc(bytes, 1); /* readers keep what they read */
    if (!copy) return RF_ERR_NOMEM;
    memcpy(copy, data, bytes);
    return rf_weights_parse(path, copy, bytes, file);
}

static rf_status read_config(const char *path, const rf_st_file *file, const char *const *overrides, size_t n,
                             rf_config *config) {
    const char *text = rf_st_meta(file, "rf.config"), *name = path;
    if (!text) {
        text = rf_names_config(file);
        name = "the public model's settings";
    }
    if (!text) return rf_fail(RF_ERR_USER, "%s carries no configuration and is no public model", path);
    RF_TRY(rf_config_parse(name, text, overrides, n, config));
    config->eval.mesh = false; /* detections have none, and it would need files beside the model */
    return RF_OK;
}

/* Every array of the network is in the file; a checkpoint holds more. */
static rf_status fill(const char *path, const rf_st_file *file, rf_params *params) {
    rf_weights_report report = {0};
    rf_text text = {0};
    char *sentence = NULL;
    rf_status status;
    RF_TRY_GOTO(rf_weights_apply(path, file, params, &report));
    if (report.n_missing) {
        rf_weights_report_text(&report, &text);
        RF_TRY_GOTO(rf_text_finish(&text, &sentence, NULL));
        status = rf_fail(RF_ERR_USER, "%s is not a model of its configuration: %s", path, sentence);
        goto fail;
    }
    status = rf_params_fold(params, NULL);
fail:
    rf_free(sentence);
    rf_weights_report_free(&report);
    return status;
}

static rf_status keep_meta(const rf_st_file *file, rf_lib_model *model) {
    model->meta_keys = rf_alloc(file->meta_count, sizeof *model->meta_keys);
    model->meta_values = rf_alloc(file->meta_count, sizeof *model->meta_values);
    if (!model->meta_keys || !model->meta_values) return RF_ERR_NOMEM;
    for (; model->n_meta < file->meta_count; model->n_meta++) {
        size_t i = model->n_meta;
        model->meta_keys[i] = rf_strdup(file->meta_keys[i]);
        model->meta_values[i] = rf_strdup(file->meta_values[i]);
        if (!model->meta_keys[i] || !model->meta_values[i]) {
            model->n_meta++; /* what there is of it is freed */
            return RF_ERR_NOMEM;
        }
    }
    return RF_OK;
}

rf_status rf_lib_model_open(const char *path, const void *data, size_t bytes, const char *const *overrides,
                            size_t n_overrides, rf_lib_model *model) {
    rf_st_file *file = NULL;
    rf_status status = RF_ERR_NOMEM;
    *model = (rf_lib_model){.file = rf_strdup(path)};
    rf_config *config = rf_alloc(1, sizeof *config); /* larger than a thread's stack may allow */
    if (!model->file || !config) goto fail;
    RF_TRY_GOTO(read_file(path, data, bytes, &file));
    RF_TRY_GOTO(read_config(path, file, overrides, n_overrides, config));
    RF_TRY_GOTO(rf_config_text(config, &model->configuration));
    RF_TRY_GOTO(rf_classes_of(config, &model->classes));
    RF_TRY_GOTO(rf_detector_params(config, &model->params));
    RF_TRY_GOTO(fill(path, file, model->params));
    RF_TRY_GOTO(keep_meta(file, model));
    RF_TRY_GOTO(rf_finder_open(config, model->params, &model->finder));
    model->terms = rf_strdup(config->data.terms);
    if (!model->terms) status = RF_ERR_NOMEM;
fail:
    rf_st_free(file);
    rf_free(config);
    return status;
}

void rf_lib_model_free(rf_lib_model *model) {
    rf_finder_close(model->finder);
    rf_params_free(model->params);
    rf_free(model->file);
    rf_free(model->configuration);
    rf_free(model->terms);
    for (size_t i = 0; i < model->n_meta; i++) {
        rf_free(model->meta_keys[i]);
        rf_free(model->meta_values[i]);
    }
    rf_free(model->meta_keys);
    rf_free(model->meta_values);
    *model = (rf_lib_model){0};
}
