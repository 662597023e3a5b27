/* SPDX-License-Identifier: Apache-2.0 */
/* RefineFace against PyTorch in double precision (scripts/golden_refine.py): all modules, none, each step alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/golden.h"

static void equals_pytorch(void **state) {
    (void)state;
    static const char *const files[] = {"refineface.safetensors", "refineface_base.safetensors",
                                        "refineface_stc.safetensors", "refineface_str.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        golden_check_model(files[i], NULL, (golden_tolerance){1e-6, 1e-5, 1e-5, 3, false});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
