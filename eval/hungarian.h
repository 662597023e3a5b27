/* SPDX-License-Identifier: Apache-2.0 */
/* Assignment of rows to columns (Kuhn-Munkres). */
#ifndef RF_EVAL_HUNGARIAN_H
#define RF_EVAL_HUNGARIAN_H

#include <stddef.h>

#include "core/status.h"

/* Gives every row a column of its own, or SIZE_MAX, so that the sum of gains is the largest. gain [rows,cols], finite
 * and not negative; a row is given no column of gain 0. column [rows]. Time: min^2 x max of the sides. RF_ERR_NOMEM. */
rf_status rf_hungarian(const double *gain, size_t rows, size_t cols, size_t *column);

#endif
