/* SPDX-License-Identifier: Apache-2.0 */
#include "data/tint.h"

static const double grey[3] = {0.114, 0.587, 0.299};

rf_tint rf_tint_none(void) {
    return (rf_tint){.m = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
}

void rf_tint_mean(const rf_image *image, double mean[3]) {
    size_t n = (size_t)image->width * (size_t)image->height;
    uint64_t sum[3] = {0};
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) sum[c] += image->pixels[3 * i + (size_t)c];
    for (int c = 0; c < 3; c++) mean[c] = n ? (double)sum[c] / (double)n : 0;
}

/* Every channel times `factor`, plus `rest` times the grey of the pixel, plus `add`. */
static void mix(rf_tint *t, double factor, double rest, double add) {
    rf_tint old = *t;
    t->used = true;
    for (int k = 0; k < 4; k++) {
        double of_grey = 0;
        for (int c = 0; c < 3; c++) of_grey += grey[c] * (double)(k < 3 ? old.m[c][k] : old.shift[c]);
        for (int c = 0; c < 3; c++) {
            float *to = k < 3 ? &t->m[c][k] : &t->shift[c];
            *to = (float)(factor * (double)*to + rest * of_grey + (k < 3 ? 0 : add));
        }
    }
}

void rf_tint_brightness(rf_tint *tint, double factor) {
    mix(tint, factor, 0, 0);
}

void rf_tint_contrast(rf_tint *tint, double factor, const double mean[3]) {
    double level = 0;
    for (int c = 0; c < 3; c++) {
        double now = (double)tint->shift[c];
        for (int k = 0; k < 3; k++) now += (double)tint->m[c][k] * mean[k];
        level += grey[c] * now;
    }
    mix(tint, factor, 0, (1 - factor) * level);
}

void rf_tint_saturation(rf_tint *tint, double factor) {
    mix(tint, factor, 1 - factor, 0);
}
