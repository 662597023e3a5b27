/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/init.h"

#include <math.h>

#include "core/parallel.h"
#include "core/rng.h"

static void fill_uniform(rf_rng *rng, rf_real *values, size_t n, double bound) {
    for (size_t i = 0; i < n; i++) values[i] = (rf_real)rf_rng_range(rng, (float)-bound, (float)bound);
}

static void fill_normal(rf_rng *rng, rf_real *values, size_t n, double std) {
    for (size_t i = 0; i < n; i++) values[i] = (rf_real)(std * (double)rf_rng_normal(rng));
}

static void fill_constant(rf_real *values, size_t n, rf_real value) {
    for (size_t i = 0; i < n; i++) values[i] = value;
}

typedef struct init_job {
    const rf_params *params;
    uint64_t seed;
} init_job;

static void init_range(void *ctx, size_t begin, size_t end) {
    const init_job *job = ctx;
    for (size_t i = begin; i < end; i++) {
        const rf_param *p = &job->params->entries[i];
        rf_real *values = rf_params_values(job->params, p);
        rf_rng rng = rf_rng_make(job->seed, 0, rf_hash_name(p->name), RF_STREAM_INIT);
        double taps = p->n_dims == 4 ? (double)(p->dims[2] * p->dims[3]) : 1;
        double fan_in = p->fan_in ? (double)p->fan_in : 1;
        double fan_out = p->kind == RF_PARAM_DWCONV ? taps : taps * (double)p->dims[0];
        switch (p->init) {
        case RF_INIT_HE_NORMAL:
            fill_normal(&rng, values, p->count, sqrt(2 / fan_out));
            break;
        case RF_INIT_XAVIER_UNIFORM:
            fill_uniform(&rng, values, p->count, sqrt(6 / (fan_in + fan_out)));
            break;
        case RF_INIT_FAN_IN_UNIFORM:
            fill_uniform(&rng, values, p->count, 1 / sqrt(fan_in));
            break;
        case RF_INIT_NORMAL_001:
            fill_normal(&rng, values, p->count, 0.01);
            break;
        case RF_INIT_ZERO:
            fill_constant(values, p->count, 0);
            break;
        case RF_INIT_ONE:
            fill_constant(values, p->count, 1);
            break;
        case RF_INIT_RARE:
            fill_constant(values, p->count, (rf_real)-log(0.99 / 0.01));
            break;
        }
    }
}

void rf_params_init(rf_params *params, uint64_t seed) {
    init_job job = {params, seed};
    params->folded_valid = false;
    rf_parallel_for(params->count, 1, init_range, &job);
}
