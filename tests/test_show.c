/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others: how it is shown, in messages, JSON and pictures, and where the files that it names may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <expat.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/below.h"
#include "core/chart.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/show.h"
#include "tests/scratch.h"

static void hidden_characters_are_shown(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"photo.jpg", "photo.jpg"},
        {"caf\xc3\xa9 \xe4\xbd\xa0 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe4\xbd\xa0 \xf0\x9f\x98\x80"},
        {"C:\\x1b\\new", "C:\\x1b\\new"},
        {"\x1b[31mred\a\n\r\t\x7f", "\\x1b[31mred\\x07\\x0a\\x0d\\x09\\x7f"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"}, /* the one-byte form of ESC [ */
        {"a\xe2\x80\xae"
         "gpj.exe",
         "a\\xe2\\x80\\xaegpj.exe"}, /* right to left override */
        {"a\xe2\x81\xa6"
         "b\xd8\x9c",
         "a\\xe2\\x81\\xa6b\\xd8\\x9c"}, /* isolates, Arabic letter mark */
        {"\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf", "\\xe2\\x80\\xa8\\xe2\\x80\\x8b\\xef\\xbb\\xbf"},
        {"\xff\xc3.jpg\xed\xa0\x80\xf4\x90\x80\x80", "\\xff\\xc3.jpg\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"},
        {"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shown[256], again[256];
        assert_int_equal(rf_show_into(shown, sizeof shown, cases[i][0]), strlen(cases[i][1]));
        assert_string_equal(shown, cases[i][1]);
        rf_show_into(again, sizeof again, shown);
        assert_string_equal(again, shown);
    }
    char small[8];
    assert_int_equal(rf_show_into(small, sizeof small, "abc\xe4\xbd\xa0\xe4\xbd\xa0"), 6);
    assert_string_equal(small, "abc\xe4\xbd\xa0");
    assert_int_equal(rf_show_into(small, sizeof small, "\x1b\x1b"), 4);
}

static void messages_are_one_line_of_utf8(void **state) {
    (void)state;
    rf_fail(RF_ERR_USER, "no '%s' in '%s'", "a\nrf-eval: done\x1b[2K", "b\xff");
    assert_string_equal(rf_error_message(), "no 'a\\x0arf-eval: done\\x1b[2K' in 'b\\xff'");
    rf_fail_context(RF_ERR_USER, "list '%s'", "x\r\xe2\x80\xae");
    assert_string_equal(rf_error_message(),
                        "list 'x\\x0d\\xe2\\x80\\xae': no 'a\\x0arf-eval: done\\x1b[2K' in 'b\\xff'");
    char name[3000];
    for (size_t i = 0; i + 3 < sizeof name; i += 3) memcpy(name + i, "\xe4\xbd\xa0", 4); /* cut between letters */
    for (int shift = 0; shift < 3; shift++) {
        rf_fail(RF_ERR_USER, "%.*s%s", shift, "abc", name);
        assert_true(rf_json_is_utf8(rf_error_message()));
        assert_in_range(strlen(rf_error_message()), 1018, 1023);
        assert_null(strstr(rf_error_message(), "\\x"));
    }
}

static void shown_as(const char *expected, const char *fmt, ...) {
    rf_text t = {0};
    char *text;
    va_list args;
    va_start(args, fmt);
    rf_show_vprintf(&t, fmt, args);
    va_end(args);
    assert_int_equal(rf_text_finish(&t, &text, NULL), RF_OK);
    assert_string_equal(text, expected);
    rf_free(text);
}

static void formats_are_printed_as_printf_does(void **state) {
    (void)state;
    shown_as("a\\x0ab\n", "%s\n", "a\nb");
    shown_as("[ab   ][   ab][abc][\xc3\xa9  ]", "[%-5s][%5s][%.3s][%-3s]", "ab", "ab", "abcdef", "\xc3\xa9");
    shown_as("[  ab][ab  ]", "[%*.*s][%*s]", 4, 2, "abc", -4, "ab");
    shown_as("-5 4000000000 ff 0x1f 017 100%", "%d %u %x %#x %#o %d%%", -5, 4000000000u, 255, 31, 15, 100);
    shown_as("18446744073709551615 -9223372036854775808", "%zu %lld", SIZE_MAX, (long long)INT64_MIN);
    shown_as("-7 7 00042 +3", "%ld %lu %05d %+d", -7L, 7UL, 42, 3);
    shown_as("1.500000 1.5 2 1e+10 0.33 nan", "%f %.1f %.0f %g %.2g %g", 1.5, 1.5, 2.0, 1e10, 1.0 / 3, (double)NAN);
    shown_as("[  1.25][1.25  ][01.25]", "[%6.2f][%-6.2f][%05.2f]", 1.25, 1.25, 1.25);
    shown_as("x\\x1b", "%c%c", 'x', 27);
    shown_as("", "%s", "");
}

