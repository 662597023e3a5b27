/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: every kind of option, every fault, help; and which data set a path means. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command line floor is no part of the library, so its sources are compiled in. */
#include "cli/args.c"
#include "cli/say.c"
#include "cli/sets.c"

static bool flag;
static long whole;
static uint64_t seed;
static double real;
static const char *text;
static int size[2];
static rf_text_list list;

static const rf_option options[] = {{"flag", 'f', RF_OPT_FLAG, &flag, NULL, "switch", 0, 0},
                                    {"whole", 'w', RF_OPT_INT, &whole, "N", "number\nof two lines", 1, 10},
                                    {"seed", 0, RF_OPT_SEED, &seed, "S", "seed", 0, 0},
                                    {"real", 'r', RF_OPT_REAL, &real, "X", "real", -1, 1},
                                    {"text", 't', RF_OPT_TEXT, &text, "T", "text", 0, 0},
                                    {"size", 0, RF_OPT_SIZE, size, "WxH", "size", 8, 100},
                                    {"set", 'k', RF_OPT_LIST, &list, "K=V", "repeated", 0, 0},
                                    {0}};
static const rf_program program = {"rf-try", "tries", "[options] [A] [B]", "  Nothing.", options, "  rf-try -f", NULL,
                                   0,        2};

/* Runs the parser over words up to the first NULL; what it prints goes to `printed`. */
static rf_args_action parse(const rf_program *p, const char *const *words, const char **positional, size_t *n,
                            char printed[4096]) {
    char *argv[16] = {(char *)"rf-try"};
    int argc = 1;
    for (; words[argc - 1]; argc++) argv[argc] = (char *)words[argc - 1];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    fflush(stderr);
    int out = dup(1), err = dup(2);
    dup2(fileno(file), 1);
    dup2(fileno(file), 2);
    rf_args_action action = rf_args_parse(p, argc, argv, positional, n);
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    rewind(file);
    printed[fread(printed, 1, 4095, file)] = 0;
    fclose(file);
    return action;
}

static void test_all_kinds(void **state) {
    (void)state;
    static const char *const words[] = {"one", "--flag", "--whole=7", "-r-0.5", "--seed", "18446744073709551615",
                                        "-t",  "-x",     "--size",    "20x30",  "-ka=1",  "--set=b=2",
                                        "--",  "--two",  NULL};
    const char *positional[2];
    char printed[4096];
    size_t n;
    flag = false;
    list.n = 0;
    if (parse(&program, words, positional, &n, printed) != RF_ARGS_RUN) fail_msg("%s", printed);
    assert_string_equal(printed, "");
    assert_int_equal(n, 2);
    assert_string_equal(positional[0], "one");
    assert_string_equal(positional[1], "--two");
    assert_true(flag && whole == 7 && real == -0.5 && seed == UINT64_MAX);
    assert_string_equal(text, "-x");
    assert_true(size[0] == 20 && size[1] == 30);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.v[0], "a=1");
    assert_string_equal(list.v[1], "b=2");
    static const char *const off[] = {"--no-flag", NULL};
    assert_int_equal(parse(&program, off, positional, &n, printed), RF_ARGS_RUN);
    assert_false(flag);
}

/* As many words as the system takes: positional ones into argv itself, and an option given over and over. */
static void test_any_number(void **state) {
    (void)state;
    enum { MANY = 30000 };
    static char *argv[2 * MANY + 1], words[2 * MANY][16];
    rf_program any = program;
    any.max_positional = RF_ANY_NUMBER;
    list.n = 0;
    argv[0] = (char *)"rf-try";
    for (int i = 0; i < MANY; i++) {
        snprintf(words[2 * i], sizeof words[0], "-kk=%d", i);
        snprintf(words[2 * i + 1], sizeof words[0], "p%d", i);
        argv[2 * i + 1] = words[2 * i];
        argv[2 * i + 2] = words[2 * i + 1];
    }
    size_t n;
    assert_int_equal(rf_args_parse(&any, 2 * MANY + 1, argv, (const char **)argv, &n), RF_ARGS_RUN);
    assert_int_equal(n, MANY);
    assert_int_equal(list.n, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(argv[i], words[2 * i + 1]);
        assert_string_equal(list.v[i], words[2 * i] + 2);
    }
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *words[4], *message;
    } faults[] = {
        {{"--wole", "3"}, "rf-try: unknown option --wole, did you mean --whole; see rf-try --help\n"},
        {{"--wole=3"}, "did you mean --whole"},
        {{"--zzzzzz"}, "unknown option --zzzzzz; see"},
        {{"-z"}, "unknown option -z; see"},
        {{"-s"}, "unknown option -s, did you mean --seed or --size or --set; see"},
        {{"--no-text"}, "unknown option --no-text"},
        {{"--whole"}, "--whole needs a value, N"},
        {{"--whole", "11"}, "--whole 11: expected a whole number from 1 to 10"},
        {{"--whole", "3x"}, "expected a whole number"},
        {{"--whole", ""}, "expected a whole number"},
        {{"--whole", "99999999999999999999"}, "expected a whole number"},
        {{"--real", "nan"}, "expected a number from -1 to 1"},
        {{"--real", "2"}, "expected a number from -1 to 1"},
        {{"--seed", "-1"}, "0 or more"},
        {{"--size", "20"}, "WIDTHxHEIGHT from 8 to 100"},
        {{"--size", "20x"}, "WIDTHxHEIGHT"},
        {{"--size", "x20"}, "WIDTHxHEIGHT"},
        {{"--size", "20x101"}, "WIDTHxHEIGHT"},
        {{"--flag=yes"}, "--flag takes no value"},
        {{"a", "b", "c"}, "unexpected argument \"c\""},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *positional[2];
        char printed[4096];
        size_t n;
        assert_int_equal(parse(&program, faults[i].words, positional, &n, printed), RF_ARGS_WRONG);
        if (!strstr(printed, faults[i].message)) fail_msg("\"%s\" lacks \"%s\"", printed, faults[i].message);
        assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1); /* one sentence in one line */
    }
    rf_program needy = program;
    needy.min_positional = 1;
    const char *positional[2];
    char printed[4096];
    size_t n;
    static const char *const none[] = {NULL};
    assert_int_equal(parse(&needy, none, positional, &n, printed), RF_ARGS_WRONG);
    assert_non_null(strstr(printed, "too few arguments; usage: rf-try [options] [A] [B]"));
    assert_int_equal(rf_args_exit_code(RF_ARGS_WRONG), 2);
    assert_int_equal(rf_args_exit_code(RF_ARGS_DONE), 0);
}

