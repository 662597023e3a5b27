/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/family.h"
#include "settings/settings.h"

static rf_status check(const char *place, const rf_config *config) {
    if (config->match.negative_iou <= config->match.positive_iou) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: match.negative_iou is %.15g, expected at most positive_iou, which is %.15g", place,
                   config->match.negative_iou, config->match.positive_iou);
}

static bool is_used(const rf_config *config) {
    return rf_family_reads(config, "match");
}

#include "core/keys_rows.h"
#include "detect/match.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(match, .check = check, .is_used = is_used);
