/* SPDX-License-Identifier: Apache-2.0 */
/* One update of all parameters from their gradients, over flat arrays. */
#ifndef RF_TRAIN_OPTIMIZER_H
#define RF_TRAIN_OPTIMIZER_H

#include "settings/settings.h"
#include "core/registry.h"
#include "layers/params.h"

enum { RF_OPTIMIZER_MAX_SLOTS = 2 };

/* What an update rule sees of one stretch of one parameter. */
typedef struct rf_update {
    size_t count;
    rf_real *w;
    const rf_real *g;                      /* gradient, before weight decay */
    rf_real *slot[RF_OPTIMIZER_MAX_SLOTS]; /* state of the rule, zero before the first update */
    rf_real lr, weight_decay, grad_scale;  /* multipliers of the parameter are in; g counts grad_scale times */
} rf_update;

/* One entry of optimizers.def. */
typedef struct rf_optimizer_kind {
    const char *name, *doc;
    int n_slots;
    const char *slot_names[RF_OPTIMIZER_MAX_SLOTS]; /* prefixes in checkpoints */
    void (*update)(const rf_config *config, const rf_update *u);
} rf_optimizer_kind;

/* The optimisers by name (train/optimizers.def), as optim.kind says. */
RF_REGISTRY_DECLARE(optimizer, rf_optimizer_kind)

typedef struct rf_optimizer {
    const rf_optimizer_kind *kind;
    const rf_config *config;                /* borrowed */
    rf_params *params;                      /* borrowed */
    rf_real *slots[RF_OPTIMIZER_MAX_SLOTS]; /* [params->data_count] each */
    rf_real *ema;                           /* [params->data_count] average of the weights; NULL when optim.ema is 0 */
    rf_real *ema_state; /* [params->state_count] of the running statistics, with the same decay; NULL with ema */
    struct rf_stretch *stretches; /* parameters cut in pieces of fixed size */
    size_t n_stretches;
    double *partial; /* [n_stretches] */
} rf_optimizer;

/* config and params are borrowed and outlive the optimiser. The average starts as a copy of the weights. */
rf_status rf_optimizer_init(rf_optimizer *optimizer, const rf_config *config, rf_params *params);
void rf_optimizer_free(rf_optimizer *optimizer);

/* Starts the averages again from the weights and running statistics (after these were loaded). */
void rf_optimizer_reset_ema(rf_optimizer *optimizer);

/* Global L2 norm of the gradients of all parameters that are trained (double, fixed order of summation). NaN or
 * infinity comes back as such. */
double rf_optimizer_grad_norm(const rf_optimizer *optimizer);

/* w <- rule(w, g * grad_scale), where grad_scale is 1 / optim.accumulate times the clipping factor; then the averages.
 */
void rf_optimizer_step(rf_optimizer *optimizer, double lr, double grad_scale);

/* What to evaluate and to ship: the averages when there are any, else what is trained. */
rf_param_values rf_optimizer_weights(const rf_optimizer *optimizer);

#endif
