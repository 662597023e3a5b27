/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/sampler.h"
#include "layers/family.h"
#include "settings/settings.h"
#include "detect/loss/loss.h"
#include "detect/loss/loss_norm.h"

static bool is_used(const rf_config *config) {
    return rf_family_reads(config, "loss");
}

#include "core/keys_rows.h"
#include "detect/loss/loss.def"
#include "core/keys_end.h"
RF_SECTION_DEFINE(loss, .is_used = is_used);
