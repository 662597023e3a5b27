/* A loop of nothing but fused multiply-adds in the shape of the convolution's register tile. */
#include "autograd/kernels/cpu.h"
#include "autograd/kernels/isa/conv_vec.h"

double RF_ISA_NAME(rf_peak_loop)(size_t iterations, rf_real *sink);

double RF_ISA_NAME(rf_peak_loop)(size_t iterations, rf_real *sink) {
    vec acc[MR][NV];
    for (int i = 0; i < MR; i++)
        for (int v = 0; v < NV; v++) acc[i][v] = (vec){0} + (rf_real)(i + v);
    rf_real s = (rf_real)0.999;
    vec w[NV];
    for (int v = 0; v < NV; v++) w[v] = (vec){0} + (rf_real)1e-3;
    for (size_t t = 0; t < iterations; t++) {
        __asm__ volatile("" : "+m"(s)); /* not known to the compiler: nothing is folded */
        for (int i = 0; i < MR; i++)
            for (int v = 0; v < NV; v++) acc[i][v] = acc[i][v] * s + w[v];
    }
    vec total = {0};
    for (int i = 0; i < MR; i++)
        for (int v = 0; v < NV; v++) total += acc[i][v];
    vec_store_part(sink, total, 1);
    return 2.0 * MR * NV * VL * (double)iterations;
}
