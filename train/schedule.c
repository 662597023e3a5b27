/* SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

#include <math.h>

static double step_factor(const rf_config *config, double epoch) {
    double factor = 1;
    /* A millionth of an epoch of slack: step 55 * 161 / 161 may fall just below 55. */
    for (int i = 0; i < config->schedule.steps.n; i++)
        if (epoch + 1e-6 >= config->schedule.steps.v[i]) factor *= config->schedule.gamma;
    return factor;
}
static const rf_schedule schedule_step = {"step", "times gamma at each of schedule.steps", step_factor};

/* Loshchilov and Hutter, arXiv 1608.03983, one period from the end of the warm-up. */
static double cosine_factor(const rf_config *config, double epoch) {
    double begin = config->schedule.warmup_epochs, length = config->schedule.epochs - begin;
    double done = length > 0 ? (epoch - begin) / length : 1;
    if (done < 0) done = 0;
    if (done > 1) done = 1;
    double low = config->schedule.min_lr;
    return low + (1 - low) * 0.5 * (1 + cos(M_PI * done));
}
static const rf_schedule schedule_cosine = {"cosine", "half a cosine from lr to lr * min_lr", cosine_factor};

static double constant_factor(const rf_config *config, double epoch) {
    (void)config;
    (void)epoch;
    return 1;
}
static const rf_schedule schedule_constant = {"constant", "lr all the time", constant_factor};

static const void *const schedules[] = {
#define RF_SCHEDULE(name) &schedule_##name,
#include "train/schedules.def"
#undef RF_SCHEDULE
};
RF_REGISTRY_DEFINE(schedule, rf_schedule, schedules, e->factor, .what = "schedule")

double rf_schedule_rate(const rf_config *config, double epoch) {
    double warmup = config->schedule.warmup_epochs;
    if (epoch < warmup) {
        double first = config->schedule.warmup_lr;
        if (config->schedule.warmup == RF_WARMUP_STAIRS)
            return first * pow(config->optim.lr / first, floor(epoch + 1e-6) / warmup);
        return first + (config->optim.lr - first) * epoch / warmup;
    }
    return config->optim.lr * rf_schedule_at(config->schedule.kind)->factor(config, epoch);
}
