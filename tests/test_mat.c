/* SPDX-License-Identifier: Apache-2.0 */
/* MATLAB files: every class that matio writes, read back; a big-endian one byte by byte; what is no such file; the
 * official files, value by value against matio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mat_file.h"
#include "core/mem.h"
#include "tests/scratch.h"

#define OFFICIAL "../shared/data/wider/ground_truth/"

static char path[256];

static int name_file(void **state) {
    int failed = scratch_make(state);
    snprintf(path, sizeof path, "%s/a.mat", scratch);
    return failed;
}

static void put_array(mat_t *mat, const char *name, enum matio_classes class, enum matio_types type, int rank,
                      size_t *dims, void *data, int flags, bool packed) {
    matvar_t *v = Mat_VarCreate(name, class, type, rank, dims, data, flags);
    assert_non_null(v);
    assert_int_equal(Mat_VarWrite(mat, v, packed ? MAT_COMPRESSION_ZLIB : MAT_COMPRESSION_NONE), 0);
    Mat_VarFree(v);
}

static rf_mat_array *read_one(const char *name) {
    rf_mat_file *file;
    rf_mat_array *array = NULL;
    if (rf_mat_open(path, &file) != RF_OK || rf_mat_read(file, name, &array) != RF_OK)
        fail_msg("%s", rf_error_message());
    rf_mat_close(file); /* an array does not need its file */
    return array;
}

static void write_classes(bool packed) {
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    assert_non_null(mat);
    size_t dims[3] = {2, 2, 2}, none[2] = {0, 7};
    double d[8] = {1.5, -2, 3, 4, 5, 6, 7, 8e100};
    float f[8] = {1.5f, -2, 3, 4, 5, 6, 7, 8e10f};
    int8_t i8[8] = {-128, 127};
    uint8_t u8[8] = {0, 255};
    int16_t i16[8] = {-32768, 32767};
    uint16_t u16[8] = {0, 65535};
    int32_t i32[8] = {INT32_MIN, INT32_MAX};
    uint32_t u32[8] = {0, UINT32_MAX};
    int64_t i64[8] = {INT64_MIN, 1};
    uint64_t u64[8] = {0, (uint64_t)1 << 63};
    put_array(mat, "double", MAT_C_DOUBLE, MAT_T_DOUBLE, 3, dims, d, 0, packed);
    put_array(mat, "single", MAT_C_SINGLE, MAT_T_SINGLE, 3, dims, f, 0, packed);
    put_array(mat, "i8", MAT_C_INT8, MAT_T_INT8, 3, dims, i8, 0, packed);
    put_array(mat, "u8", MAT_C_UINT8, MAT_T_UINT8, 3, dims, u8, 0, packed);
    put_array(mat, "i16", MAT_C_INT16, MAT_T_INT16, 3, dims, i16, 0, packed);
    put_array(mat, "u16", MAT_C_UINT16, MAT_T_UINT16, 3, dims, u16, 0, packed);
    put_array(mat, "i32", MAT_C_INT32, MAT_T_INT32, 3, dims, i32, 0, packed);
    put_array(mat, "u32", MAT_C_UINT32, MAT_T_UINT32, 3, dims, u32, 0, packed);
    put_array(mat, "i64", MAT_C_INT64, MAT_T_INT64, 3, dims, i64, 0, packed);
    put_array(mat, "u64", MAT_C_UINT64, MAT_T_UINT64, 3, dims, u64, 0, packed);
    put_array(mat, "empty", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, none, NULL, 0, packed);
    mat_complex_split_t z = {d, d};
    put_array(mat, "complex", MAT_C_DOUBLE, MAT_T_DOUBLE, 3, dims, &z, MAT_F_COMPLEX, packed);
    char word[] = "a face", tab[] = "a\tface";
    uint16_t wide[] = {'w', 'i', 'd', 'e'};
    put_array(mat, "word", MAT_C_CHAR, MAT_T_UTF8, 2, (size_t[]){1, 6}, word, 0, packed);
    put_array(mat, "tab", MAT_C_CHAR, MAT_T_UTF8, 2, (size_t[]){1, 6}, tab, 0, packed);
    put_array(mat, "wide", MAT_C_CHAR, MAT_T_UTF16, 2, (size_t[]){1, 4}, wide, 0, packed);
    Mat_Close(mat);
}

