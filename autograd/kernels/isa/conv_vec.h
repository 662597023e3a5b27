/* SPDX-License-Identifier: Apache-2.0 */
/* Register tiles of the convolution kernels. Only for isa/ files. */
#ifndef RF_AUTOGRAD_KERNELS_ISA_CONV_VEC_H
#define RF_AUTOGRAD_KERNELS_ISA_CONV_VEC_H

#include "autograd/kernels/isa/vec.h"

/* MR x NV vectors of results in forward and backward-data, WR x NV in the weight gradient. They fill 32
 * or 16 registers, and WR divides the usual channel counts. */
#if VEC_BYTES == 64
enum { MR = 12, WR = 8, NV = 2, NR = NV * VL };
#else
enum { MR = 6, WR = 4, NV = 2, NR = NV * VL };
#endif

#endif