static char *json_of(const char *text) {
    rf_json_writer w = {0};
    char *json = NULL;
    rf_json_begin_object(&w, NULL);
    rf_json_put_string(&w, text, text);
    rf_json_end_object(&w);
    assert_int_equal(rf_json_finish(&w, &json), RF_OK);
    return json;
}

static void json_holds_any_bytes(void **state) {
    (void)state;
    rf_rng rng = rf_rng_make(1, 2, 3, RF_STREAM_TEST);
    for (int round = 0; round < 2000; round++) {
        char text[32], shown[1024];
        size_t n = 1 + rf_rng_u32(&rng) % 30;
        for (size_t i = 0; i < n; i++) text[i] = (char)(1 + rf_rng_u32(&rng) % 255);
        text[n] = 0;
        char *json = json_of(text);
        assert_true(rf_json_is_utf8(json));
        rf_show_into(shown, sizeof shown, json);
        assert_string_equal(shown, json); /* nothing to hide */
        rf_json *root;
        assert_int_equal(rf_json_parse(json, strlen(json), &root), RF_OK);
        const char *back;
        assert_true(rf_json_string(rf_json_first(root), &back));
        if (rf_json_is_utf8(text)) assert_string_equal(back, text);
        rf_json_free(root);
        rf_free(json);
    }
    char *json = json_of("a\xff\x1b\xe2\x80\xae\xf3\xa0\x81\x81");
    assert_non_null(strstr(json, "\"a\\\\xff\\u001b\\u202e\\udb40\\udc41\""));
    rf_free(json);
}

static void pictures_are_xml_whatever_they_are_named(void **state) {
    (void)state;
    static const char *const names[] = {
        "a<b>&\"c\"",  "\xff\xfe.jpg", "esc\x1b[1m\n", "\xc3", "\xef\xbf\xbe\xef\xbf\xbf",
        "caf\xc3\xa9", "]]>",          "\xed\xa0\x80"};
    const double x[] = {0, 1}, y[] = {0, 1};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rf_series series = {names[i], x, y, 2, false, false};
        rf_chart chart = {names[i], {names[i], 0, 1, false}, {names[i], 0, 1, false}, &series, 1, false, false};
        uint8_t *data;
        size_t bytes;
        assert_int_equal(rf_chart_write(scratch_path("c.svg"), &chart), RF_OK);
        assert_int_equal(rf_file_read(scratch_path("c.svg"), 0, &data, &bytes), RF_OK);
        XML_Parser parser = XML_ParserCreate(NULL);
        if (XML_Parse(parser, (const char *)data, (int)bytes, 1) != XML_STATUS_OK)
            fail_msg("name %zu: %s", i, XML_ErrorString(XML_GetErrorCode(parser)));
        XML_ParserFree(parser);
        rf_free(data);
    }
}

static void names_stay_below_their_folder(void **state) {
    (void)state;
    static const char *const bad[] = {"../x.txt", "a/../../x.txt", "a/..", "..", "/etc/x", "//x", "", ".", "./.", "a/"};
    static const char *const good[][2] = {
        {"x.txt", "out/x.txt"},     {"0--A/x.jpg", "out/0--A/x.jpg"}, {"./a//b.jpg", "out/a/b.jpg"},
        {"..a/b..", "out/..a/b.."}, {"a\\..\\b", "out/a_.._b"},       {"..\\..\\b", "out/.._.._b"},
        {"...", "out/..."}};
    char *path;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (rf_below_path("out", bad[i], &path) != RF_ERR_USER) fail_msg("taken: %s", bad[i]);
        assert_null(path);
        assert_int_equal(rf_below_make(scratch_path("none"), bad[i], &path), RF_ERR_USER);
        assert_false(rf_dir_exists(scratch_path("none")));
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(rf_below_path("out", good[i][0], &path), RF_OK);
        assert_string_equal(path, good[i][1]);
        rf_free(path);
    }
}

