/* SPDX-License-Identifier: Apache-2.0 */
/* A loop of nothing but fused multiply-adds on twelve independent registers: enough to hide their latency. */
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/isa/conv_vec.h"

double RF_ISA_NAME(rf_peak_loop)(size_t iterations, rf_real *sink);

#define EACH(do)                                                                                                       \
    do (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)

double RF_ISA_NAME(rf_peak_loop)(size_t iterations, rf_real *sink) {
#define START(i) vec sum##i = (vec){0} + (rf_real)(i);
    EACH(START)
    vec s = (vec){0} + (rf_real)0.999, w = (vec){0} + (rf_real)1e-3;
    for (size_t t = 0; t < iterations; t++) {
#define STEP(i) sum##i = sum##i * s + w;
        EACH(STEP)
        __asm__ volatile("" : "+m"(s)); /* not known to the compiler: nothing is folded */
    }
#define ADD(i) w += sum##i;
    EACH(ADD)
    vec_store_part(sink, w, 1);
    return 2.0 * 12 * VL * (double)iterations;
}
