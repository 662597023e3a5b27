/* SPDX-License-Identifier: Apache-2.0 */
/* Half precision, against known values and its own rounding rule. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/half.h"

static void half_precision_is_ieee(void **state) {
    (void)state;
    static const struct {
        float value;
        uint16_t half;
    } known[] = {{0, 0},
                 {-0.0f, 0x8000},
                 {1, 0x3c00},
                 {-2, 0xc000},
                 {65504, 0x7bff},
                 {65519.996f, 0x7bff},
                 {65520, 0x7c00},
                 {1e30f, 0x7c00},
                 {0.1f, 0x2e66},
                 {0x1p-14f, 0x0400},
                 {0x1p-24f, 0x0001},
                 {0x1p-25f, 0x0000},
                 {0x1.8p-25f, 1},
                 {0x1.ff8p-15f, 0x03ff},
                 {1 + 0x1p-11f, 0x3c00},
                 {1 + 0x1.8p-10f, 0x3c02},
                 {1 + 0x1.8p-11f, 0x3c01},
                 {-INFINITY, 0xfc00},
                 {0x1.ffcp-15f, 0x0400}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(rf_half_from_float(known[i].value), known[i].half);
    for (uint32_t h = 0; h < 0x10000; h++) {
        float value = rf_half_to_float((uint16_t)h);
        bool nan = (h & 0x7fff) > 0x7c00;
        assert_true(nan ? isnan(value) : rf_half_from_float(value) == h);
        /* The middle between neighbours goes to the even one. */
        if ((h & 0x7fff) >= 0x7bff) continue;
        float next = rf_half_to_float((uint16_t)(h + 1)), middle = (float)(((double)value + (double)next) / 2);
        assert_int_equal(rf_half_from_float(middle), h & 1 ? h + 1 : h);
    }
    assert_true(isnan(rf_half_to_float(rf_half_from_float(NAN))));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(half_precision_is_ieee)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
