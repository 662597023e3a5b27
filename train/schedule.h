/* SPDX-License-Identifier: Apache-2.0 */
/* Learning rate as a function of the fractional epoch. */
#ifndef RF_TRAIN_SCHEDULE_H
#define RF_TRAIN_SCHEDULE_H

#include "settings/settings.h"
#include "core/registry.h"

/* One entry of schedules.def: the factor of optim.lr after warm-up, at `epoch` of schedule.epochs. */
typedef struct rf_schedule {
    const char *name, *doc;
    double (*factor)(const rf_config *config, double epoch);
} rf_schedule;

/* The schedules by name (train/schedules.def), as schedule.kind says. */
RF_REGISTRY_DECLARE(schedule, rf_schedule)

/* The learning rate at a fractional epoch (step / steps an epoch): linear from schedule.warmup_lr to optim.lr during
 * schedule.warmup_epochs (RetinaFace, section 4.2) or, by schedule.warmup, in equal ratios an epoch, then optim.lr
 * times the factor of schedule.kind. */
double rf_schedule_rate(const rf_config *config, double epoch);

#endif
