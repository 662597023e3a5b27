/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/family.h"
#include "settings/settings.h"

static bool is_used(const rf_config *config) {
    return rf_family_reads(config, "cascade");
}

#include "core/keys_rows.h"
#include "layers/cascade.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(cascade, .is_used = is_used);