static void test_help(void **state) {
    (void)state;
    static const char *const help[] = {"--whole", "2", "-h", NULL}, *const version[] = {"--version", NULL};
    static const char *const parts[] = {"NAME\n  rf-try - tries\n",
                                        "SYNOPSIS\n  rf-try [options]",
                                        "-w, --whole N\n        number\n        of two lines\n",
                                        "--size WxH",
                                        "-h, --help",
                                        "EXAMPLES\n  rf-try -f\n",
                                        "EXIT STATUS\n"};
    const char *positional[2];
    char printed[4096];
    size_t n;
    assert_int_equal(parse(&program, help, positional, &n, printed), RF_ARGS_DONE);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(printed, parts[i])) fail_msg("the help lacks \"%s\"", parts[i]);
    assert_int_equal(parse(&program, version, positional, &n, printed), RF_ARGS_DONE);
    assert_ptr_equal(strstr(printed, "rf-try " RF_VERSION "\n"), printed);
    static const char *const told[] = {"\ncompiler          ", "\ninstruction sets  ", "generic; ",
                                       "\nthreads           "};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (!strstr(printed, told[i])) fail_msg("--version does not tell \"%s\"", told[i]);
    if (*rf_commit && !strstr(printed, rf_commit)) fail_msg("--version does not tell the commit %s", rf_commit);
}

static void make_file(const char *dir, const char *name) {
    char *path = rf_path_join(dir, name), *folder = rf_strndup(path, (size_t)(rf_path_base(path) - path));
    assert_int_equal(rf_dir_make(folder), RF_OK);
    assert_int_equal(rf_file_write_atomic(path, "", 0), RF_OK);
    rf_free(path);
    rf_free(folder);
}

static void test_sets(void **state) {
    (void)state;
    char dir[] = "/tmp/rf_test_args_XXXXXX", path[128], command[64];
    rf_set_list sets;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(rf_sets_find(dir, NULL, &sets), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "train/label.txt"));
    make_file(dir, "train/label.txt");
    make_file(dir, "train/images/a.jpg");
    make_file(dir, "val/label.txt");
    make_file(dir, "wider_face_split/wider_face_val_bbx_gt.txt");
    make_file(dir, "WIDER_val/images/a.jpg");
    assert_int_equal(rf_sets_find(dir, NULL, &sets), RF_OK);
    assert_int_equal(sets.n, 3);
    assert_string_equal(sets.v[0].images + strlen(dir), "/train/images");
    assert_string_equal(sets.v[1].images, dir); /* val/images is missing */
    assert_string_equal(sets.v[2].annotation + strlen(dir), "/wider_face_split/wider_face_val_bbx_gt.txt");
    assert_string_equal(sets.v[2].images + strlen(dir), "/WIDER_val/images");
    rf_sets_free(&sets);
    snprintf(path, sizeof path, "%s/train/label.txt", dir);
    assert_int_equal(rf_sets_find(path, NULL, &sets), RF_OK);
    assert_int_equal(sets.n, 1);
    assert_non_null(strstr(sets.v[0].images, "train/images"));
    rf_sets_free(&sets);
    assert_int_equal(rf_sets_find(path, "elsewhere", &sets), RF_OK);
    assert_string_equal(sets.v[0].images, "elsewhere");
    rf_sets_free(&sets);
    assert_int_equal(rf_sets_find("/nonexistent", NULL, &sets), RF_ERR_USER);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds), cmocka_unit_test(test_any_number), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_help),      cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
