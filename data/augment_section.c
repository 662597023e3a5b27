/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

static rf_status check(const char *place, const rf_config *config) {
    return rf_config_check_filled(place, "augment.crop_set", &config->augment.crop_set);
}

#include "core/keys_rows.h"
#include "data/augment.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(augment, .check = check);
