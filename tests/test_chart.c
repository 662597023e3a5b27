/* SPDX-License-Identifier: Apache-2.0 */
/* Charts: axes by hand, what is drawn and what is not. */
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

#include "core/chart.h"
#include "core/file.h"
#include "core/mem.h"

static rf_axis rounded(double lo, double hi, bool log) {
    rf_axis axis = {"", INFINITY, -INFINITY, log};
    rf_axis_include(&axis, lo);
    rf_axis_include(&axis, hi);
    rf_axis_include(&axis, NAN);
    rf_axis_round(&axis);
    return axis;
}

static void axes_by_hand(void **state) {
    (void)state;
    static const struct {
        double lo, hi;
        bool log;
        double want_lo, want_hi;
    } cases[] = {
        {0, 14.9, false, 0, 16},  {0, 15, false, 0, 16},  {0.12, 0.98, false, 0.1, 1},
        {-3, 7, false, -3, 7},    {5, 5, false, 5, 6},    {NAN, NAN, false, 0, 1},
        {0.9, 34, true, 0.5, 50}, {1, 10, true, 1, 20},   {0.023, 0.021, true, 0.02, 0.05},
        {-1, 3, true, 2, 5},      {NAN, NAN, true, 1, 2}, {1e-7, 1e5, true, 1e-7, 2e5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rf_axis axis = rounded(cases[i].lo, cases[i].hi, cases[i].log);
        if (fabs(axis.lo - cases[i].want_lo) > 1e-9 * fabs(cases[i].want_lo) + 1e-12 ||
            fabs(axis.hi - cases[i].want_hi) > 1e-9 * fabs(cases[i].want_hi))
            fail_msg("case %d: %.17g to %.17g", (int)i, axis.lo, axis.hi);
    }
}

static int occurrences(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static void drawing(void **state) {
    (void)state;
    char path[] = "/tmp/rf_test_chart_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const double x[] = {0, 1, 2, 3, 99}, y[] = {10, 1, NAN, 0.1, 1}, nothing[] = {-1};
    rf_series series[] = {{.name = "a<b", .x = x, .y = y, .n = 5, .marks = true},
                          {.name = "outside", .x = nothing, .y = nothing, .n = 1, .no_line = true},
                          {.name = "dots", .x = x, .y = x, .n = 2, .no_line = true}};
    rf_chart chart = {"T & t", {"epoch", 0, 3, false}, {"loss", 0.1, 10, true}, series, 3, true, false};
    uint8_t *data[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        if (rf_chart_write(path, &chart) != RF_OK) fail_msg("%s", rf_error_message());
        assert_int_equal(rf_file_read(path, 0, &data[i], &bytes[i]), RF_OK);
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_memory_equal(data[0], data[1], bytes[0]);
    const char *svg = (const char *)data[0];
    assert_int_equal(occurrences(svg, "<polyline"), 1);
    assert_int_equal(occurrences(svg, "<circle"),
                     6); /* 3 + 1, and 2 in the legend; one is not a number, one is right of the axis */
    assert_int_equal(occurrences(svg, "nan"), 0);
    assert_int_equal(occurrences(svg, "a&lt;b"), 1);
    assert_int_equal(occurrences(svg, "T &amp; t"), 1);
    static const char *const labels[] = {">0.1<", ">0.2<", ">0.5<", ">1<", ">2<", ">5<", ">10<", ">2.5<"};
    for (int i = 0; i < 8; i++) assert_true(occurrences(svg, labels[i]) >= 1);
    /* y = 1 is the middle of a logarithmic axis from 0.1 to 10: 50 + 428 / 2; x = 1 a third of the width. */
    assert_non_null(strstr(svg, "278.7,264.0"));
    rf_free(data[0]);
    rf_free(data[1]);
    chart.n_series = RF_CHART_SERIES + 1;
    assert_int_equal(rf_chart_write(path, &chart), RF_ERR_USER);
    unlink(path);
    chart.n_series = 0;
    assert_int_equal(rf_chart_write("/nowhere/at/all.svg", &chart), RF_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(axes_by_hand), cmocka_unit_test(drawing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
