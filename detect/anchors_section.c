/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/family.h"
#include "settings/settings.h"

static rf_status check(const char *place, const rf_config *config) {
    RF_TRY(rf_config_check_filled(place, "anchors.sizes", &config->anchors.sizes));
    RF_TRY(rf_config_check_filled(place, "anchors.aspect", &config->anchors.aspect));
    if (config->anchors.sizes.n % config->model.strides.n == 0) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "%s: anchors.sizes has %d numbers for the %d levels of model.strides, expected the same number for "
                   "every level",
                   place, config->anchors.sizes.n, config->model.strides.n);
}

static bool is_used(const rf_config *config) {
    return rf_family_reads(config, "anchors");
}

#include "core/keys_rows.h"
#include "detect/anchors.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(anchors, .check = check, .is_used = is_used);
