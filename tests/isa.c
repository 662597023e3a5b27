/* SPDX-License-Identifier: Apache-2.0 */
/* Tests compute with the instruction set of RF_ISA, as programs do (cli/args.c). */
#include <stdio.h>
#include <stdlib.h>

#include "autograd/kernels/cpu.h"

__attribute__((constructor)) static void choose(void) {
    const char *name = getenv("RF_ISA");
    if (!name || !*name || rf_isa_select(name) == RF_OK) return;
    fprintf(stderr, "%s\n", rf_error_message());
    exit(2);
}