static void expect_numbers(const char *name, double first, double second) {
    rf_mat_array *a = read_one(name);
    assert_int_equal(a->kind, RF_MAT_NUMBERS);
    assert_int_equal(a->n, 8);
    assert_int_equal(a->rows, 2);
    assert_int_equal(a->columns, 4);
    if (a->numbers[0] != first || a->numbers[1] != second) fail_msg("%s: %g %g", name, a->numbers[0], a->numbers[1]);
    rf_mat_free(a);
}

static void reads_every_class(void **state) {
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        write_classes(packed);
        expect_numbers("double", 1.5, -2);
        expect_numbers("single", 1.5, -2);
        expect_numbers("i8", -128, 127);
        expect_numbers("u8", 0, 255);
        expect_numbers("i16", -32768, 32767);
        expect_numbers("u16", 0, 65535);
        expect_numbers("i32", INT32_MIN, INT32_MAX);
        expect_numbers("u32", 0, UINT32_MAX);
        expect_numbers("i64", (double)INT64_MIN, 1);
        expect_numbers("u64", 0, 9223372036854775808.0);
        rf_mat_array *a = read_one("empty");
        assert_true(a->kind == RF_MAT_NUMBERS && a->n == 0 && a->rows == 0 && a->columns == 7);
        rf_mat_free(a);
        a = read_one("complex");
        assert_int_equal(a->kind, RF_MAT_OTHER);
        rf_mat_free(a);
        a = read_one("word");
        assert_int_equal(a->kind, RF_MAT_TEXT);
        assert_string_equal(a->text, "a face");
        rf_mat_free(a);
        a = read_one("tab");
        assert_true(a->kind == RF_MAT_TEXT && !a->text);
        rf_mat_free(a);
        a = read_one("wide");
        assert_string_equal(a->text, "wide");
        rf_mat_free(a);
    }
}

/* {int32([1 2]), []} in a cell array called "c", of the other byte order, with small elements. */
static void reads_big_endian(void **state) {
    (void)state;
    uint8_t file[128 + 8 + 104] = "MATLAB 5.0 MAT-file";
    static const uint8_t body[] = {
        0, 0, 0, 14, 0,    0,    0, 104,                          /* matrix */
        0, 0, 0, 6,  0,    0,    0, 8,   0, 0, 0, 1,  0, 0, 0, 0, /* cells */
        0, 0, 0, 5,  0,    0,    0, 8,   0, 0, 0, 1,  0, 0, 0, 2, /* 1 x 2 */
        0, 1, 0, 1,  'c',  0,    0, 0,                            /* name */
        0, 0, 0, 14, 0,    0,    0, 48,                           /* matrix */
        0, 0, 0, 6,  0,    0,    0, 8,   0, 0, 0, 12, 0, 0, 0, 0, /* int32 */
        0, 0, 0, 5,  0,    0,    0, 8,   0, 0, 0, 1,  0, 0, 0, 2, /* 1 x 2 */
        0, 0, 0, 1,  0,    0,    0, 0,                            /* no name */
        0, 4, 0, 3,  0xff, 0xff, 0, 2,                            /* two int16 in the tag: -1 2 */
        0, 0, 0, 14, 0,    0,    0, 0,                            /* [] */
    };
    _Static_assert(sizeof body == 8 + 104, "the tag tells how many bytes follow");
    file[124] = 1;
    memcpy(file + 126, "MI", 2);
    memcpy(file + 128, body, sizeof body);
    assert_int_equal(rf_file_write_atomic(path, file, sizeof file), RF_OK);
    rf_mat_array *a = read_one("c");
    assert_true(a->kind == RF_MAT_CELLS && a->n == 2 && a->rows == 1 && a->columns == 2);
    assert_true(a->cells[0].kind == RF_MAT_NUMBERS && a->cells[0].n == 2);
    assert_true(a->cells[0].numbers[0] == -1 && a->cells[0].numbers[1] == 2);
    assert_true(a->cells[1].n == 0);
    rf_mat_free(a);
}

static void refuses(const void *data, size_t bytes, const char *message) {
    rf_mat_file *file;
    assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
    assert_int_equal(rf_mat_open(path, &file), RF_ERR_FORMAT);
    assert_null(file);
    assert_non_null(strstr(rf_error_message(), path));
    if (!strstr(rf_error_message(), message)) fail_msg("%s", rf_error_message());
}

static void tells_what_it_is_instead(void **state) {
    (void)state;
    uint8_t data[1024] = {0};
    refuses(data, 0, "not a MATLAB file");
    refuses(data, sizeof data, "not a MATLAB file");
    memcpy(data + 512, "\x89HDF\r\n\x1a\n", 8);
    refuses(data, sizeof data, "7.3");
    memset(data, 0, sizeof data);
    memcpy(data + 124, "\0\1IM", 4);
    refuses(data, 128, "damaged");
    memset(data + 128, 0xff, 8);
    refuses(data, sizeof data, "end is missing");
    assert_int_equal(remove(path), 0);
    rf_mat_file *file;
    assert_int_equal(rf_mat_open(path, &file), RF_ERR_IO);
}

