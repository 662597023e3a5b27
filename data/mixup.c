/* SPDX-License-Identifier: Apache-2.0 */
#include "data/mixup.h"

#include "core/mem.h"
#include "core/parallel.h"
#include "detect/face_store.h"

bool rf_mixup_draw(rf_rng *rng, double probability, size_t n, size_t *partner) {
    if (n < 2 || !(rf_rng_uniform(rng) < (float)probability)) return false;
    for (size_t i = 0; i < n; i++) {
        size_t j = rf_rng_below(rng, (uint32_t)n - 1);
        partner[i] = j < i ? j : j + 1;
    }
    return true;
}

typedef struct mean_job {
    float *to;
    const float *other;
} mean_job;

static void mean_range(void *ctx, size_t begin, size_t end) {
    const mean_job *job = ctx;
    for (size_t i = begin; i < end; i++) job->to[i] = 0.5f * (job->to[i] + job->other[i]);
}

rf_status rf_mixup_batch(rf_batch *batch, const size_t *partner) {
    enum { GRAIN = 1 << 16 };
    size_t numbers = (size_t)batch->size * (size_t)batch->size * 3;
    for (size_t i = 0; i < batch->count; i++) {
        size_t j = partner[i], own = batch->n_faces[i], others = batch->n_faces[j];
        rf_face *both = rf_faces_copy(batch->faces[i], own, batch->faces[j], others);
        if (!both) return RF_ERR_NOMEM;
        rf_free(batch->faces[i]);
        batch->faces[i] = both;
        batch->n_faces[i] = own + others;
        mean_job job = {batch->input + i * numbers, batch->input + j * numbers};
        rf_parallel_for(numbers, GRAIN, mean_range, &job);
    }
    return RF_OK;
}
