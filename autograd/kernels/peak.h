/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do at most, measured: the roofline that kernels are held against (Williams et al., "Roofline:
 * An Insightful Visual Performance Model", CACM 2009). */
#ifndef RF_AUTOGRAD_KERNELS_PEAK_H
#define RF_AUTOGRAD_KERNELS_PEAK_H

#include "core/status.h"

typedef struct rf_peak {
    double gflops; /* fused multiply-adds on registers, 2 operations each, of the instruction set in use, all threads */
    double gb_s;   /* triad a = b + s*c over arrays far larger than the caches; 12 bytes an element, as STREAM counts */
} rf_peak;

/* Best of several runs of about 20 ms. RF_ERR_NOMEM when the triad's arrays (192 MB) cannot be had. */
rf_status rf_peak_measure(rf_peak *out);

#endif
