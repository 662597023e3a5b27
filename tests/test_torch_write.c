/* SPDX-License-Identifier: Apache-2.0 */
/* The PyTorch file that rf-export writes, its archive's bounds, and pickles that want to do harm. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/torch_file.h"
#include "core/zip_read.h"
#include "export/torch_write.h"

static float row[300];
static double scalar[1] = {0.1};
static int64_t counter[1] = {-3};
static int32_t whole[2] = {7, -8};
static uint8_t flags[3] = {1, 0, 255};
/* The first two hold the same bytes, as a damaged directory needs them that passes the checksums. */
static rf_st_tensor tensors[] = {
    {(char *)(uintptr_t) "a.weight", RF_F32, 4, {2, 3, 50, 1}, row, sizeof row},
    {(char *)(uintptr_t) "b.weight", RF_F32, 1, {300}, row, sizeof row},
    {(char *)(uintptr_t) "a.scale", RF_F64, 0, {0}, scalar, 8},
    {(char *)(uintptr_t) "a.num_batches_tracked", RF_I64, 0, {0}, counter, 8},
    {(char *)(uintptr_t) "whole", RF_I32, 1, {2}, whole, 8},
    {(char *)(uintptr_t) "flags", RF_U8, 1, {3}, flags, 3},
    {(char *)(uintptr_t) "empty", RF_F32, 2, {0, 70000}, NULL, 0},
};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static char path[] = "/tmp/rf_torch_XXXXXX";

static int set_up(void **state) {
    (void)state;
    int fd = mkstemp(path);
    for (int i = 0; i < 300; i++) row[i] = 0.25f * (float)i - 9;
    return fd < 0 || close(fd);
}

static int tear_down(void **state) {
    (void)state;
    return unlink(path);
}

