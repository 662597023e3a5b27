/* SPDX-License-Identifier: Apache-2.0 */
/* Runs side by side: means by hand, what is left out, and each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "tests/scratch.h"
#include "train/compare.h"

/* Logs of three runs: losses of epochs 1 and 2 (mean lines), AP after epoch 2; "c" stopped after one epoch. */
static const char *const logs[][2] = {
    {"a", "{\"kind\":\"train\",\"step\":1,\"epoch\":0.5,\"loss\":99}\n"
          "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":4}\n"
          "{\"kind\":\"epoch\",\"step\":4,\"epoch\":2,\"loss\":2}\n"
          "{\"kind\":\"eval\",\"step\":4,\"epoch\":2,\"ap\":0.5}\n"},
    {"b", "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":5}\n"
          "{\"kind\":\"epoch\",\"step\":4,\"epoch\":2,\"loss\":2.5}\n"
          "{\"kind\":\"eval\",\"step\":4,\"epoch\":2,\"ap\":0.75}\n"},
    {"evil", "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":4}\n"
             "{\"kind\":\"eval\",\"step\":2,\"epoch\":1,\"../../out\":0.5,\"/x/abs\":0.5,\"a/b\":0.5,\"a_b\":0.25,"
             "\"\\u001b[2J\":1}\n"},
    {"c", "{\"kind\":\"epoch\",\"step\":2,\"epoch\":1,\"loss\":8}\n"},
};

static int make_runs(void **state) {
    if (scratch_make(state) != 0) return 1;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        char *dir = rf_path_join(scratch, logs[i][0]), *path = rf_path_join(dir, "train.jsonl");
        FILE *file = rf_dir_make(dir) == RF_OK ? fopen(path, "w") : NULL;
        if (!file || fputs(logs[i][1], file) < 0 || fclose(file) != 0) return 1;
        rf_free(path);
        rf_free(dir);
    }
    return 0;
}

static rf_status compare(const char *const *texts, size_t n, char **table) {
    rf_run_group groups[4];
    char *out = rf_path_join(scratch, "pictures");
    rf_status status = RF_OK;
    *table = NULL;
    for (size_t i = 0; i < n; i++) {
        char text[200];
        snprintf(text, sizeof text, texts[i], scratch, scratch, scratch);
        rf_status parsed = rf_run_group_parse(text, &groups[i]);
        if (status == RF_OK) status = parsed;
    }
    if (status == RF_OK) status = rf_compare_runs(groups, n, out, table);
    for (size_t i = 0; i < n; i++) rf_run_group_free(&groups[i]);
    rf_free(out);
    return status;
}

static void means_by_hand(void **state) {
    (void)state;
    char *table;
    assert_int_equal(compare((const char *[]){"two=%s/a,%s/b", "one=%s/a", "short=%s/a,%s/c"}, 3, &table), RF_OK);
    assert_string_equal(table, "\n| loss, epoch | 1 | 2 | spread |\n|---|---|---|---|\n"
                               "| two | 4.500 | 2.250 | 0.500 |\n"
                               "| one | 4.000 | 2.000 | 0.000 |\n"
                               "| short | 6.000 | - | 4.000 |\n"
                               "\n| ap, epoch | 2 | spread |\n|---|---|---|\n"
                               "| two | 0.625 | 0.250 |\n"
                               "| one | 0.500 | 0.000 |\n");
    rf_free(table);
    for (int i = 0; i < 2; i++) {
        char *dir = rf_path_join(scratch, "pictures"), *path = rf_path_join(dir, i ? "ap.svg" : "loss.svg");
        uint8_t *svg = NULL;
        size_t bytes;
        assert_int_equal(rf_file_read(path, 0, &svg, &bytes), RF_OK);
        assert_non_null(strstr((char *)svg, ">two<"));
        assert_int_equal(strstr((char *)svg, ">short<") != NULL, i == 0);
        rf_free(svg);
        rf_free(path);
        rf_free(dir);
    }
}

/* A log may come from anybody: what it calls a metric becomes the name of a file in the folder, never a path. */
static void metrics_cannot_name_files_elsewhere(void **state) {
    (void)state;
    char *table, **names;
    size_t n;
    assert_int_equal(compare((const char *[]){"e=%s/evil"}, 1, &table), RF_OK);
    assert_null(strchr(table, 27));
    assert_non_null(strstr(table, "| \\x1b[2J, epoch"));
    rf_free(table);
    static const char *const expected[] = {"_[2J.svg", "_._.._out.svg", "_x_abs.svg", "a_b-2.svg", "a_b.svg"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char path[64];
        snprintf(path, sizeof path, "pictures/%s", expected[i]);
        if (!rf_file_exists(scratch_path(path))) fail_msg("no %s", path);
    }
    assert_int_equal(rf_dir_list(scratch, ".svg", true, &names, &n), RF_OK);
    for (size_t i = 0; i < n; i++) assert_ptr_equal(strstr(names[i], "pictures/"), names[i]);
    rf_names_free(names, n);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"%s/a", "expected NAME=RUN"},     {"=%s/a", "expected NAME=RUN"},    {"x=", "expected NAME=RUN"},
        {"x=%s/a,,%s/b", "name is empty"}, {"x=%s/none", "none/train.jsonl"}, {"two=%s/a", "called 'two'"},
        {"x=,%s/a", "name is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *table;
        assert_int_not_equal(compare((const char *[]){"two=%s/a", cases[i].text}, 2, &table), RF_OK);
        if (!strstr(rf_error_message(), cases[i].says)) fail_msg("'%s': %s", cases[i].text, rf_error_message());
        assert_null(table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(means_by_hand),
                                       cmocka_unit_test(metrics_cannot_name_files_elsewhere),
                                       cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, make_runs, scratch_remove);
}
