#include "tests/cexport_model.h"

#include <string.h>

#include "core/config.h"
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

rf_status cexport_random_model(const char *path) {
    static const char *const sets[] = {"model.initialiser=he_xavier"};
    rf_config config;
    rf_params *params = NULL;
    char *text = NULL;
    rf_status status;
    RF_TRY(rf_config_load("configs/demo.ini", sets, 1, &config));
    RF_TRY_GOTO(rf_detector_params(&config, &params));
    rf_params_init(params, 7);
    scale(params, "ClassHead", 8);
    scale(params, "BboxHead", 20);
    scale(params, "LandmarkHead", 20);
    RF_TRY_GOTO(rf_config_text(&config, &text));
    const char *keys[] = {"rf.version", "rf.config"}, *values[] = {RF_VERSION, text};
    status = rf_weights_save(path, params, keys, values, 2);
fail:
    rf_free(text);
    rf_params_free(params);
    return status;
}
