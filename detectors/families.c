/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/family.h"

#define RF_FAMILY(name) extern const rf_family rf_family_##name;
#include "detectors/families.def"
#undef RF_FAMILY

static const void *const families[] = {
#define RF_FAMILY(name) &rf_family_##name,
#include "detectors/families.def"
#undef RF_FAMILY
};

RF_REGISTRY_DEFINE(family, rf_family, families, e->doc && e->build, .what = "family of detectors")
