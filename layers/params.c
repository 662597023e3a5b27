/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/params.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"

enum { ALIGN_ELEMENTS = 16 };

rf_params *rf_params_new(void) {
    return rf_alloc(1, sizeof(rf_params));
}

void rf_params_free(rf_params *params) {
    if (!params) return;
    for (size_t i = 0; i < params->count; i++) rf_free(params->entries[i].name);
    rf_free(params->entries);
    rf_free(params->folds);
    rf_block_free(params->data, params->data_count * sizeof(rf_real));
    rf_block_free(params->grad, params->data_count * sizeof(rf_real));
    rf_block_free(params->state, params->state_count * sizeof(rf_real));
    rf_block_free(params->folded, params->data_count * sizeof(rf_real));
    rf_free(params);
}

bool rf_param_is_state(const rf_param *param) {
    return param->kind == RF_PARAM_BN_MEAN || param->kind == RF_PARAM_BN_VAR;
}

rf_real *rf_params_values(const rf_params *params, const rf_param *param) {
    return (rf_param_is_state(param) ? params->state : params->data) + param->offset;
}

size_t rf_params_learnable(const rf_params *params) {
    size_t sum = 0;
    for (size_t i = 0; i < params->count; i++)
        if (!rf_param_is_state(&params->entries[i])) sum += params->entries[i].count;
    return sum;
}

const rf_param *rf_params_find_nonfinite(const rf_params *params) {
    for (size_t i = 0; i < params->count; i++) {
        const rf_real *values = rf_params_values(params, &params->entries[i]);
        rf_real sum = 0; /* x * 0 is NaN for NaN and infinity, else 0 */
        for (size_t k = 0; k < params->entries[i].count; k++) sum += values[k] * 0;
        if (!(sum == 0)) return &params->entries[i];
    }
    return NULL;
}

const rf_param *rf_params_find(const rf_params *params, const char *name) {
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->entries[i].name, name) == 0) return &params->entries[i];
    return NULL;
}

/* The graph's shape of an entry, its element count and its place behind the entries before it. */
static rf_status place(rf_params *params, rf_param *param) {
    const size_t *d = param->dims;
    param->count = 1;
    for (int i = 0; i < param->n_dims; i++)
        if (d[i] < 1 || d[i] > 1 << 20 || !rf_size_mul(param->count, d[i], &param->count))
            return rf_fail(RF_ERR_USER, "parameter %s: dimension %zu is impossible", param->name, d[i]);
    if (param->n_dims == 4)
        param->shape = (rf_shape){4, {(int)d[2], (int)d[3], (int)d[1], (int)d[0]}};
    else
        param->shape = (rf_shape){1, {(int)d[0]}};
    size_t *used = rf_param_is_state(param) ? &params->state_count : &params->data_count;
    param->offset = *used;
    size_t end;
    if (!rf_size_add(*used, param->count, &end) || !rf_size_add(end, ALIGN_ELEMENTS - 1, &end))
        return rf_fail(RF_ERR_NOMEM, "parameter %s: the network is too large", param->name);
    *used = end / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    return RF_OK;
}

