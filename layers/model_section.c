/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/backbone.h"
#include "layers/context.h"
#include "layers/family.h"
#include "settings/settings.h"

/* Without points in the data there are none to find. */
static void settle(rf_config *config) {
    if (!config->data.points) config->model.landmarks = false;
}

static rf_status check(const char *place, const rf_config *config) {
    RF_TRY(rf_config_check_filled(place, "model.strides", &config->model.strides));
    RF_TRY(rf_config_check_ascending(place, "model.strides", &config->model.strides));
    if (config->model.channels % 4 == 0) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: model.channels is %ld, expected a multiple of 4", place, config->model.channels);
}

#include "core/keys_rows.h"
#include "layers/model.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(model, .settle = settle, .check = check);
