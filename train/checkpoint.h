/* A training state as one safetensors file (docs/formats.md). Plain names hold the weights to use (the average when
 * optim.ema is on) and the running statistics, so that every tool reads a checkpoint as a model; "momentum.NAME" holds
 * the optimiser's state and "raw.NAME" the weights that training continues from when they are not the plain ones. The
 * metadata holds the resolved configuration and the position: random numbers are functions of (seed, epoch, sample), so
 * seed and position are their whole state. */
#ifndef RF_TRAIN_CHECKPOINT_H
#define RF_TRAIN_CHECKPOINT_H

#include "train/optimizer.h"

enum { RF_METRIC_MAX = 8 };

/* Where a run stands. */
typedef struct rf_progress {
    uint64_t step;  /* updates done */
    uint32_t epoch; /* of the next batch, from 0 */
    uint64_t batch; /* number of the next batch in its epoch */
    uint64_t seed;
    double best; /* best value of the leading metric so far, -1 = none */
    uint64_t best_step;
    uint64_t evaluated; /* step of the last evaluation: one that a signal or a crash cut off is made up for */
} rf_progress;

/* Writes atomically: after a crash or a full disk the old file is whole. */
rf_status rf_checkpoint_write(const char *path, const rf_config *config, const rf_optimizer *optimizer,
                              const rf_progress *progress);

/* Restores weights, statistics, optimiser and position. The file must come from the same model; a different
 * configuration text is allowed (the caller says so). RF_ERR_FORMAT names what is missing when the file is no
 * checkpoint. */
rf_status rf_checkpoint_read(const char *path, rf_optimizer *optimizer, rf_progress *progress);

/* The configuration text a checkpoint or exported model carries (rf_free it), or RF_ERR_FORMAT when it has none. */
rf_status rf_checkpoint_config(const char *path, char **text);

#endif
