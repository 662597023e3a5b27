/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"
#include "train/schedule.h"

static rf_status check(const char *place, const rf_config *config) {
    return rf_config_check_ascending(place, "schedule.steps", &config->schedule.steps);
}

#include "core/keys_rows.h"
#include "train/schedule.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(schedule, .check = check);
