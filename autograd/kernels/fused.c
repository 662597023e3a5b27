/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/fused.h"

/* Mean and sum of squared distances of a part, from its sums around the first value. */
static void part_moments(const double *part, size_t channels, size_t c, double *mean, double *m2) {
    double n = part[0], sum = part[1 + channels + c], square = part[1 + 2 * channels + c];
    *mean = part[1 + c] + sum / n;
    *m2 = square - sum * sum / n;
    if (!(*m2 > 0)) *m2 = *m2 < 0 ? 0 : *m2; /* rounding; NaN stays */
}

void rf_fused_merge_moments(const double *parts, size_t n_parts, size_t channels, rf_real *moments) {
    for (size_t c = 0; c < channels; c++) {
        double n = 0, mean = 0, m2 = 0;
        for (size_t i = 0; i < n_parts; i++) {
            const double *part = parts + i * rf_fused_part(channels);
            double part_mean, part_m2;
            if (!(part[0] > 0)) continue;
            part_moments(part, channels, c, &part_mean, &part_m2);
            double delta = part_mean - mean, share = part[0] / (n + part[0]);
            mean += delta * share;
            m2 += part_m2 + delta * delta * n * share;
            n += part[0];
        }
        moments[c] = (rf_real)mean;
        moments[channels + c] = (rf_real)(m2 / n);
    }
}

void rf_fused_merge_gradient(const double *parts, size_t n_parts, size_t channels, const rf_real *scale,
                             rf_real *dscale, bool add) {
    for (size_t c = 0; dscale && c < channels; c++) {
        double g = 0, gx = 0;
        for (size_t i = 0; i < n_parts; i++) {
            const double *part = parts + i * rf_fused_part(channels);
            g += part[1 + channels + c];
            gx += part[1 + 2 * channels + c];
        }
        rf_real by[3] = {(rf_real)(-g * (double)scale[channels + c]), (rf_real)gx, (rf_real)g};
        for (size_t k = 0; k < 3; k++) {
            rf_real *to = &dscale[k * channels + c];
            *to = add ? *to + by[k] : by[k];
        }
    }
}
