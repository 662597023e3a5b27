/* SPDX-License-Identifier: Apache-2.0 */
#include "data/normalise.h"

#include <math.h>

#include "core/parallel.h"

enum { ROWS_A_CHUNK = 64 };

rf_status rf_normaliser_make(const rf_config *config, rf_normaliser *out) {
    const rf_real_list *mean = &config->input.mean, *std = &config->input.std;
    if (mean->n != 3 || std->n != 3)
        return rf_fail(
            RF_ERR_USER,
            "input.mean has %d numbers and input.std %d: three each are expected, in the order of input.colour",
            mean->n, std->n);
    bool bgr = config->input.colour == RF_COLOUR_BGR;
    *out = (rf_normaliser){0};
    for (int c = 0; c < 3; c++) {
        int source = bgr ? 2 - c : c;
        float m = (float)mean->v[c], s = (float)std->v[c];
        out->source[c] = source;
        out->mean[c] = m;
        out->std[c] = s;
        out->fill[source] = (uint8_t)fmin(fmax(nearbyint(mean->v[c]), 0), 255);
        for (int v = 0; v < 256; v++) out->table[c][v] = ((float)v - m) / s;
    }
    return RF_OK;
}

typedef struct normalise_job {
    const rf_normaliser *normaliser;
    const rf_image *image;
    const rf_tint *tint;
    float *out;
    size_t out_width;
} normalise_job;

static void normalise_rows(void *ctx, size_t begin, size_t end) {
    const normalise_job *job = ctx;
    const rf_normaliser *n = job->normaliser;
    size_t width = (size_t)job->image->width;
    int s0 = n->source[0], s1 = n->source[1], s2 = n->source[2];
    for (size_t y = begin; y < end; y++) {
        const uint8_t *in = job->image->pixels + y * width * 3;
        float *out = job->out + y * job->out_width * 3;
        for (size_t x = 0; x < width; x++, in += 3, out += 3) {
            out[0] = n->table[0][in[s0]];
            out[1] = n->table[1][in[s1]];
            out[2] = n->table[2][in[s2]];
        }
    }
}

static void normalise_tinted_rows(void *ctx, size_t begin, size_t end) {
    const normalise_job *job = ctx;
    const rf_normaliser *n = job->normaliser;
    size_t width = (size_t)job->image->width;
    for (size_t y = begin; y < end; y++) {
        const uint8_t *in = job->image->pixels + y * width * 3;
        float *out = job->out + y * job->out_width * 3;
        for (size_t x = 0; x < width; x++, in += 3, out += 3)
            for (int c = 0; c < 3; c++) {
                const float *m = job->tint->m[n->source[c]];
                float v = m[0] * (float)in[0] + m[1] * (float)in[1] + m[2] * (float)in[2];
                out[c] = (v + job->tint->shift[n->source[c]] - n->mean[c]) / n->std[c];
            }
    }
}

void rf_normalise(const rf_normaliser *normaliser, const rf_image *image, float *out, size_t out_width) {
    normalise_job job = {normaliser, image, NULL, out, out_width};
    rf_parallel_for((size_t)image->height, ROWS_A_CHUNK, normalise_rows, &job);
}

void rf_normalise_tinted(const rf_normaliser *normaliser, const rf_image *image, const rf_tint *tint, float *out,
                         size_t out_width) {
    normalise_job job = {normaliser, image, tint, out, out_width};
    rf_parallel_for((size_t)image->height, ROWS_A_CHUNK, tint->used ? normalise_tinted_rows : normalise_rows, &job);
}
