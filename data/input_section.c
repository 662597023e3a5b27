/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

static rf_status check(const char *place, const rf_config *config) {
    RF_TRY(rf_config_check_length(place, "input.mean", &config->input.mean, 3));
    return rf_config_check_length(place, "input.std", &config->input.std, 3);
}

#include "core/keys_rows.h"
#include "data/input.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(input, .check = check);
