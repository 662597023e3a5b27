/* SPDX-License-Identifier: Apache-2.0 */

#include "core/name.h"
#include "detect/nms.h"

const rf_merger rf_mergers[RF_MERGE_COUNT] = {
#define RF_MERGE(name, function) {#name, function},
#include "detect/merges.def"
#undef RF_MERGE
};

const rf_merger *rf_merger_find(const char *name) {
    const char *names[RF_MERGE_COUNT];
    for (int i = 0; i < RF_MERGE_COUNT; i++) names[i] = rf_mergers[i].name;
    int at = rf_name_find("merge", name, names, RF_MERGE_COUNT);
    return at < 0 ? NULL : &rf_mergers[at];
}
