/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/version.h"

#include "autograd/kernels/cpu.h"
#include "core/team.h"

/* The only object that a new commit compiles anew. */
#include "commit.h"

const char rf_commit[] = RF_COMMIT;
const char rf_commit_date[] = RF_COMMIT_DATE;
const char rf_variant[] = RF_VARIANT;
#if defined __clang__
const char rf_compiler[] = "clang " __clang_version__;
#elif defined __GNUC__
const char rf_compiler[] = "gcc " __VERSION__;
#else
const char rf_compiler[] = "unknown";
#endif
#if defined __x86_64__
const char rf_machine[] = "x86_64";
#elif defined __aarch64__
const char rf_machine[] = "aarch64";
#elif defined __powerpc64__
const char rf_machine[] = "powerpc64le";
#else
const char rf_machine[] = "another machine";
#endif

void rf_version_isas(rf_text *out) {
    for (int i = RF_ISA_COUNT - 1, n = 0; i >= 0; i--)
        if (rf_isa_compiled((rf_isa)i)) rf_text_printf(out, n++ ? " %s" : "%s", rf_isa_text((rf_isa)i));
}

void rf_version_text(const char *program, rf_text *out) {
    rf_text_printf(out, "%s %s\n", program, RF_VERSION);
    if (*rf_commit) rf_text_printf(out, "commit            %s\n", rf_commit);
    rf_text_printf(out, "compiler          %s, %s, %s\ninstruction sets  ", rf_compiler, rf_machine, rf_variant);
    rf_version_isas(out);
    rf_text_printf(out, "; %s is used here\nthreads           %s\n", rf_isa_text(rf_isa_current()), rf_team_kind);
}
