/* SPDX-License-Identifier: Apache-2.0 */
/* The only main: tests link the programs without it. */
#include "cli/programs.h"

int main(int argc, char **argv) {
    return rf_front_main(argc, argv);
}
