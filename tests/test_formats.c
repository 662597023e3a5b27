/* SPDX-License-Identifier: Apache-2.0 */
/* JSON, safetensors and configurations, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/safetensors.h"
#include "tests/scratch.h"

static void json_round_trip(void **state) {
    (void)state;
    rf_json_writer w = {0};
    rf_json_begin_object(&w, NULL);
    rf_json_put_number(&w, "third", (float)(1.0 / 3));
    rf_json_put_number(&w, "nan", NAN);
    rf_json_put_number(&w, "inf", INFINITY);
    rf_json_put_int(&w, "int", -9007199254740991);
    rf_json_put_bool(&w, "yes", true);
    rf_json_put_string(&w, "te\"xt", "tab\t quote\" back\\ \xc3\xa9 bad\xff\xc3 end");
    rf_json_begin_array(&w, "list");
    rf_json_begin_object(&w, NULL);
    rf_json_end_object(&w);
    rf_json_put_int(&w, NULL, 1);
    rf_json_put_int(&w, NULL, 2);
    rf_json_begin_array(&w, NULL);
    rf_json_end_array(&w);
    rf_json_end_array(&w);
    rf_json_end_object(&w);
    char *text;
    assert_int_equal(rf_json_finish(&w, &text), RF_OK);
    assert_string_equal(text, "{\"third\":0.333333343,\"nan\":null,\"inf\":null,\"int\":-9007199254740991,\"yes\":true,"
                              "\"te\\\"xt\":\"tab\\u0009 quote\\\" back\\\\ \xc3\xa9 bad\\\\xff\\\\xc3 end\","
                              "\"list\":[{},1,2,[]]}");
    rf_json *root;
    assert_int_equal(rf_json_parse(text, strlen(text), &root), RF_OK);
    rf_free(text);
    double number;
    const char *string;
    assert_true(rf_json_number(rf_json_get(root, "third"), &number) && (float)number == (float)(1.0 / 3));
    assert_false(rf_json_number(rf_json_get(root, "nan"), &number));
    assert_false(rf_json_number(rf_json_get(root, "yes"), &number));
    assert_true(rf_json_number(rf_json_get(root, "int"), &number) && number == -9007199254740991.0);
    assert_true(rf_json_string(rf_json_get(root, "te\"xt"), &string));
    assert_string_equal(string, "tab\t quote\" back\\ \xc3\xa9 bad\\xff\\xc3 end");
    assert_null(rf_json_get(root, "THIRD"));
    const rf_json *list = rf_json_get(root, "list");
    assert_true(rf_json_is_array(list) && !rf_json_is_object(list));
    assert_int_equal(rf_json_size(list), 4);
    assert_true(rf_json_number(rf_json_at(list, 2), &number) && number == 2);
    assert_null(rf_json_at(list, 4));
    assert_null(rf_json_at(root, 0));
    assert_null(rf_json_key(rf_json_first(list)));
    assert_string_equal(rf_json_key(rf_json_first(root)), "third");
    assert_string_equal(rf_json_key(rf_json_next(rf_json_first(root))), "nan");
    assert_int_equal(rf_json_size(NULL), 0);
    assert_null(rf_json_get(NULL, "x"));
    rf_json_free(root);
}

static void wrong_json_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes, offset;
    } wrong[] = {{"", 0, 0},       {"{\"a\":1} x", 9, 8}, {"{\"a\":\0}", 7, 5}, {"[1,2", 4, 4},     {"[1,,2]", 6, 3},
                 {"\"open", 5, 1}, {"{\"a\" 1}", 7, 5},   {"nul", 3, 0},        {"{\"a\":1,", 7, 7}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_json *root;
        char expected[64];
        assert_int_equal(rf_json_parse(wrong[i].text, wrong[i].bytes, &root), RF_ERR_FORMAT);
        snprintf(expected, sizeof expected, "wrong JSON at byte %zu:", wrong[i].offset);
        if (!strstr(rf_error_message(), expected)) fail_msg("'%s': %s", wrong[i].text, rf_error_message());
    }
    rf_json *root;
    char *deep = malloc(200000);
    memset(deep, '[', 200000);
    assert_int_equal(rf_json_parse(deep, 200000, &root), RF_ERR_FORMAT);
    free(deep);
    assert_int_equal(rf_json_parse("[1e999]", 7, &root), RF_OK);
    double number;
    assert_false(rf_json_number(rf_json_at(root, 0), &number));
    rf_json_free(root);
}

static float weights[2][3] = {{1, -2, 3.5f}, {4, 5, 6}};
static uint8_t flags[5] = {1, 0, 1, 1, 0};
static int64_t steps[1] = {123456789012345};
static double scalar[1] = {0.1};
static rf_st_tensor sample_tensors[] = {
    {(char *)"flags", RF_U8, 1, {5}, flags, sizeof flags},
    {(char *)"body.0.weight", RF_F32, 2, {2, 3}, weights, sizeof weights},
    {(char *)"scalar", RF_F64, 0, {0}, scalar, sizeof scalar},
    {(char *)"empty", RF_I32, 2, {0, 7}, NULL, 0},
    {(char *)"step", RF_I64, 1, {1}, steps, sizeof steps},
};
static const char *const sample_keys[] = {"config", "rf.crc32"};
static const char *const sample_values[] = {"[train]\nbatch = \"8\"\n", "stale"};

static void write_sample(const char *path) {
    if (rf_st_write(path, sample_tensors, 5, sample_keys, sample_values, 2) != RF_OK)
        fail_msg("%s", rf_error_message());
}

static void safetensors_round_trip(void **state) {
    (void)state;
    const char *path = scratch_path("a.safetensors"), *twin = scratch_path("b.safetensors");
    write_sample(path);
    write_sample(twin);
    uint8_t *first, *second;
    size_t bytes, twin_bytes;
    assert_int_equal(rf_file_read(path, 0, &first, &bytes), RF_OK);
    assert_int_equal(rf_file_read(twin, 0, &second, &twin_bytes), RF_OK);
    assert_int_equal(bytes, twin_bytes);
    assert_memory_equal(first, second, bytes);
    uint64_t header;
    memcpy(&header, first, 8);
    assert_int_equal((8 + header) % 64, 0);
    assert_int_equal(bytes, 8 + header + 5 + 24 + 8 + 8);
    rf_free(first);
    rf_free(second);

    rf_st_file *file;
    if (rf_st_read(path, &file) != RF_OK) fail_msg("%s", rf_error_message());
    assert_int_equal(file->count, 5);
    assert_string_equal(file->tensors[0].name, "scalar"); /* the largest elements first */
    assert_string_equal(file->tensors[4].name, "flags");
    for (int i = 0; i < 5; i++) {
        const rf_st_tensor *was = &sample_tensors[i], *is = rf_st_find(file, was->name);
        assert_non_null(is);
        assert_int_equal(is->dtype, was->dtype);
        assert_int_equal(is->n_dims, was->n_dims);
        for (int d = 0; d < was->n_dims; d++) assert_int_equal(is->dims[d], was->dims[d]);
        assert_int_equal(is->bytes, was->bytes);
        assert_int_equal((uintptr_t)is->data % rf_dtype_bytes(is->dtype), 0);
        if (was->bytes) assert_memory_equal(is->data, was->data, was->bytes);
    }
    assert_null(rf_st_find(file, "nothing"));
    assert_string_equal(rf_st_meta(file, "config"), sample_values[0]);
    assert_int_equal(strlen(rf_st_meta(file, "rf.crc32")), 8);
    assert_null(rf_st_meta(file, "nothing"));
    rf_st_free(file);
    rf_st_free(NULL);
}

