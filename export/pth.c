/* SPDX-License-Identifier: Apache-2.0 */
/* A PyTorch state_dict under biubug6's names: what Pytorch_Retinaface's load_state_dict(strict=True) takes. */
#include "core/mem.h"
#include "core/torch_file.h"
#include "export/export.h"
#include "export/torch_write.h"
#include "layers/weights.h"

typedef rf_status file_fn(const char *path, const rf_st_tensor *tensors, size_t count, const char *config);

/* The model's arrays and configuration to rf_torch_write or rf_torch_compare. */
static rf_status with_model(const rf_export_model *model, const char *path, file_fn *fn) {
    rf_weights_pack pack = {0};
    char *config = NULL;
    rf_status status;
    RF_TRY_GOTO(rf_weights_pack_model(model->params, NULL, &pack));
    RF_TRY_GOTO(rf_config_text(model->config, &config));
    status = fn(path, pack.tensors, pack.count, config);
fail:
    rf_free(config);
    rf_weights_pack_free(&pack);
    return status;
}

static rf_status write(const rf_export_model *model, const rf_export_options *options, const char *path) {
    if (options->fp16) return rf_fail(RF_ERR_USER, "a state_dict holds single precision here: leave --fp16 out");
    if (options->embed) return rf_fail(RF_ERR_USER, "--embed belongs to C sources, not to a state_dict");
    return with_model(model, path, rf_torch_write);
}

/* Through the reader of every .pth file first; then what the reader steps over. */
static rf_status verify(const rf_export_model *model, const rf_export_options *options, const char *path) {
    (void)options;
    rf_st_file *file = NULL;
    RF_TRY(rf_torch_read(path, &file));
    rf_status status = rf_weights_same(path, file, model->params, false);
    rf_st_free(file);
    return status == RF_OK ? with_model(model, path, rf_torch_compare) : status;
}

const rf_exporter rf_exporter_pth = {
    .name = "pth",
    .extension = ".pth",
    .doc = "PyTorch: torch.load(PATH, weights_only=True), then load_state_dict of Pytorch_Retinaface's network",
    .write = write,
    .verify = verify,
};