static rf_status create(rf_params *params, const rf_param *want) {
    if (params->count == params->capacity) {
        size_t wanted = params->capacity ? 2 * params->capacity : 256;
        rf_param *grown = rf_realloc(params->entries, params->capacity, wanted, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        params->entries = grown;
        params->capacity = wanted;
    }
    rf_param entry = *want;
    RF_TRY(place(params, &entry));
    entry.name = rf_strdup(want->name);
    if (!entry.name) return RF_ERR_NOMEM;
    params->entries[params->count++] = entry;
    return RF_OK;
}

/* Index of the entry, or count. Builds repeat the order of the first one, so the expected place is tried before the
 * search. */
static size_t locate(rf_params *params, const char *name) {
    size_t at = params->cursor;
    if (at >= params->count) at = 0;
    for (size_t i = 0; i < params->count; i++) {
        size_t index = at + i < params->count ? at + i : at + i - params->count;
        if (strcmp(params->entries[index].name, name) == 0) return index;
    }
    return params->count;
}

rf_status rf_params_get(rf_params *params, const rf_param *want, size_t *index) {
    *index = locate(params, want->name);
    params->cursor = *index + 1;
    if (*index == params->count) {
        if (params->sealed)
            return rf_fail(RF_ERR_USER,
                           "the network needs parameter %s, which its parameter store does not have: the store "
                           "was made for another configuration",
                           want->name);
        return create(params, want);
    }
    const rf_param *have = &params->entries[*index];
    bool same = have->kind == want->kind && have->n_dims == want->n_dims;
    for (int i = 0; same && i < have->n_dims; i++) same = have->dims[i] == want->dims[i];
    if (!same)
        return rf_fail(RF_ERR_USER,
                       "parameter %s has other dimensions in the parameter store than in the network: the store "
                       "was made for another configuration",
                       want->name);
    return RF_OK;
}

rf_status rf_params_add_fold(rf_params *params, const rf_fold *fold) {
    if (params->n_folds == params->fold_capacity) {
        size_t wanted = params->fold_capacity ? 2 * params->fold_capacity : 64;
        rf_fold *grown = rf_realloc(params->folds, params->fold_capacity, wanted, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        params->folds = grown;
        params->fold_capacity = wanted;
    }
    params->folds[params->n_folds++] = *fold;
    return RF_OK;
}

/* Blocks, because a store that is only counted or planned with then costs no memory. */
rf_status rf_params_seal(rf_params *params) {
    size_t bytes;
    if (!rf_size_mul(params->data_count, sizeof(rf_real), &bytes))
        return rf_fail(RF_ERR_NOMEM, "the network has too many parameters");
    params->data = rf_block_alloc(bytes);
    params->grad = rf_block_alloc(bytes);
    params->state = rf_block_alloc(params->state_count * sizeof(rf_real));
    if (!params->data || !params->grad || !params->state) return RF_ERR_NOMEM;
    params->sealed = true;
    return RF_OK;
}

/* File [O][I][taps] <-> graph [taps][I][O]; vectors are the same in both. */
static void layout(const rf_param *param, size_t *outs, size_t *ins, size_t *taps) {
    bool conv = param->n_dims == 4;
    *outs = param->dims[0];
    *ins = conv ? param->dims[1] : 1;
    *taps = conv ? param->dims[2] * param->dims[3] : 1;
}

void rf_param_to_file(const rf_param *param, const rf_real *values, float *file) {
    size_t outs, ins, taps;
    layout(param, &outs, &ins, &taps);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < ins; i++)
            for (size_t o = 0; o < outs; o++) file[(o * ins + i) * taps + t] = (float)values[(t * ins + i) * outs + o];
}

void rf_param_from_file(const rf_param *param, const float *file, rf_real *values) {
    size_t outs, ins, taps;
    layout(param, &outs, &ins, &taps);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < ins; i++)
            for (size_t o = 0; o < outs; o++) values[(t * ins + i) * outs + o] = file[(o * ins + i) * taps + t];
}

typedef struct fold_job {
    const rf_params *params;
    const rf_real *data, *state;
} fold_job;

static void fold_range(void *ctx, size_t begin, size_t end) {
    const fold_job *job = ctx;
    const rf_params *p = job->params;
    for (size_t f = begin; f < end; f++) {
        const rf_fold *fold = &p->folds[f];
        size_t outs = p->entries[fold->beta].count, beta = p->entries[fold->beta].offset;
        const rf_real *gamma = job->data + p->entries[fold->gamma].offset;
        const rf_real *mean = job->state + p->entries[fold->mean].offset;
        const rf_real *var = job->state + p->entries[fold->var].offset;
        rf_real *scale = p->folded + p->entries[fold->gamma].offset;
        for (size_t o = 0; o < outs; o++) {
            scale[o] = (rf_real)((double)gamma[o] / sqrt((double)var[o] + fold->eps));
            p->folded[beta + o] = job->data[beta + o] - mean[o] * scale[o];
        }
        if (fold->conv == RF_FOLD_ALONE) continue;
        const rf_param *conv = &p->entries[fold->conv];
        const rf_real *w = job->data + conv->offset;
        size_t rows = conv->count / outs;
        rf_real *out = p->folded + conv->offset;
        for (size_t r = 0; r < rows; r++)
            for (size_t o = 0; o < outs; o++) out[r * outs + o] = w[r * outs + o] * scale[o];
    }
}

rf_status rf_params_fold(rf_params *params, const rf_param_values *values) {
    if (!params->folded) params->folded = rf_block_alloc(params->data_count * sizeof(rf_real));
    if (!params->folded) return RF_ERR_NOMEM;
    fold_job job = {params, values && values->data ? values->data : params->data,
                    values && values->state ? values->state : params->state};
    memcpy(params->folded, job.data, params->data_count * sizeof *params->folded);
    rf_parallel_for(params->n_folds, 1, fold_range, &job);
    params->folded_valid = true;
    return RF_OK;
}