static void unwritable_tensors_are_refused(void **state) {
    (void)state;
    rf_st_tensor tensors[2] = {sample_tensors[1], sample_tensors[1]};
    assert_int_equal(rf_st_write(scratch_path("x"), tensors, 2, NULL, NULL, 0), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "two tensors are called"));
    tensors[0].dims[0] = 3;
    assert_int_equal(rf_st_write(scratch_path("x"), tensors, 1, NULL, NULL, 0), RF_ERR_USER);
    tensors[0].dims[0] = SIZE_MAX;
    assert_int_equal(rf_st_write(scratch_path("x"), tensors, 1, NULL, NULL, 0), RF_ERR_USER);
    tensors[1].name = (char *)"__metadata__";
    assert_int_equal(rf_st_write(scratch_path("x"), tensors + 1, 1, NULL, NULL, 0), RF_ERR_USER);
    assert_false(rf_file_exists(scratch_path("x")));
}

/* A file made of a header and `data_bytes` counting bytes. */
static rf_status parse_header(const char *header, size_t data_bytes, rf_st_file **file) {
    uint64_t length = strlen(header);
    uint8_t *buffer = rf_alloc(8 + length + data_bytes, 1);
    assert_non_null(buffer);
    memcpy(buffer, &length, 8);
    memcpy(buffer + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++) buffer[8 + length + i] = (uint8_t)i;
    return rf_st_parse("t.st", buffer, 8 + length + data_bytes, file);
}

static void wrong_safetensors_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *message;
    } wrong[] = {
        {"[]", 0, "no safetensors file"},
        {"{\"a\":", 0, "byte 5"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
         "'a' has type F8_E4M3, expected F32"},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no \"dtype\""},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "\"shape\""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "at most 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "no whole number"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,4]}}", 4, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", 8, "[begin, end]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "cut or damaged"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "4 bytes of data, expected 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, "4 bytes follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
         12, "leave a gap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
         12, "overlap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
         5, "not a multiple"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, "'a' occurs twice"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "metadata 'k' is no string"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "occurs twice"},
        {"{\"__metadata__\":[]}", 0, "to be an object"},
        {"{\"__metadata__\":{\"rf.crc32\":\"00000000\"},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         4, "expected 00000000; the file is damaged"},
        {"{\"a\":7}", 0, "no \"dtype\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rf_st_file *file;
        assert_int_equal(parse_header(wrong[i].header, wrong[i].data_bytes, &file), RF_ERR_FORMAT);
        if (!strstr(rf_error_message(), wrong[i].message))
            fail_msg("%s: got '%s', expected '%s'", wrong[i].header, rf_error_message(), wrong[i].message);
        assert_non_null(strstr(rf_error_message(), "t.st: "));
    }
}

