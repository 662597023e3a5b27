/* SPDX-License-Identifier: Apache-2.0 */
/* Ops and whole models in float against PyTorch in double precision. Rounding in a random deep network moves gradients
 * by more than 1e-3 in PyTorch's float32 too; the double build of the same code agrees to 1e-5
 * (tests/double/test_golden.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/golden.h"
#include "tests/slow.h"

static void ops_equal_pytorch(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    golden_check_ops(2e-5);
}

static void mnet025_equals_pytorch(void **state) {
    (void)state;
    if (!runs_here(true)) return;
    golden_check_model("mnet025.safetensors", "configs/mnet025.ini", (golden_tolerance){1e-4, 1e-3, 1e-3, 10, true});
}

static void r50_equals_pytorch(void **state) {
    (void)state;
    if (!runs_here(false)) return;
    golden_check_model("r50.safetensors", "configs/r50.ini", (golden_tolerance){1e-4, 1e-3, 1e-3, 10, true});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_equal_pytorch),
        cmocka_unit_test(mnet025_equals_pytorch),
        cmocka_unit_test(r50_equals_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
