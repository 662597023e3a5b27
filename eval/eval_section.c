/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/nms.h"
#include "settings/settings.h"

static rf_status check_tile(const char *place, const rf_config *config) {
    enum { LEAST = 256 };
    if (config->eval.tile == 0) return RF_OK;
    if (config->eval.tile < LEAST)
        return rf_fail(RF_ERR_USER, "%s: eval.tile is %ld, expected 0 (off) or a side of at least %d pixels", place,
                       config->eval.tile, LEAST);
    if (config->eval.max_pixels * 1e6 < LEAST * LEAST)
        return rf_fail(RF_ERR_USER, "%s: eval.max_pixels is %.15g, expected at least %.3g for tiles (eval.tile)", place,
                       config->eval.max_pixels, LEAST * LEAST * 1e-6 + 5e-5);
    if (config->eval.schedule == RF_EVAL_SCHEDULE_SRN)
        return rf_fail(RF_ERR_USER, "%s: eval.tile goes with eval.scales and not with eval.schedule = srn", place);
    return RF_OK;
}

static rf_status check(const char *place, const rf_config *config) {
    RF_TRY(check_tile(place, config));
    return rf_config_check_filled(place, "eval.scales", &config->eval.scales);
}

#include "core/keys_rows.h"
#include "eval/eval.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(eval, .check = check);
