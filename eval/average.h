/* SPDX-License-Identifier: Apache-2.0 */
/* Area under a precision-recall curve. */
#ifndef RF_EVAL_AVERAGE_H
#define RF_EVAL_AVERAGE_H

#include <stddef.h>

/* All-point interpolated average precision (PASCAL VOC 2010): the curve with (0,0) in front and (1,0) behind, precision
 * made monotone from the right, summed over the steps of recall. recall [n] does not fall; n may be 0. */
double rf_average_precision(const double *recall, const double *precision, size_t n);

#endif
