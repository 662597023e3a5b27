/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/run_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/safetensors.h"

char log_text[PROGRAMS_TEXT];

void make_set(const char *folder, int train) {
    char command[256];
    snprintf(command, sizeof command,
             "rf-data synth --out %s --train %d --val 4 --size 96x96 --min-face 16 --max-faces 3 --seed 5", folder,
             train);
    succeeds(command);
}

void write_text(const char *path, const char *text) {
    assert_int_equal(rf_file_write_atomic(at(path), text, strlen(text)), RF_OK);
}

void copy(const char *from, const char *to) {
    uint8_t *data = NULL;
    size_t n = 0;
    if (rf_file_read(at(from), 0, &data, &n) != RF_OK || rf_file_write_atomic(at(to), data, n) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_free(data);
}

/* What was printed to a stream or written to a file holds these words, or does not. */
void has(const char *text, const char *words) {
    if (!strstr(text, at(words))) fail_msg("expected the words: %s\nin: %s", at(words), text);
}

void lacks(const char *text, const char *words) {
    if (strstr(text, at(words))) fail_msg("unexpected words: %s\nin: %s", at(words), text);
}

void file_has(const char *path, const char *words) {
    read_text(path, log_text);
    has(log_text, words);
}

void file_lacks(const char *path, const char *words) {
    read_text(path, log_text);
    lacks(log_text, words);
}

void ends_with(const char *command, int code) {
    int found = run(command);
    if (found != code) fail_msg("%s\nended with %d, expected %d: %s", command, found, code, err);
}

void saved(const char *folder, const char *key, const char *expected) {
    rf_st_file *file;
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (rf_st_read(at(path), &file) != RF_OK) fail_msg("%s", rf_error_message());
    const char *value = rf_st_meta(file, key);
    if (!value || strcmp(value, expected) != 0) fail_msg("%s of %s is %s, expected %s", key, folder, value, expected);
    rf_st_free(file);
}
