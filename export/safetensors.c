/* SPDX-License-Identifier: Apache-2.0 */
/* Weights alone, in the format that rf itself trains from: names and layout of PyTorch, configuration in the metadata.
 */
#include <string.h>

#include "core/mem.h"
#include "export/export.h"
#include "layers/weights.h"

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    if (options->embed) return rf_fail(RF_ERR_USER, "--embed belongs to C sources, not to safetensors");
    char *text = NULL;
    RF_TRY(rf_config_text(model->config, &text));
    const char *keys[] = {"rf.version", "rf.config", "format"}, *values[] = {RF_VERSION, text, "pt"};
    rf_status status = rf_weights_save(path, model->params, options->fp16, keys, values, 3);
    rf_free(text);
    return status;
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    rf_st_file *file = NULL;
    char *text = NULL;
    rf_status status;
    RF_TRY_GOTO(rf_st_read(path, &file));
    RF_TRY_GOTO(rf_config_text(model->config, &text));
    RF_TRY_GOTO(rf_weights_same(path, file, model->params, options->fp16));
    const char *config = rf_st_meta(file, "rf.config");
    if (status == RF_OK && (!config || strcmp(config, text) != 0))
        status = rf_fail(RF_ERR_FORMAT, "%s carries another configuration than the model's", path);
fail:
    rf_free(text);
    rf_st_free(file);
    return status;
}

const rf_exporter rf_exporter_safetensors = {
    .name = "safetensors",
    .extension = ".safetensors",
    .doc = "rf itself (rf-train --init, rf-eval, rf-detect), Python's safetensors, candle: weights in PyTorch's names",
    .write = write,
    .verify = verify,
};
