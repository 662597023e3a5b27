/* SPDX-License-Identifier: Apache-2.0 */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"

enum { STRETCH = 16384 }; /* elements: fits the first-level cache with gradient and momentum */

typedef struct rf_stretch {
    size_t begin, count; /* in the flat arrays */
    rf_real lr_mult, decay_mult;
} rf_stretch;

#define RF_OPTIMIZER(name) extern const rf_optimizer_kind rf_optimizer_##name;
#include "train/optimizers.def"
#undef RF_OPTIMIZER

static const void *const optimizer_kinds[] = {
#define RF_OPTIMIZER(name) &rf_optimizer_##name,
#include "train/optimizers.def"
#undef RF_OPTIMIZER
};
RF_REGISTRY_DEFINE(optimizer, rf_optimizer_kind, optimizer_kinds,
                   e->update && e->n_slots >= 0 && e->n_slots <= RF_OPTIMIZER_MAX_SLOTS, .what = "optimiser")

static bool is_trained(const rf_param *param) {
    return !rf_param_is_state(param) && !(param->flags & RF_PARAM_FROZEN);
}

static rf_status cut_stretches(rf_optimizer *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->params->count; i++)
        if (is_trained(&o->params->entries[i])) n += (o->params->entries[i].count + STRETCH - 1) / STRETCH;
    o->stretches = rf_alloc(n, sizeof *o->stretches);
    o->partial = rf_alloc(n, sizeof *o->partial);
    if (!o->stretches || !o->partial) return RF_ERR_NOMEM;
    for (size_t i = 0; i < o->params->count; i++) {
        const rf_param *param = &o->params->entries[i];
        for (size_t at = 0; is_trained(param) && at < param->count; at += STRETCH) {
            size_t left = param->count - at;
            o->stretches[o->n_stretches++] = (rf_stretch){param->offset + at, left < STRETCH ? left : STRETCH,
                                                          (rf_real)param->lr_mult, (rf_real)param->decay_mult};
        }
    }
    return RF_OK;
}

rf_status rf_optimizer_init(rf_optimizer *o, const rf_config *config, rf_params *params) {
    memset(o, 0, sizeof *o);
    o->kind = rf_optimizer_at(config->optim.kind);
    o->config = config;
    o->params = params;
    rf_status status = cut_stretches(o);
    for (int s = 0; s < o->kind->n_slots && status == RF_OK; s++) {
        o->slots[s] = rf_alloc(params->data_count, sizeof(rf_real));
        if (!o->slots[s]) status = RF_ERR_NOMEM;
    }
    if (status == RF_OK && config->optim.ema > 0) {
        o->ema = rf_alloc(params->data_count, sizeof(rf_real));
        o->ema_state = rf_alloc(params->state_count, sizeof(rf_real));
        if (!o->ema || !o->ema_state)
            status = RF_ERR_NOMEM;
        else
            rf_optimizer_reset_ema(o);
    }
    if (status != RF_OK) rf_optimizer_free(o);
    return status;
}

void rf_optimizer_free(rf_optimizer *o) {
    for (int s = 0; s < RF_OPTIMIZER_MAX_SLOTS; s++) rf_free(o->slots[s]);
    rf_free(o->ema);
    rf_free(o->ema_state);
    rf_free(o->stretches);
    rf_free(o->partial);
    memset(o, 0, sizeof *o);
}

void rf_optimizer_reset_ema(rf_optimizer *o) {
    if (!o->ema) return;
    memcpy(o->ema, o->params->data, o->params->data_count * sizeof(rf_real));
    memcpy(o->ema_state, o->params->state, o->params->state_count * sizeof(rf_real));
}

static void norm_range(void *ctx, size_t begin, size_t end) {
    const rf_optimizer *o = ctx;
    for (size_t s = begin; s < end; s++) {
        const rf_real *g = o->params->grad + o->stretches[s].begin;
        double lane[8] = {0}, sum = 0; /* eight lanes let the compiler vectorise without reordering a sum */
        size_t n = o->stretches[s].count, i = 0;
        for (; i + 8 <= n; i += 8)
            for (size_t k = 0; k < 8; k++) lane[k] += (double)g[i + k] * (double)g[i + k];
        for (; i < n; i++) sum += (double)g[i] * (double)g[i];
        for (int k = 0; k < 8; k++) sum += lane[k];
        o->partial[s] = sum;
    }
}

double rf_optimizer_grad_norm(const rf_optimizer *o) {
    rf_parallel_for(o->n_stretches, 4, norm_range, (void *)o);
    double sum = 0;
    for (size_t s = 0; s < o->n_stretches; s++) sum += o->partial[s];
    return sqrt(sum);
}

typedef struct step_context {
    rf_optimizer *o;
    double lr, grad_scale;
} step_context;

static void step_range(void *ctx, size_t begin, size_t end) {
    const step_context *c = ctx;
    const rf_optimizer *o = c->o;
    rf_real keep = (rf_real)o->config->optim.ema, take = (rf_real)(1 - o->config->optim.ema);
    for (size_t s = begin; s < end; s++) {
        const rf_stretch *stretch = &o->stretches[s];
        size_t at = stretch->begin;
        rf_update u = {.count = stretch->count,
                       .w = o->params->data + at,
                       .g = o->params->grad + at,
                       .lr = (rf_real)c->lr * stretch->lr_mult,
                       .weight_decay = (rf_real)o->config->optim.weight_decay * stretch->decay_mult,
                       .grad_scale = (rf_real)c->grad_scale};
        for (int k = 0; k < o->kind->n_slots; k++) u.slot[k] = o->slots[k] + at;
        o->kind->update(o->config, &u);
        if (!o->ema) continue;
        for (size_t i = 0; i < u.count; i++) o->ema[at + i] = keep * o->ema[at + i] + take * u.w[i];
    }
}

/* Averaged weights give maps whose mean and variance are not those that the weights of the moment gave, and a large
 * rate moves these fast. */
static void average_state(rf_optimizer *o) {
    rf_real keep = (rf_real)o->config->optim.ema, take = (rf_real)(1 - o->config->optim.ema);
    for (size_t i = 0; i < o->params->state_count; i++)
        o->ema_state[i] = keep * o->ema_state[i] + take * o->params->state[i];
}

void rf_optimizer_step(rf_optimizer *o, double lr, double grad_scale) {
    step_context context = {o, lr, grad_scale};
    rf_parallel_for(o->n_stretches, 4, step_range, &context);
    if (o->ema) average_state(o);
}

rf_param_values rf_optimizer_weights(const rf_optimizer *o) {
    return o->ema ? (rf_param_values){o->ema, o->ema_state} : (rf_param_values){o->params->data, o->params->state};
}
