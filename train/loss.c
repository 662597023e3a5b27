#include "train/loss.h"

#include <string.h>

#define RF_LOSS(name) extern const rf_loss_kind rf_loss_##name;
#include "train/losses.def"
#undef RF_LOSS

const rf_loss_kind *const rf_loss_kinds[RF_LOSS_COUNT] = {
#define RF_LOSS(name) &rf_loss_##name,
#include "train/losses.def"
#undef RF_LOSS
};

const rf_loss_kind *rf_loss_find(const char *name) {
    for (int i = 0; i < RF_LOSS_COUNT; i++)
        if (strcmp(rf_loss_kinds[i]->name, name) == 0) return rf_loss_kinds[i];
    rf_fail(RF_ERR_USER, "loss.kind=%s is not in the list of losses", name);
    return NULL;
}
