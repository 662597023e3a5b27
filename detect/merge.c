/* SPDX-License-Identifier: Apache-2.0 */

#include "detect/nms.h"

static const void *const mergers[] = {
#define RF_MERGE(name, function) &(const rf_merger){#name, function},
#include "detect/merges.def"
#undef RF_MERGE
};

RF_REGISTRY_DEFINE(merger, rf_merger, mergers, e->run, .what = "merge")
