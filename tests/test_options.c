/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of options of every program and command, walked without running any: what a table must hold so that
 * parsing, help, manual pages and completion are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/programs.h"

static void visit_all(rf_args_visit_fn *visit, void *ctx) {
    rf_args_visit(rf_front_main, visit, ctx);
}

static void count(void *ctx, const rf_program *program, const rf_command *commands) {
    size_t *n = ctx;
    (void)program;
    n[0]++;
    for (const rf_command *c = commands; c && c->name; c++) n[1]++;
}

/* Every command is reached, and none runs: running without arguments would be a mistake in the call, on stderr. */
static void test_reaches_all(void **state) {
    (void)state;
    size_t n[2] = {0};
    visit_all(count, n);
    assert_true(n[1] >= 18);
    assert_int_equal(n[0], 1 + n[1]); /* rf itself */
}

static void check_option(const rf_program *program, const rf_option *o) {
    bool flag = o->kind == RF_OPT_FLAG || o->kind == RF_OPT_TOGGLE;
    if (strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(o->name) || strncmp(o->name, "no-", 3) == 0)
        fail_msg("%s --%s: an odd name", program->name, o->name);
    if (flag != !o->value) fail_msg("%s --%s: a value's name is for options with values", program->name, o->name);
    if (!o->target || !o->doc || !*o->doc) fail_msg("%s --%s: no target or text", program->name, o->name);
    for (const rf_option *p = o + 1; p->name; p++) {
        if (strcmp(p->name, o->name) == 0) fail_msg("%s: two options --%s", program->name, o->name);
        if (p->letter && p->letter == o->letter)
            fail_msg("%s: two options -%c, --%s and --%s", program->name, o->letter, o->name, p->name);
    }
}

static void check_program(void *ctx, const rf_program *program, const rf_command *commands) {
    (void)ctx;
    if (!program->summary || !program->synopsis || !program->description || strncmp(program->name, "rf", 2) != 0)
        fail_msg("%s: its table is not complete", program->name);
    for (const rf_command *c = commands; c && c->name; c++)
        if (!c->summary) fail_msg("%s %s: no summary", program->name, c->name);
    for (const rf_option *o = program->options; o && o->name; o++) check_option(program, o);
}

static void test_tables(void **state) {
    (void)state;
    visit_all(check_program, NULL);
}

/* A letter means one thing everywhere, whatever program it is given to. */
static void one_meaning(void *ctx, const rf_program *program, const rf_command *commands) {
    const char **words = ctx;
    (void)commands;
    for (const rf_option *o = program->options; o && o->name; o++) {
        const char **word = &words[(unsigned char)o->letter];
        if (!o->letter) continue;
        if (!*word) *word = o->name;
        if (strcmp(*word, o->name) != 0)
            fail_msg("%s: -%c is --%s, elsewhere it is --%s", program->name, o->letter, o->name, *word);
    }
}

static void test_letters(void **state) {
    (void)state;
    static const char *words[256];
    visit_all(one_meaning, words);
    assert_string_equal(words['t'], "threads");
    assert_string_equal(words['o'], "out");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reaches_all), cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_letters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
