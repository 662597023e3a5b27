/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction set the kernels use. Files in autograd/kernels/isa/ are compiled once for each set with
 * -DRF_ISA=name; they export their functions as RF_ISA_NAME(fn) = fn_avx512, fn_avx2 or fn_generic, and a dispatcher in
 * autograd/kernels/ chooses by rf_isa_current(). */
#ifndef RF_AUTOGRAD_KERNELS_CPU_H
#define RF_AUTOGRAD_KERNELS_CPU_H

#include <stdbool.h>

#include "core/status.h"

typedef enum rf_isa { RF_ISA_GENERIC, RF_ISA_AVX2, RF_ISA_AVX512, RF_ISA_COUNT } rf_isa;

/* The set in use, one for the whole process: the best that the processor and the build have, or what was selected.
 * Thread safe. */
rf_isa rf_isa_current(void);
const char *rf_isa_text(rf_isa isa);
/* Forces a set by name (avx512, avx2, generic; "auto" = the best), before anything is computed; RF_ERR_USER when the
 * name is unknown or the processor lacks it. */
rf_status rf_isa_select(const char *name);
/* Whether this build has kernels for a set, and whether the processor can run them, too. */
bool rf_isa_compiled(rf_isa isa);
bool rf_isa_supported(rf_isa isa);

#define RF_ISA_JOIN2(fn, isa) fn##_##isa
#define RF_ISA_JOIN(fn, isa) RF_ISA_JOIN2(fn, isa)
/* Inside isa/ files only. */
#define RF_ISA_NAME(fn) RF_ISA_JOIN(fn, RF_ISA)

#endif
