/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/srn_scales.h"

#include <math.h>

static const double shrunk_over = 30, enlarged_under = 100, growth = 1.5;

size_t rf_srn_passes(int width, int height, double max_area, rf_srn_pass passes[RF_SRN_PASSES]) {
    size_t n = 0;
    double most = sqrt(max_area / ((double)width * height));
    if (most < 1) { /* larger than allowed: shrunk to it, three quarters and half of that */
        passes[n++] = (rf_srn_pass){most, true, 0, INFINITY};
        passes[n++] = (rf_srn_pass){0.75 * most, false, 0, INFINITY};
        passes[n++] = (rf_srn_pass){0.5 * most, false, shrunk_over, INFINITY};
        return n;
    }
    passes[n++] = (rf_srn_pass){1, true, 0, INFINITY};
    passes[n++] = (rf_srn_pass){0.5, false, shrunk_over, INFINITY};
    for (double factor = growth; factor < most && n + 1 < RF_SRN_PASSES; factor *= growth)
        passes[n++] = (rf_srn_pass){factor, false, 0, enlarged_under};
    if (most > 1) passes[n++] = (rf_srn_pass){most, false, 0, enlarged_under};
    return n;
}