static uint8_t *written(const char *config, size_t *bytes) {
    uint8_t *data;
    if (rf_torch_write(path, tensors, TENSORS, config) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(rf_file_read(path, 0, &data, bytes), RF_OK);
    return data;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    size_t bytes, more;
    uint8_t *data = written("[model]\nchannels=8\n", &bytes), *again = written("[model]\nchannels=8\n", &more);
    rf_zip_entry *entries;
    size_t n;
    assert_int_equal(bytes, more);
    assert_memory_equal(data, again, bytes);
    assert_int_equal(rf_zip_list(path, data, bytes, &entries, &n), RF_OK);
    assert_int_equal(n, TENSORS + 4); /* data.pkl, byteorder, rf.config, version */
    for (size_t i = 0; i < n; i++) assert_int_equal((size_t)(entries[i].data - data) % 64, 0);
    rf_free(entries);
    rf_free(again);

    rf_st_file *file;
    assert_int_equal(rf_torch_parse(path, data, bytes, &file), RF_OK);
    assert_int_equal(file->count, TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const rf_st_tensor *t = &file->tensors[i];
        assert_string_equal(t->name, tensors[i].name); /* in the order given */
        assert_true(t->dtype == tensors[i].dtype && t->n_dims == tensors[i].n_dims && t->bytes == tensors[i].bytes);
        for (int d = 0; d < t->n_dims; d++) assert_int_equal(t->dims[d], tensors[i].dims[d]);
        if (t->bytes) assert_memory_equal(t->data, tensors[i].data, t->bytes);
    }
    assert_string_equal(rf_st_meta(file, "rf.config"), "[model]\nchannels=8\n");
    rf_st_free(file);
    rf_free(written(NULL, &bytes));
    assert_int_equal(rf_torch_read(path, &file), RF_OK);
    assert_null(rf_st_meta(file, "rf.config"));
    rf_st_free(file);
}

/* Also where the reader does not look: headers, padding, the end. */
static void every_changed_byte_is_seen(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *data = written("x", &bytes);
    assert_int_equal(rf_torch_compare(path, tensors, TENSORS, "x"), RF_OK);
    assert_int_equal(rf_torch_compare(path, tensors, TENSORS, "y"), RF_ERR_FORMAT);
    assert_int_equal(rf_torch_compare(path, tensors, TENSORS, NULL), RF_ERR_FORMAT);
    for (size_t i = 0; i < bytes; i += 5 + i % 7) {
        data[i] ^= 4;
        assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
        data[i] ^= 4;
        assert_int_equal(rf_torch_compare(path, tensors, TENSORS, "x"), RF_ERR_FORMAT);
    }
    assert_int_equal(rf_file_write_atomic(path, data, bytes - 1), RF_OK);
    assert_int_equal(rf_torch_compare(path, tensors, TENSORS, "x"), RF_ERR_FORMAT);
    rf_free(data);
    data = rf_alloc(bytes + 1, 1);
    rf_free(written("x", &bytes));
    assert_int_equal(rf_file_write_atomic(path, data, bytes + 1), RF_OK);
    assert_int_equal(rf_torch_compare(path, tensors, TENSORS, "x"), RF_ERR_FORMAT);
    rf_free(data);
}

static void too_much_is_refused_before_anything_is_written(void **state) {
    (void)state;
    uint8_t *data;
    size_t bytes, n;
    rf_free(written(NULL, &bytes));
    rf_st_tensor large = {(char *)(uintptr_t) "x", RF_F32, 1, {(size_t)5 << 28}, row, (size_t)5 << 30};
    assert_int_equal(rf_torch_write(path, &large, 1, NULL), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "over 4 GB"));
    large.bytes = SIZE_MAX - 4;
    assert_int_equal(rf_torch_write(path, &large, 1, NULL), RF_ERR_USER);
    assert_int_equal(rf_file_read(path, 0, &data, &n), RF_OK);
    assert_int_equal(n, bytes);
    rf_free(data);
    for (uint64_t k = 1; k < 200; k++) {
        rf_alloc_fail_at(k);
        rf_status status = rf_torch_write(path, tensors, TENSORS, "x");
        rf_alloc_fail_at(0);
        if (status == RF_OK) return;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    fail();
}

/* ---- damage ---- */

/* The directory's line of record number k (from 0, in the order written). */
static uint8_t *line_of(uint8_t *data, size_t bytes, int k) {
    uint32_t at;
    memcpy(&at, data + bytes - 6, 4);
    uint8_t *line = data + at;
    for (; k > 0; k--) {
        uint16_t name;
        memcpy(&name, line + 28, 2);
        line += 46 + name;
    }
    assert_memory_equal(line, "PK\1\2", 4);
    return line;
}

static void expect_refusal(uint8_t *data, size_t bytes, const char *words) {
    rf_st_file *file;
    assert_int_equal(rf_torch_parse("x.pth", data, bytes, &file), RF_ERR_FORMAT);
    assert_null(file);
    if (!strstr(rf_error_message(), words)) fail_msg("expected '%s' in: %s", words, rf_error_message());
}

enum { BYTEORDER = 1, FIRST = 2 };

static void broken_archives_are_refused(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *data = written(NULL, &bytes);
    memcpy(line_of(data, bytes, FIRST + 1) + 42, line_of(data, bytes, FIRST) + 42, 4);
    expect_refusal(data, bytes, "two of its entries overlap");

    /* A bomb: packed, and huge as it claims. Nothing is ever unpacked. */
    data = written(NULL, &bytes);
    line_of(data, bytes, FIRST)[10] = 8;
    memset(line_of(data, bytes, FIRST) + 24, 0xfe, 4);
    expect_refusal(data, bytes, "it is compressed");
    data = written(NULL, &bytes);
    line_of(data, bytes, FIRST)[8] = 1; /* encrypted */
    expect_refusal(data, bytes, "it is compressed");
    data = written(NULL, &bytes);
    memset(line_of(data, bytes, FIRST) + 20, 0xf0, 8);
    expect_refusal(data, bytes, "an entry is cut off");
    data = written(NULL, &bytes);
    memset(line_of(data, bytes, FIRST) + 42, 0xf0, 4);
    expect_refusal(data, bytes, "an entry lies outside");
    data = written(NULL, &bytes);
    data[bytes - 22 + 10] = data[bytes - 22 + 8] = 200; /* more entries than there are bytes for */
    expect_refusal(data, bytes, "its directory is damaged");
    data = written(NULL, &bytes);
    memset(data + bytes - 6, 0xff, 4);
    expect_refusal(data, bytes, "archives over 4 GB");
    data = written(NULL, &bytes);
    data[bytes - 22 + 4] = 1;
    expect_refusal(data, bytes, "a part of an archive");
    data = written(NULL, &bytes);
    data[64] ^= 1; /* in data.pkl */
    expect_refusal(data, bytes, "a checksum is wrong");

    data = written(NULL, &bytes);
    uint32_t sum = rf_crc32(0, "big\0\0\0", 6);
    uint8_t *order = memmem(data, bytes, "little", 6);
    memcpy(order, "big\0\0\0", 6);
    memcpy(line_of(data, bytes, BYTEORDER) + 16, &sum, 4);
    expect_refusal(data, bytes, "not written on a little-endian machine");
}

/* ---- pickles ---- */

static const char head[] = "\x80\2\x8a\12\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.";

/* A file of the older form with this machine and object. */
static uint8_t *older(const char *machine, const char *object, size_t object_bytes, size_t *bytes) {
    rf_text text = {0};
    rf_text_put_bytes(&text, head, sizeof head - 1);
    rf_text_put_bytes(&text, machine, 19);
    rf_text_put_bytes(&text, object, object_bytes);
    uint8_t *data = rf_alloc(text.used, 1);
    memcpy(data, text.text, text.used);
    *bytes = text.used;
    rf_text_clear(&text);
    return data;
}

static void harmful_pickles_are_refused(void **state) {
    (void)state;
    static const char little[] = "\x80\2}X\15\0\0\0little_endian\x88s.", big[] = "\x80\2}X\15\0\0\0little_endian\x89s.";
#define OBJECT(words, text)                                                                                            \
    { text, sizeof text - 1, words }
    static const struct {
        const char *object;
        size_t bytes;
        const char *words;
    } wrong[] = {
        OBJECT("code from os, as no model does", "\x80\2}X\1\0\0\0wcos\nsystem\nX\2\0\0\0ls\x85Rs."),
        OBJECT("code from posix", "\x80\2X\5\0\0\0posixX\6\0\0\0system\x93X\2\0\0\0ls\x85R."),
        OBJECT("code from builtins", "\x80\2c__builtin__\nset\n)Rcbuiltins\neval\nX\1\0\0\0"
                                     "1\x85R."),
        OBJECT("code from subprocess", "\x80\2(csubprocess\nPopen\nt."),
        OBJECT("too many objects", "\x80\2Nr\xff\xff\xff\x7f."),
        OBJECT("a text is longer than the file", "\x80\2X\xff\xff\xff\x7fx."),
        OBJECT("an object is used before it is made", "\x80\2h\5."),
        OBJECT("a mark is missing", "\x80\2NNNu."),
        OBJECT("that a state_dict does not need", "\x80\2i."),
        OBJECT("it ends in the middle", "\x80\2J\1"),
    };
    uint8_t *data;
    size_t bytes;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        data = older(little, wrong[i].object, wrong[i].bytes, &bytes);
        expect_refusal(data, bytes, wrong[i].words);
    }
    data = older(big, "\x80\2}.", 4, &bytes);
    expect_refusal(data, bytes, "not written on a little-endian machine");
}

/* Few bytes that make many objects: the number of objects is bounded, and so is the memory. */
static void floods_are_refused(void **state) {
    (void)state;
    static const char little[] = "\x80\2}X\15\0\0\0little_endian\x88s.";
    enum { MANY = 3 << 20 };
    char *object = malloc(MANY);
    size_t bytes;
    for (int kind = 0; kind < 3; kind++) {
        memset(object, kind == 0 ? 'N' : kind == 1 ? '(' : ']', MANY);
        object[0] = (char)0x80;
        object[1] = 2;
        uint8_t *data = older(little, object, MANY, &bytes);
        expect_refusal(data, bytes, "too many objects");
    }
    free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(too_much_is_refused_before_anything_is_written),
        cmocka_unit_test(broken_archives_are_refused),
        cmocka_unit_test(harmful_pickles_are_refused),
        cmocka_unit_test(floods_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
