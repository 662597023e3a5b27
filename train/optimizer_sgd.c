/* SPDX-License-Identifier: Apache-2.0 */
/* Stochastic gradient descent with momentum, in the form of Sutskever et al. 2013 that PyTorch uses:
 *   d = g + weight_decay * w;  v <- momentum * v + d;  w <- w - lr * (nesterov ? d + momentum * v : v) */
#include "train/optimizer.h"

static void update(const rf_config *config, const rf_update *u) {
    rf_real momentum = (rf_real)config->optim.momentum;
    rf_real *restrict w = u->w, *restrict v = u->slot[0];
    const rf_real *restrict g = u->g;
    /* One of two loops, so that each vectorises without a branch. */
    if (config->optim.nesterov) {
        for (size_t i = 0; i < u->count; i++) {
            rf_real d = u->grad_scale * g[i] + u->weight_decay * w[i];
            v[i] = momentum * v[i] + d;
            w[i] -= u->lr * (d + momentum * v[i]);
        }
        return;
    }
    for (size_t i = 0; i < u->count; i++) {
        v[i] = momentum * v[i] + (u->grad_scale * g[i] + u->weight_decay * w[i]);
        w[i] -= u->lr * v[i];
    }
}

const rf_optimizer_kind rf_optimizer_sgd = {
    .name = "sgd",
    .doc = "stochastic gradient descent with momentum, Nesterov by optim.nesterov",
    .n_slots = 1,
    .slot_names = {"momentum"},
    .update = update,
};