/* Other writers: tensors out of order, a header of odd length, no metadata. */
static void foreign_safetensors_are_read_aligned(void **state) {
    (void)state;
    rf_st_file *file;
    static const char *const headers[] = {
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_"
        "offsets\":[0,4]}}",
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_"
        "offsets\":[0,4]}} ",
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_"
        "offsets\":[0,4]}}  ",
    };
    for (int i = 0; i < 3; i++) {
        if (parse_header(headers[i], 8, &file) != RF_OK) fail_msg("%s", rf_error_message());
        assert_string_equal(file->tensors[0].name, "a");
        assert_int_equal((uintptr_t)file->tensors[0].data % 8, 0);
        assert_int_equal(*(const int32_t *)file->tensors[0].data, 0x03020100);
        assert_memory_equal(file->tensors[1].data, "\4\5\6\7", 4);
        rf_st_free(file);
    }
    assert_int_equal(parse_header("{}", 0, &file), RF_OK);
    assert_int_equal(file->count, 0);
    rf_st_free(file);
}

/* Changes 1 to 4 bytes, or cuts the end, or doubles a part. Returns the new length; `bytes` has room for twice the
 * length. */
static size_t mutate(rf_rng *rng, uint8_t *bytes, size_t length) {
    uint32_t kind = rf_rng_below(rng, 4), at = rf_rng_below(rng, (uint32_t)length);
    if (kind == 0) return at;
    if (kind == 1) {
        memmove(bytes + length, bytes + at, length - at);
        return length + length - at;
    }
    for (uint32_t n = 1 + rf_rng_below(rng, 4); n; n--) {
        uint32_t place = rf_rng_below(rng, (uint32_t)length);
        bytes[place] = kind == 2 ? (uint8_t)rf_rng_u32(rng) : (uint8_t)(bytes[place] ^ 1u << rf_rng_below(rng, 8));
    }
    return length;
}

static void damaged_safetensors_never_crash(void **state) {
    (void)state;
    const char *path = scratch_path("m.safetensors");
    write_sample(path);
    uint8_t *whole;
    size_t bytes, refused = 0;
    assert_int_equal(rf_file_read(path, 0, &whole, &bytes), RF_OK);
    for (uint32_t i = 0; i < 2000; i++) {
        rf_rng rng = rf_rng_make(3, 0, i, RF_STREAM_TEST);
        uint8_t *copy = rf_alloc(2 * bytes, 1);
        memcpy(copy, whole, bytes);
        size_t length = mutate(&rng, copy, bytes);
        uint8_t *exact =
            rf_alloc(length, 1); /* an allocation of its own, so that a sanitizer sees reads past the end */
        memcpy(exact, copy, length);
        rf_free(copy);
        rf_st_file *file;
        rf_fail(RF_OK, "%s", "");
        rf_status status = rf_st_parse("m", exact, length, &file);
        if (status == RF_OK) {
            uint32_t sum = 0;
            for (size_t t = 0; t < file->count; t++) sum = rf_crc32(sum, file->tensors[t].data, file->tensors[t].bytes);
            assert_true(file->count <= 5 || sum != 0);
            rf_st_free(file);
        } else {
            assert_int_equal(status, RF_ERR_FORMAT);
            assert_true(strncmp(rf_error_message(), "m: ", 3) == 0);
            refused++;
        }
    }
    rf_free(whole);
    assert_true(refused > 1000); /* the rest changed names, values of metadata or padding */
}

static void damaged_configurations_never_crash(void **state) {
    (void)state;
    rf_config defaults, config;
    rf_config_defaults(&defaults);
    char *whole;
    assert_int_equal(rf_config_text(&defaults, &whole), RF_OK);
    size_t length = strlen(whole), refused = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        rf_rng rng = rf_rng_make(4, 0, i, RF_STREAM_TEST);
        uint8_t *copy = rf_alloc(2 * length + 1, 1);
        memcpy(copy, whole, length);
        copy[mutate(&rng, copy, length)] = 0;
        rf_status status = rf_config_parse("m.ini", (const char *)copy, NULL, 0, &config);
        if (status == RF_OK) {
            char *text;
            assert_int_equal(rf_config_text(&config, &text), RF_OK);
            rf_free(text);
        } else {
            assert_int_equal(status, RF_ERR_USER);
            assert_true(strncmp(rf_error_message(), "m.ini:", 6) == 0);
            refused++;
        }
        rf_free(copy);
    }
    rf_free(whole);
    assert_true(refused > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(wrong_json_is_refused_with_its_place),
        cmocka_unit_test(safetensors_round_trip),
        cmocka_unit_test(unwritable_tensors_are_refused),
        cmocka_unit_test(wrong_safetensors_are_told_apart),
        cmocka_unit_test(foreign_safetensors_are_read_aligned),
        cmocka_unit_test(damaged_safetensors_never_crash),
        cmocka_unit_test(damaged_configurations_never_crash),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
