/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/classes.h"
#include "settings/settings.h"

static rf_status check(const char *place, const rf_config *config) {
    rf_classes classes;
    rf_status status = rf_classes_parse("data.classes", config->data.classes, &classes);
    return status == RF_OK ? RF_OK : rf_fail_context(status, "%s", place);
}

#include "core/keys_rows.h"
#include "data/data.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(data, .check = check);