/* A cut file is never read as if the rest were zero, and every allocation may fail. */
static void cut_and_out_of_memory(void **state) {
    (void)state;
    write_classes(true);
    uint8_t *data;
    size_t bytes;
    rf_mat_file *file;
    assert_int_equal(rf_file_read(path, 0, &data, &bytes), RF_OK);
    for (size_t cut = 0; cut < bytes; cut++) {
        assert_int_equal(rf_file_write_atomic(path, data, cut), RF_OK);
        rf_status status = rf_mat_open(path, &file);
        if (status == RF_OK) { /* cut between two variables: the last one is not there */
            rf_mat_array *a;
            assert_int_equal(rf_mat_read(file, "wide", &a), RF_ERR_FORMAT);
            assert_null(a);
            rf_mat_close(file);
        } else {
            assert_int_equal(status, RF_ERR_FORMAT);
        }
    }
    assert_int_equal(rf_file_write_atomic(path, data, bytes), RF_OK);
    rf_free(data);
    for (uint64_t n = 1; n < 50; n++) {
        rf_mat_array *a = NULL;
        rf_alloc_fail_at(n);
        rf_status status = rf_mat_open(path, &file);
        if (status == RF_OK) status = rf_mat_read(file, "double", &a);
        rf_alloc_fail_at(0);
        rf_mat_close(file);
        rf_mat_free(a);
        if (status == RF_OK) return;
        assert_int_equal(status, RF_ERR_NOMEM);
    }
    fail_msg("it never succeeded");
}

static double matio_number(const matvar_t *v, size_t i) {
    if (v->class_type == MAT_C_INT32) return ((const int32_t *)v->data)[i];
    assert_int_equal(v->class_type, MAT_C_DOUBLE);
    return ((const double *)v->data)[i];
}

static size_t same(const matvar_t *want, const rf_mat_array *got) {
    size_t n = 1, values = 0;
    for (int i = 0; i < want->rank; i++) n *= want->dims[i];
    assert_int_equal(got->n, n);
    if (want->class_type == MAT_C_CELL) {
        assert_int_equal(got->kind, RF_MAT_CELLS);
        for (size_t i = 0; i < n; i++) values += same(((matvar_t **)want->data)[i], &got->cells[i]);
    } else if (want->class_type == MAT_C_CHAR) {
        assert_non_null(got->text);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(want->data_size == 1 ? ((const char *)want->data)[i] : ((const uint16_t *)want->data)[i],
                             got->text[i]);
        values = n;
    } else if (n > 0) {
        assert_int_equal(got->kind, RF_MAT_NUMBERS);
        for (size_t i = 0; i < n; i++) assert_true(matio_number(want, i) == got->numbers[i]);
        values = n;
    }
    return values;
}

static void official_files(void **state) {
    (void)state;
    static const char *const variables[][2] = {
        {"wider_face_val.mat", "event_list"},    {"wider_face_val.mat", "file_list"},
        {"wider_face_val.mat", "face_bbx_list"}, {"wider_easy_val.mat", "gt_list"},
        {"wider_medium_val.mat", "gt_list"},     {"wider_hard_val.mat", "gt_list"}};
    size_t values = 0;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        snprintf(path, sizeof path, "%s%s", OFFICIAL, variables[i][0]);
        if (!rf_file_exists(path)) {
            print_message("skip: no " OFFICIAL "\n");
            return;
        }
        mat_t *mat = Mat_Open(path, MAT_ACC_RDONLY);
        assert_non_null(mat);
        matvar_t *want = Mat_VarRead(mat, variables[i][1]);
        assert_non_null(want);
        rf_mat_array *got = read_one(variables[i][1]);
        values += same(want, got);
        rf_mat_free(got);
        Mat_VarFree(want);
        Mat_Close(mat);
    }
    print_message("measured values equal to matio's: %zu\n", values);
    assert_true(values > 200000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_class),        cmocka_unit_test(reads_big_endian),
        cmocka_unit_test(tells_what_it_is_instead), cmocka_unit_test(cut_and_out_of_memory),
        cmocka_unit_test(official_files),
    };
    return cmocka_run_group_tests(tests, name_file, scratch_remove);
}
