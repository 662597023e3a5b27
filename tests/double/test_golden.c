/* SPDX-License-Identifier: Apache-2.0 */
/* Ops and a whole model against PyTorch, in double: agreement to rounding, so that a systematic error cannot hide in
 * the tolerance of float. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/golden.h"

static void ops_equal_pytorch(void **state) {
    (void)state;
    golden_check_ops(1e-9);
}

/* Three steps: later ones part when two negatives of nearly equal loss change places in the mining. */
static void mnet025_equals_pytorch(void **state) {
    (void)state;
    golden_check_model("mnet025.safetensors", "configs/mnet025.ini", (golden_tolerance){1e-6, 1e-5, 1e-5, 3, false});
}

static void r50_equals_pytorch(void **state) {
    (void)state;
    golden_check_model("r50.safetensors", "configs/r50.ini", (golden_tolerance){1e-6, 1e-5, 1e-5, 1, false});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_equal_pytorch),
        cmocka_unit_test(mnet025_equals_pytorch),
        cmocka_unit_test(r50_equals_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
