/* SPDX-License-Identifier: Apache-2.0 */
/* rf_real: float in the product; double in the build that checks gradients (make test builds both). */
#ifndef RF_AUTOGRAD_REAL_H
#define RF_AUTOGRAD_REAL_H

#ifdef RF_DOUBLE
typedef double rf_real;
#    define RF_REAL_NAME "float64"
#else
typedef float rf_real;
#    define RF_REAL_NAME "float32"
#endif

#endif
