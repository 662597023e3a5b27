/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/margin.h"

#include <math.h>

double rf_margin_of(const rf_margin_spec *spec, const float box[4]) {
    double area = ((double)box[2] - (double)box[0]) * ((double)box[3] - (double)box[1]);
    if (!spec->on || !(area > 0)) return 0;
    double s = sqrt(area);
    if (!spec->power) return spec->margin / (1 + s / spec->size);
    return fmin(spec->margin * pow(spec->size / s, spec->exponent), spec->most);
}
