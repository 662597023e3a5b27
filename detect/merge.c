#include <string.h>

#include "detect/nms.h"

const rf_merger rf_mergers[RF_MERGE_COUNT] = {
#define RF_MERGE(name, function) {#name, function},
#include "detect/merges.def"
#undef RF_MERGE
};

const rf_merger *rf_merger_find(const char *name) {
    for (int i = 0; i < RF_MERGE_COUNT; i++)
        if (strcmp(rf_mergers[i].name, name) == 0) return &rf_mergers[i];
#define RF_MERGE(name, function) " " #name
    rf_fail(RF_ERR_USER, "no merge is called \"%s\"; there are:%s", name,
#include "detect/merges.def"
    );
#undef RF_MERGE
    return NULL;
}
