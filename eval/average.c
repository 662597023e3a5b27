/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/average.h"

double rf_average_precision(const double *recall, const double *precision, size_t n) {
    double sum = 0, best = 0;
    for (size_t i = n; i-- > 0;) {
        if (precision[i] > best) best = precision[i];
        sum += (recall[i] - (i > 0 ? recall[i - 1] : 0)) * best;
    }
    return sum;
}
