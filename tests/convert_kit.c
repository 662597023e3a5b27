/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/convert_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/image.h"

char kit_found[KIT_TEXT];
rf_convert_stats kit_stats;

void kit_write(const char *name, const void *data, size_t bytes) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", scratch_path(name));
    *strrchr(folder, '/') = 0;
    assert_int_equal(rf_dir_make(folder), RF_OK);
    assert_int_equal(rf_file_write_atomic(scratch_path(name), data, bytes), RF_OK);
}

void kit_write_text(const char *name, const char *text) {
    kit_write(name, text, strlen(text));
}

void kit_picture(const char *name, int width, int height) {
    rf_image image;
    kit_write_text(name, "");
    assert_int_equal(rf_image_alloc(&image, width, height), RF_OK);
    for (int i = 0; i < width * height * 3; i++) image.pixels[i] = (uint8_t)(i * 7 + i / 11);
    if (rf_image_save(scratch_path(name), &image, 0) != RF_OK) fail_msg("%s", rf_error_message());
    rf_image_free(&image);
}

const char *kit_read(const char *name) {
    static char text[KIT_TEXT];
    uint8_t *data;
    size_t size;
    if (rf_file_read(scratch_path(name), KIT_TEXT - 1, &data, &size) != RF_OK) fail_msg("%s", rf_error_message());
    memcpy(text, data, size + 1);
    rf_free(data);
    return text;
}

static int counted;

static int count_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)path, (void)info, (void)place;
    counted += kind == FTW_F || kind == FTW_SL;
    return 0;
}

int kit_count(const char *name) {
    counted = 0;
    return nftw(scratch_path(name), count_one, 16, FTW_PHYS) == 0 ? counted : -1;
}

static void take_finding(void *ctx, rf_convert_reason reason, const char *text) {
    (void)ctx;
    if (reason == RF_CONVERT_UNNAMED) return; /* the pictures are there for all tests */
    size_t used = strlen(kit_found);
    snprintf(kit_found + used, sizeof kit_found - used, "%s\n", text);
}

static char **input_files(const rf_converter *from, const char *path, size_t *n) {
    char **names;
    if (rf_dir_exists(path)) {
        assert_int_equal(rf_dir_list(path, from->suffix, true, &names, n), RF_OK);
        for (size_t i = 0; i < *n; i++) {
            char *full = rf_path_join(path, names[i]);
            rf_free(names[i]);
            names[i] = full;
        }
        return names;
    }
    names = rf_alloc(1, sizeof *names);
    names[0] = rf_strdup(path);
    *n = 1;
    return names;
}

rf_status kit_convert(const char *from_name, const char *to_name, const char *input, const char *out,
                      const rf_convert_options *options) {
    static char part[] = "train";
    const rf_converter *from, *to;
    rf_convert_options o = options ? *options : (rf_convert_options){0};
    char folder[1024], root[1024];
    snprintf(folder, sizeof folder, "%s", scratch_path(input));
    snprintf(root, sizeof root, "%s", scratch_path("pictures"));
    *kit_found = 0;
    o.finding = take_finding;
    if (rf_converter_find(from_name, false, &from) != RF_OK) return RF_ERR_USER;
    assert_int_equal(rf_converter_find(to_name, true, &to), RF_OK);
    rf_convert_input in = {.folder = rf_dir_exists(folder) ? folder : NULL, .root = root, .part = part};
    in.files = input_files(from, folder, &in.n_files);
    rf_status status = rf_convert(from, to, &in, 1, scratch_path(out), &o, &kit_stats);
    rf_names_free(in.files, in.n_files);
    return status;
}

const char *kit_labels(const char *from, const char *file, const char *text, const rf_convert_options *options) {
    kit_write_text(file, text);
    if (kit_convert(from, "label", file, "labels", options) != RF_OK) fail_msg("%s: %s", from, rf_error_message());
    const char *labels = kit_read("labels/train/label.txt");
    scratch_clear("labels");
    scratch_clear(file);
    return labels;
}
