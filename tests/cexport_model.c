/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cexport_model.h"

#include <string.h>

#include "settings/settings.h"
#include "core/mem.h"
#include "layers/detector.h"
#include "layers/init.h"
#include "layers/weights.h"

static void scale(rf_params *params, const char *part, float factor) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        if (!strstr(p->name, part) || p->kind != RF_PARAM_CONV) continue;
        for (size_t k = 0; k < p->count; k++) rf_params_values(params, p)[k] *= factor;
    }
}

/* Biases and normalisation that are not 0 and 1, so that losing one is noticed. */
static void disturb(rf_params *params) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        rf_real *v = rf_params_values(params, p);
        bool offset = strstr(p->name, "conv_offset") != NULL;
        for (size_t k = 0; k < p->count; k++) {
            rf_real wave = (rf_real)((int)((k * 37 + i * 11) % 19) - 9) / 9;
            if (p->kind == RF_PARAM_BN_BETA || p->kind == RF_PARAM_BN_MEAN) v[k] = 0.3f * wave;
            if (p->kind == RF_PARAM_BN_GAMMA || p->kind == RF_PARAM_BN_VAR) v[k] = 1 + 0.2f * wave;
            if (p->kind == RF_PARAM_BIAS) v[k] = offset ? 1.5f * wave : 0.1f * wave;
            if (p->kind == RF_PARAM_CONV && offset) v[k] = 1e-4f * wave; /* they start at 0 */
        }
    }
}

rf_status cexport_random_model(const char *path, double factor, const char *const *sets, size_t n_sets) {
    const char *all[16] = {"model.initialiser=he_xavier"};
    rf_config config;
    rf_params *params = NULL;
    char *text = NULL;
    rf_status status;
    for (size_t i = 0; i < n_sets && i < 15; i++) all[i + 1] = sets[i];
    RF_TRY(rf_config_load("configs/demo.ini", all, n_sets + 1, &config));
    RF_TRY_GOTO(rf_detector_params(&config, &params));
    rf_params_init(params, 7);
    disturb(params);
    scale(params, "ClassHead", (float)factor);
    scale(params, "BboxHead", (float)factor / 4); /* or boxes of thousands of pixels come out */
    scale(params, "LandmarkHead", (float)factor);
    scale(params, "ClassTower.predict", (float)factor);
    scale(params, "BoxTower.predict", (float)factor / 4);
    RF_TRY_GOTO(rf_config_text(&config, &text));
    const char *keys[] = {"rf.version", "rf.config"}, *values[] = {RF_VERSION, text};
    status = rf_weights_save(path, params, false, keys, values, 2);
fail:
    rf_free(text);
    rf_params_free(params);
    return status;
}
