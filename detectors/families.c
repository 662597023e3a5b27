/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/family.h"

#include <string.h>

#define RF_FAMILY(name) extern const rf_family rf_family_##name;
#include "detectors/parts.def"

static const void *const families[] = {
#define RF_FAMILY(name) &rf_family_##name,
#include "detectors/parts.def"
};

RF_REGISTRY_DEFINE(family, rf_family, families, e->doc && e->build, .what = "family of detectors")

bool rf_family_reads(const rf_config *config, const char *section) {
    const char *const *unread = rf_family_at(config->model.family)->unread;
    for (; unread && *unread; unread++)
        if (strcmp(*unread, section) == 0) return false;
    return true;
}
