/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between a run and its continuation: settings, data set, program. What would make the continuation
 * another run than the one that was begun is refused; the rest is listed, so that a run's folder tells no lies. */
#ifndef RF_TRAIN_RESUME_H
#define RF_TRAIN_RESUME_H

#include "settings/settings.h"
#include "train/checkpoint.h"

typedef struct rf_change {
    char name[64];      /* "optim.lr", "training set", "instruction set", ... */
    char *before, *now; /* owned */
    const char *remark; /* "" or what follows from it, static */
} rf_change;

typedef struct rf_changes {
    rf_change *v;
    size_t n, capacity;
    bool settings; /* a key of the configuration is among them */
    bool measures; /* one that figures of the validation depend on is among them */
} rf_changes;

/* Compares what a checkpoint of the run in `dir` tells (its configuration as text, its origin) with what a resumed run
 * is given. RF_ERR_USER in one sentence that names every key which cannot change on the way (network, anchors, what the
 * network's input means, batch, seed, ...) or the data set when its number of images differs. model.init, which a
 * resumed run does not read, stays what it was in *config. rf_changes_free in every case. */
rf_status rf_resume_compare(const char *dir, const char *config_text, const rf_origin *before, rf_config *config,
                            const rf_origin *now, rf_changes *out);
void rf_changes_free(rf_changes *changes);

#endif
