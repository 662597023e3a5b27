/* SPDX-License-Identifier: Apache-2.0 */
#include "core/half.h"

#include <string.h>

uint16_t rf_half_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* from 65520 on: rounds up to infinity */
    int exponent = (int)(magnitude >> 23) - 127;
    if (exponent < -25) return (uint16_t)sign;
    /* Below 2^-14 the steps stay 2^-24 wide: more bits of the significand are cut off. */
    int cut = exponent < -14 ? -1 - exponent : 13;
    uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
    uint32_t kept = significand >> cut, rest = significand & ((1u << cut) - 1), half = 1u << (cut - 1);
    if (rest > half || (rest == half && (kept & 1))) kept++;
    /* The hidden bit of a normal number adds one to the exponent, and a carry out of the significand another. */
    uint32_t base = exponent < -14 ? 0 : (uint32_t)(exponent + 14) << 10;
    return (uint16_t)(sign | (base + kept));
}

float rf_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, significand = half & 0x3ff, bits;
    if (exponent == 0) { /* 2^-24 steps; exact in float */
        float value = (float)significand * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = exponent == 31 ? 0x7f800000 | significand << 13 : (exponent + 112) << 23 | significand << 13;
    bits |= sign;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float rf_bfloat_to_float(uint16_t upper) {
    uint32_t bits = (uint32_t)upper << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
