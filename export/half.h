/* IEEE 754 half precision. */
#ifndef RF_EXPORT_HALF_H
#define RF_EXPORT_HALF_H

#include <stdint.h>

/* Nearest half, ties to even; beyond 65504 infinity, NaN stays NaN. And back, exactly. */
uint16_t rf_half_from_float(float value);
float rf_half_to_float(uint16_t half);

#endif
