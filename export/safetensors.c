/* Weights alone, in the format that rf itself trains from: names and layout of PyTorch, configuration in the metadata.
 */
#include <string.h>

#include "core/mem.h"
#include "export/export.h"
#include "layers/weights.h"

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    if (options->fp16) return rf_fail(RF_ERR_USER, "safetensors files hold single precision here: leave --fp16 out");
    if (options->embed) return rf_fail(RF_ERR_USER, "--embed belongs to C sources, not to safetensors");
    char *text = NULL;
    RF_TRY(rf_config_text(model->config, &text));
    const char *keys[] = {"rf.version", "rf.config", "format"}, *values[] = {RF_VERSION, text, "pt"};
    rf_status status = rf_weights_save(path, model->params, keys, values, 3);
    rf_free(text);
    return status;
}

static rf_status same_tensor(const char *path, const rf_st_file *file, const rf_st_tensor *want) {
    const rf_st_tensor *have = rf_st_find(file, want->name);
    if (!have) return rf_fail(RF_ERR_FORMAT, "%s lacks %s", path, want->name);
    bool same = have->dtype == want->dtype && have->n_dims == want->n_dims && have->bytes == want->bytes &&
                memcmp(have->dims, want->dims, (size_t)want->n_dims * sizeof *want->dims) == 0;
    if (!same) return rf_fail(RF_ERR_FORMAT, "%s: %s has another type or shape than the model's", path, want->name);
    if (memcmp(have->data, want->data, want->bytes) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: %s holds other numbers than the model", path, want->name);
    return RF_OK;
}

static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    (void)options;
    rf_st_file *file = NULL;
    rf_weights_pack pack = {0};
    char *text = NULL;
    rf_status status;
    RF_TRY_GOTO(rf_st_read(path, &file));
    RF_TRY_GOTO(rf_weights_pack_model(model->params, NULL, &pack));
    RF_TRY_GOTO(rf_config_text(model->config, &text));
    if (file->count != pack.count)
        status = rf_fail(RF_ERR_FORMAT, "%s holds %zu arrays, the model has %zu", path, file->count, pack.count);
    for (size_t i = 0; i < pack.count && status == RF_OK; i++) status = same_tensor(path, file, &pack.tensors[i]);
    const char *config = rf_st_meta(file, "rf.config");
    if (status == RF_OK && (!config || strcmp(config, text) != 0))
        status = rf_fail(RF_ERR_FORMAT, "%s carries another configuration than the model's", path);
fail:
    rf_free(text);
    rf_weights_pack_free(&pack);
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
