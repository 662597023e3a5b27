/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of 16 bits: IEEE 754 half precision and bfloat16, the upper half of a float. */
#ifndef RF_CORE_HALF_H
#define RF_CORE_HALF_H

#include <stdint.h>

/* Nearest half, ties to even; beyond 65504 infinity, NaN stays NaN. And back, exactly. */
uint16_t rf_half_from_float(float value);
float rf_half_to_float(uint16_t half);
float rf_bfloat_to_float(uint16_t upper);

#endif
