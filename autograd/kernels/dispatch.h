/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing among the builds of a kernel file (internal to autograd/kernels/). A kernel is declared once for all sets by
 * RF_ISA_DECLARE(result, fn, (parameters)) and called as RF_ISA_PICK(fn)(arguments). */
#ifndef RF_AUTOGRAD_KERNELS_DISPATCH_H
#define RF_AUTOGRAD_KERNELS_DISPATCH_H

#include "autograd/kernels/cpu.h"

#if defined(__x86_64__) && !defined(RF_DOUBLE)
#    define RF_ISA_DECLARE(result, fn, parameters)                                                                     \
        result fn##_generic parameters;                                                                                \
        result fn##_avx2 parameters;                                                                                   \
        result fn##_avx512 parameters
#    define RF_ISA_PICK(fn)                                                                                            \
        (rf_isa_current() == RF_ISA_AVX512 ? fn##_avx512 : rf_isa_current() == RF_ISA_AVX2 ? fn##_avx2 : fn##_generic)
#else
#    define RF_ISA_DECLARE(result, fn, parameters) result fn##_generic parameters
#    define RF_ISA_PICK(fn) fn##_generic
#endif

#endif
