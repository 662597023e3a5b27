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

/* What a long option's value is called, and whether it has one, is the same everywhere, but for these. */
typedef struct other_word {
    const char *program, *option, *reason;
    bool met;
} other_word;

static other_word others[] = {
    {"rf-train", "list", "prints the configurations; elsewhere a file of pictures", false},
    {"rf-train", "size", "training images are squares, so their side is enough", false},
    {"rf-train", "data", "a folder with parts; rf-eval's ROOT may also be one annotation file", false},
    {"rf-export", "out", "a file or, for ncnn, its folder; elsewhere a folder", false},
    {"rf-data synth", "mesh", "the mesh to draw; in rf-detect whether to find one", false},
    {"rf-detect", "exif", "pictures are turned or not; for annotations auto looks at their boxes", false},
    {"rf-data convert", "to", "formats of annotations; in rf-export those of models", false},
    {"rf-data convert", "images", "how the pictures get into the data set; elsewhere where they are", false},
};

typedef struct word { /* copies: a table lives as long as its program runs */
    char option[32], value[256], program[32];
} word;

static struct {
    word v[256];
    size_t n;
} known_words;

static bool is_other(const char *program, const char *option) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(others[i].program, program) != 0 || strcmp(others[i].option, option) != 0) continue;
        others[i].met = true;
        return true;
    }
    return false;
}

static void one_word(void *ctx, const rf_program *program, const rf_command *commands) {
    size_t *n_wrong = ctx;
    (void)commands;
    for (const rf_option *o = program->options; o && o->name; o++) {
        if (is_other(program->name, o->name)) continue;
        const char *value = o->value ? o->value : "";
        word *w = known_words.v;
        while (w < known_words.v + known_words.n && strcmp(w->option, o->name) != 0) w++;
        if (w == known_words.v + known_words.n) {
            assert_true(++known_words.n <= sizeof known_words.v / sizeof *known_words.v);
            snprintf(w->option, sizeof w->option, "%s", o->name);
            snprintf(w->value, sizeof w->value, "%s", value);
            snprintf(w->program, sizeof w->program, "%s", program->name);
        } else if (strcmp(w->value, value) != 0) {
            ++*n_wrong;
            print_error("%s: --%s %s, but %s has --%s %s\n", program->name, o->name, value, w->program, o->name,
                        w->value);
        }
    }
}

static void test_words(void **state) {
    (void)state;
    size_t n_wrong = 0;
    visit_all(one_word, &n_wrong);
    assert_int_equal(n_wrong, 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!others[i].met) fail_msg("%s --%s is no exception any more", others[i].program, others[i].option);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reaches_all), cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_letters), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
