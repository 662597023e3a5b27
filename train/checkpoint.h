/* SPDX-License-Identifier: Apache-2.0 */
/* A training state as one safetensors file (docs/formats.md). Plain names hold the weights to use (the average when
 * optim.ema is on) and the running statistics, so that every tool reads a checkpoint as a model; "momentum.NAME" holds
 * the optimiser's state and "raw.NAME" the weights that training continues from when they are not the plain ones. The
 * metadata holds the resolved configuration and the position: random numbers are functions of (seed, epoch, sample), so
 * seed and position are their whole state. */
#ifndef RF_TRAIN_CHECKPOINT_H
#define RF_TRAIN_CHECKPOINT_H

#include <stdbool.h>

#include "data/dataset.h"
#include "train/optimizer.h"

enum { RF_METRIC_MAX = 72, RF_METRIC_BYTES = 64 }; /* several kinds of objects have values of their own */

/* What a run is made with beside its settings; a resumed run tells what of it changed. */
typedef struct rf_origin {
    uint64_t images, faces; /* of the training set; 0 images: an older file, which does not know */
    uint32_t data_crc;      /* of its names and annotations (rf_origin_of) */
    bool overfit;           /* one batch, repeated */
    /* Of the program that wrote the file; rf_checkpoint_write puts its own there. "": an older file. */
    char version[24], isa[16], real[8];
} rf_origin;

/* Where a run stands. */
typedef struct rf_progress {
    uint64_t step;  /* updates done */
    uint32_t epoch; /* of the next batch, from 0 */
    uint64_t batch; /* number of the next batch in its epoch */
    uint64_t seed;
    double best; /* best value of the leading metric so far, -1 = none */
    uint64_t best_step;
    uint64_t evaluated; /* step of the last evaluation: one that a signal or a crash cut off is made up for */
    uint64_t best_asked,
        best_read; /* pictures that `best` is a figure over: of the set, and those that were readable */
    rf_origin origin;
} rf_progress;

/* Images, faces and annotations of a data set, and what this program is. */
void rf_origin_of(const rf_dataset *dataset, rf_origin *out);

/* Writes atomically: after a crash or a full disk the old file is whole. */
rf_status rf_checkpoint_write(const char *path, const rf_config *config, const rf_optimizer *optimizer,
                              const rf_progress *progress);

/* Restores weights, statistics, optimiser and position. The file must come from the same model; a different
 * configuration text is allowed (the caller says so). RF_ERR_FORMAT names what is missing when the file is no
 * checkpoint. */
rf_status rf_checkpoint_read(const char *path, rf_optimizer *optimizer, rf_progress *progress);
/* The position and the configuration text alone (rf_free it), without a model. */
rf_status rf_checkpoint_peek(const char *path, rf_progress *progress, char **config_text);

/* The configuration text a checkpoint or exported model carries (rf_free it), or RF_ERR_FORMAT when it has none. */
rf_status rf_checkpoint_config(const char *path, char **text);

#endif
