/* SPDX-License-Identifier: Apache-2.0 */
#include "data/ibug.h"

#include <string.h>

static void eye_centre(const double *points, double *out) {
    out[0] = out[1] = 0;
    out[2] = 2;
    for (int i = 0; i < 6; i++) {
        out[0] += points[3 * i] / 6;
        out[1] += points[3 * i + 1] / 6;
        if (points[3 * i + 2] <= 0) out[2] = 0;
    }
}

void rf_ibug_five(const double all[3 * RF_IBUG_POINTS], double out[15]) {
    static const int single[] = {30, 48, 54};
    eye_centre(all + 3 * 36, out);
    eye_centre(all + 3 * 42, out + 3);
    for (int k = 0; k < 3; k++) memcpy(out + 6 + 3 * k, all + 3 * single[k], 3 * sizeof *out);
}