static void links_do_not_lead_out(void **state) {
    (void)state;
    char *path;
    assert_int_equal(rf_dir_make(scratch_path("else")), RF_OK);
    assert_int_equal(rf_dir_make(scratch_path("real/in")), RF_OK);
    assert_int_equal(symlink(scratch_path("else"), scratch_path("real/leak")), 0);
    assert_int_equal(symlink("in", scratch_path("real/alias")), 0);
    assert_int_equal(symlink("nowhere", scratch_path("real/dangling")), 0);
    assert_int_equal(symlink("real", scratch_path("out")), 0); /* the user's own choice */
    assert_int_equal(rf_below_make(scratch_path("out"), "leak/x.txt", &path), RF_ERR_USER);
    assert_non_null(strstr(rf_error_message(), "leads out of"));
    assert_int_equal(rf_below_make(scratch_path("out"), "leak/deeper/x.txt", &path), RF_ERR_USER);
    assert_false(rf_dir_exists(scratch_path("else/deeper")));
    assert_int_equal(rf_below_make(scratch_path("out"), "dangling/x.txt", &path), RF_ERR_IO);
    assert_int_equal(rf_below_make(scratch_path("out"), "alias/new/x.txt", &path), RF_OK);
    assert_true(rf_dir_exists(scratch_path("real/in/new")));
    rf_free(path);
    assert_int_equal(rf_below_make(scratch_path("out/"), "x.txt", &path), RF_OK);
    rf_free(path);
    assert_int_equal(rf_below_make(scratch_path("made"), "a/x.txt", &path), RF_OK);
    assert_true(rf_dir_exists(scratch_path("made/a")));
    rf_free(path);
}

static void leaves_are_single_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"ap@0.5", "ap@0.5"}, {"../../x", "_._.._x"}, {"a/b\\c", "a_b_c"}, {"", "_"},
                                           {".", "_"},           {"x\n", "x_"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *leaf = rf_below_leaf(cases[i][0]);
        assert_string_equal(leaf, cases[i][1]);
        rf_free(leaf);
    }
}

static void taken(rf_distinct *names, const char *wanted, const char *expected, const char *expected_twin) {
    char *name;
    const char *twin;
    assert_int_equal(rf_distinct_take(names, wanted, &name, &twin), RF_OK);
    assert_string_equal(name, expected);
    if (expected_twin)
        assert_string_equal(twin, expected_twin);
    else
        assert_null(twin);
    rf_free(name);
}

static void names_are_handed_out_once(void **state) {
    (void)state;
    rf_distinct *names = rf_distinct_new();
    taken(names, "a.jpg", "a.jpg", NULL);
    taken(names, "a.jpg", "a-2.jpg", NULL);
    taken(names, "a-2.jpg", "a-2-2.jpg", NULL);
    taken(names, "a.jpg", "a-3.jpg", NULL);
    taken(names, "a.png", "a.png", NULL);
    taken(names, "A.jpg", "A.jpg", "a.jpg");
    taken(names, "d.x/a", "d.x/a", NULL);
    taken(names, "d.x/a", "d.x/a-2", NULL);
    taken(names, ".hidden", ".hidden", NULL);
    taken(names, ".hidden", ".hidden-2", NULL);
    for (int i = 0; i < 20000; i++) { /* many of one name, without trying them all */
        char *name;
        assert_int_equal(rf_distinct_take(names, "frame.png", &name, NULL), RF_OK);
        if (i == 19999) assert_string_equal(name, "frame-20000.png");
        rf_free(name);
    }
    rf_distinct_free(names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_characters_are_shown),
        cmocka_unit_test(messages_are_one_line_of_utf8),
        cmocka_unit_test(formats_are_printed_as_printf_does),
        cmocka_unit_test(json_holds_any_bytes),
        cmocka_unit_test(pictures_are_xml_whatever_they_are_named),
        cmocka_unit_test(names_stay_below_their_folder),
        cmocka_unit_test(links_do_not_lead_out),
        cmocka_unit_test(leaves_are_single_names),
        cmocka_unit_test(names_are_handed_out_once),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
