/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/kernels/cpu.h"

#include <stdatomic.h>
#include <string.h>

static const char *const names[RF_ISA_COUNT] = {"generic", "avx2", "avx512"};
static _Atomic int current = -1; /* not chosen yet */

bool rf_isa_compiled(rf_isa isa) {
#if defined(__x86_64__) && !defined(RF_DOUBLE)
    return isa == RF_ISA_GENERIC || isa == RF_ISA_AVX2 || isa == RF_ISA_AVX512;
#else
    return isa == RF_ISA_GENERIC;
#endif
}

bool rf_isa_supported(rf_isa isa) {
    if (isa == RF_ISA_GENERIC) return true;
#if defined(__x86_64__) && !defined(RF_DOUBLE)
    if (isa == RF_ISA_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == RF_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
    return false;
}

static rf_isa best(void) {
    if (rf_isa_supported(RF_ISA_AVX512)) return RF_ISA_AVX512;
    return rf_isa_supported(RF_ISA_AVX2) ? RF_ISA_AVX2 : RF_ISA_GENERIC;
}

rf_status rf_isa_select(const char *name) {
    if (strcmp(name, "auto") == 0) {
        current = (int)best();
        return RF_OK;
    }
    for (int i = 0; i < RF_ISA_COUNT; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        if (!rf_isa_supported((rf_isa)i))
            return rf_fail(RF_ERR_USER, "this processor (or build) has no %s: choose RF_ISA=%s", name, names[best()]);
        current = i;
        return RF_OK;
    }
    return rf_fail(RF_ERR_USER, "RF_ISA=%s: expected avx512, avx2, generic or auto", name);
}

rf_isa rf_isa_current(void) {
    int isa = atomic_load_explicit(&current, memory_order_relaxed);
    if (isa < 0) { /* threads that come here at once find the same */
        isa = (int)best();
        current = isa;
    }
    return (rf_isa)isa;
}

const char *rf_isa_text(rf_isa isa) {
    return names[isa];
}
