/* SPDX-License-Identifier: Apache-2.0 */
/* rf bench info: the facts are there, in words and as JSON, and are those of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/kernels/cpu.h"
#include "core/json.h"
#include "tests/programs.h"

#define out programs_out

static int set_up(void **state) {
    (void)state;
    programs_set_up();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return programs_tear_down();
}

static const char *word(const rf_json *root, const char *key) {
    const char *text = NULL;
    if (!rf_json_string(rf_json_get(root, key), &text)) fail_msg("%s is no text", key);
    return text;
}

static double number(const rf_json *root, const char *key) {
    double value = -1;
    if (!rf_json_number(rf_json_get(root, key), &value)) fail_msg("%s is no number", key);
    return value;
}

static void facts(void **state) {
    (void)state;
    static char text[PROGRAMS_TEXT];
    rf_json *root = NULL;
    setenv("RF_TRIED", "one \x1b two", 1);
    succeeds("rf-bench info --no-measure --json @/info.json");
    unsetenv("RF_TRIED");
    static const char *const told[] = {
        "version ",  "compiler ", "isas ", "processors ", "threads ",
        "memory_gb", "system ",   "jpeg ", "png ",        "RF_TRIED       one \\x1b two\n"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (!strstr(out, told[i])) fail_msg("\"%s\" is not told in %s", told[i], out);
    assert_null(strstr(out, "peak_gflops"));
    read_text("@/info.json", text);
    assert_int_equal(rf_json_parse(text, strlen(text), &root), RF_OK);
    assert_string_equal(word(root, "version"), RF_VERSION);
    assert_string_equal(word(root, "isa"), rf_isa_text(rf_isa_current()));
    assert_non_null(strstr(word(root, "isas"), "generic"));
    assert_non_null(strchr(word(root, "jpeg"), '.'));
    assert_true(number(root, "processors") == (double)sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(number(root, "threads") >= 1 && number(root, "threads") <= number(root, "affinity"));
    assert_true(number(root, "memory_gb") > 0.05);
    assert_string_equal(word(rf_json_get(root, "environment"), "RF_TRIED"), "one \x1b two");
    rf_json_free(root);
}

/* The peak is that of the threads asked for. */
static void measured(void **state) {
    (void)state;
    rf_json *root = NULL;
    succeeds("rf-bench info --threads 1 --json -");
    assert_int_equal(rf_json_parse(out, strlen(out), &root), RF_OK);
    assert_true(number(root, "threads") == 1);
    assert_true(number(root, "peak_gflops") > 0.01 && number(root, "peak_gb_s") > 0.01);
    rf_json_free(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(facts), cmocka_unit_test(measured)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
