/* SPDX-License-Identifier: Apache-2.0 */
/* Status, memory and its faults, text, random numbers, signals and clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "settings/settings.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/safetensors.h"
#include "core/signals.h"
#include "core/status.h"
#include "core/text.h"

static void status_keeps_context_and_cuts_long_messages(void **state) {
    (void)state;
    assert_int_equal(rf_fail(RF_ERR_USER, "batch is %d", 3), RF_ERR_USER);
    assert_int_equal(rf_fail_context(RF_ERR_FORMAT, "%s:%d", "a.ini", 7), RF_ERR_FORMAT);
    assert_string_equal(rf_error_message(), "a.ini:7: batch is 3");
    rf_fail(RF_ERR_USER, "again: %s", rf_error_message());
    assert_string_equal(rf_error_message(), "again: a.ini:7: batch is 3");
    char *blob = malloc(5000);
    memset(blob, 'x', 4999);
    blob[4999] = 0;
    rf_fail(RF_ERR_USER, "%s", blob);
    assert_int_equal(strlen(rf_error_message()), 1023);
    rf_fail_context(RF_ERR_USER, "%s", blob);
    assert_int_equal(strlen(rf_error_message()), 1023);
    free(blob);
    assert_int_equal(rf_exit_code(RF_OK), 0);
    assert_int_equal(rf_exit_code(RF_ERR_IO), 2);
    assert_int_equal(rf_exit_code(RF_ERR_NOMEM), 3);
    assert_int_equal(rf_exit_code(RF_ERR_NONFINITE), 4);
    assert_int_equal(rf_exit_code(RF_ERR_INTERRUPTED), 130);
}

static void memory_is_zeroed_aligned_and_checked(void **state) {
    (void)state;
    unsigned char *a = rf_alloc(100, 3);
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (int i = 0; i < 300; i++) assert_int_equal(a[i], 0);
    memset(a, 7, 300);
    unsigned char *b = rf_realloc(a, 100, 200, 3);
    assert_non_null(b);
    for (int i = 0; i < 600; i++) assert_int_equal(b[i], i < 300 ? 7 : 0);
    rf_alloc_fail_at(1);
    assert_null(rf_realloc(b, 200, 300, 3));
    assert_int_equal(b[299], 7);
    assert_null(rf_alloc(SIZE_MAX / 2, 3));
    assert_non_null(strstr(rf_error_message(), "out of memory"));
    rf_free(b);
    rf_free(rf_alloc(0, 8));
    size_t out = 5;
    assert_false(rf_size_mul(SIZE_MAX, 2, &out));
    assert_false(rf_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_true(rf_size_mul(6, 7, &out) && out == 42);
    char *copy = rf_strndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    rf_free(copy);
}

static void blocks_are_zeroed_and_count_as_allocations(void **state) {
    (void)state;
    size_t bytes = (size_t)64 << 20;
    unsigned char *block = rf_block_alloc(bytes);
    assert_non_null(block);
    assert_true(block[0] == 0 && block[bytes - 1] == 0);
    memset(block, 1, bytes);
    assert_true(rf_peak_rss() >= bytes);
    rf_block_free(block, bytes);
    rf_block_free(NULL, 0);
    rf_alloc_fail_at(1);
    assert_null(rf_block_alloc(4096));
    assert_non_null(strstr(rf_error_message(), "out of memory"));
}

static void an_injected_fault_hits_exactly_the_nth_allocation(void **state) {
    (void)state;
    uint64_t before = rf_alloc_count();
    rf_alloc_fail_at(2);
    void *first = rf_alloc(1, 1), *second = rf_alloc(1, 1), *third = rf_alloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(rf_alloc_count() - before, 3);
    rf_alloc_fail_at(0);
    rf_free(first);
    rf_free(third);
}

static rf_status parse_some_json(void) {
    static const char text[] = "{\"a\":[1,2.5,{\"b\":\"text\"}],\"c\":null,\"d\":true}";
    rf_json *root;
    RF_TRY(rf_json_parse(text, sizeof text - 1, &root));
    rf_json_free(root);
    return RF_OK;
}

static rf_status parse_some_config(void) {
    static const char text[] = "[model]\npreset = paper\nbackbone = resnet18\n[train]\nbatch = 4\n";
    const char *overrides[] = {"optim.lr=0.5", "data.root=/tmp"};
    rf_config config;
    return rf_config_parse("x.ini", text, overrides, 2, &config);
}

static rf_status print_some_config(void) {
    rf_config config;
    rf_config_defaults(&config);
    char *text;
    RF_TRY(rf_config_text(&config, &text));
    rf_free(text);
    RF_TRY(rf_config_reference(&text));
    rf_free(text);
    return RF_OK;
}

static char tensor_path[64];

static rf_status write_and_read_tensors(void) {
    float data[6] = {1, 2, 3, 4, 5, 6};
    uint8_t bytes[3] = {1, 2, 3};
    char name[] = "w", other[] = "u";
    rf_st_tensor tensors[] = {{other, RF_U8, 1, {3}, bytes, 3}, {name, RF_F32, 2, {2, 3}, data, sizeof data}};
    const char *key = "k", *value = "v";
    rf_st_file *file;
    RF_TRY(rf_st_write(tensor_path, tensors, 2, &key, &value, 1));
    RF_TRY(rf_st_read(tensor_path, &file));
    assert_int_equal(file->count, 2);
    rf_st_free(file);
    return RF_OK;
}

/* Leaks show in the address-sanitizer build of this test. */
static void every_allocation_may_fail(rf_status (*action)(void), uint64_t at_least) {
    uint64_t n = 1;
    for (;; n++) {
        rf_alloc_fail_at(n);
        rf_status status = action();
        rf_alloc_fail_at(0);
        if (status == RF_OK) break;
        assert_int_equal(status, RF_ERR_NOMEM);
        assert_non_null(strstr(rf_error_message(), "out of memory"));
        assert_true(n < 10000);
    }
    if (n <= at_least) fail_msg("only %d allocations seen", (int)n - 1);
}

static void failing_allocations_are_reported(void **state) {
    (void)state;
    snprintf(tensor_path, sizeof tensor_path, "/tmp/rf_test_core_%ld.safetensors", (long)getpid());
    every_allocation_may_fail(parse_some_json, 8);
    every_allocation_may_fail(parse_some_config, 12);
    every_allocation_may_fail(print_some_config, 4);
    every_allocation_may_fail(write_and_read_tensors, 20);
    unlink(tensor_path);
}

static void text_grows_and_prints_reals_exactly(void **state) {
    (void)state;
    rf_text t = {0};
    char *text;
    size_t bytes;
    assert_int_equal(rf_text_finish(&t, &text, NULL), RF_OK);
    assert_string_equal(text, "");
    rf_free(text);
    for (int i = 0; i < 1000; i++) rf_text_printf(&t, "%d,", i);
    assert_int_equal(rf_text_finish(&t, &text, &bytes), RF_OK);
    assert_int_equal(bytes, 10 * 2 + 90 * 3 + 900 * 4);
    assert_string_equal(text + bytes - 8, "998,999,");
    rf_free(text);
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < 20000; i++) {
        double value = i == 0 ? 0.1 : i == 1 ? 1.0 / 3 : i == 2 ? 5e-324 : 0;
        uint64_t bits = (uint64_t)rf_rng_u32(&rng) << 32 | rf_rng_u32(&rng);
        if (i > 2) memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        rf_text_put_real(&t, value);
        assert_int_equal(rf_text_finish(&t, &text, NULL), RF_OK);
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof value);
        if (i == 0) assert_string_equal(text, "0.1");
        rf_free(text);
    }
}

/* Published vectors of Random123 1.09 (kat_vectors, philox4x32 with 10 rounds). */
static void random_numbers_match_the_published_vectors(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        rf_rng rng = {.used = 4};
        memcpy(rng.counter, known[k].counter, sizeof rng.counter);
        memcpy(rng.key, known[k].key, sizeof rng.key);
        for (int i = 0; i < 4; i++) assert_int_equal(rf_rng_u32(&rng), known[k].out[i]);
    }
    rf_rng rng = rf_rng_make(0, 0, 0, 0);
    assert_int_equal(rf_rng_u32(&rng), 0x6627e8d5);
}

static void random_numbers_are_uniform(void **state) {
    (void)state;
    enum { BINS = 256, DRAWS = 1 << 20 };
    rf_rng rng = rf_rng_make(7, 1, 2, RF_STREAM_TEST);
    unsigned counts[BINS] = {0}, small[7] = {0};
    for (int i = 0; i < DRAWS; i++) {
        float u = rf_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        counts[(int)(u * BINS)]++;
        if (i % 16 == 0) assert_in_range((int)(rf_rng_range(&rng, 10, 20)), 10, 19);
        small[rf_rng_below(&rng, 7)]++;
    }
    double chi = 0, chi7 = 0, expected = (double)DRAWS / BINS, expected7 = DRAWS / 7.0;
    for (int i = 0; i < BINS; i++) chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    for (int i = 0; i < 7; i++) chi7 += (small[i] - expected7) * (small[i] - expected7) / expected7;
    /* chi-square with 255 and 6 degrees of freedom: bounds at about 1e-4 on each side */
    assert_true(chi > 180 && chi < 345);
    assert_true(chi7 < 28);

    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = rf_rng_normal(&rng);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / DRAWS) < 5e-3);
    assert_true(fabs(squares / DRAWS - 1) < 7e-3);
}

static void random_streams_are_functions_of_their_name(void **state) {
    (void)state;
    uint64_t seen[5];
    rf_rng streams[5] = {rf_rng_make(1, 1, 1, 1), rf_rng_make(2, 1, 1, 1), rf_rng_make(1, 2, 1, 1),
                         rf_rng_make(1, 1, 2, 1), rf_rng_make(1, 1, 1, 2)};
    for (int i = 0; i < 5; i++) {
        seen[i] = (uint64_t)rf_rng_u32(&streams[i]) << 32 | rf_rng_u32(&streams[i]);
        for (int k = 0; k < i; k++) assert_true(seen[i] != seen[k]);
    }
    rf_rng again = rf_rng_make(1, 2, 1, 1);
    assert_true(((uint64_t)rf_rng_u32(&again) << 32 | rf_rng_u32(&again)) == seen[2]);

    uint32_t items[100];
    bool found[100] = {false};
    for (uint32_t i = 0; i < 100; i++) items[i] = i;
    rf_rng_shuffle(&again, items, 100);
    unsigned moved = 0;
    for (uint32_t i = 0; i < 100; i++) {
        assert_false(found[items[i]]);
        found[items[i]] = true;
        moved += items[i] != i;
    }
    assert_true(moved > 80);
    assert_true(rf_hash_name("") == 0xcbf29ce484222325u);
    assert_true(rf_hash_name("a") == 0xaf63dc4c8601ec8cu);
}

/* What a child does after the first signal of a kind: it tells that the flag is set, and waits. */
static pid_t start_waiting(int number) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a child that ignores the second signal must not stay */
        bool good = rf_signals_install() == RF_OK && raise(number) == 0 && rf_signal_pending() == number;
        if (!good || write(ready[1], "x", 1) != 1) _exit(9);
        for (;;) pause();
    }
    assert_true(child > 0);
    close(ready[1]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void signals_set_a_flag_and_the_second_one_ends(void **state) {
    (void)state;
    static const int kinds[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU};
    const struct timespec patience = {0, (long)(RF_SIGNAL_PATIENCE * 1e9) + 100000000};
    assert_int_equal(rf_signal_pending(), 0);
    rf_signal_raise(SIGTERM);
    assert_int_equal(rf_signal_pending(), SIGTERM);
    rf_signal_clear();
    assert_int_equal(rf_signal_pending(), 0);
    assert_string_equal(rf_signal_name(SIGHUP), "SIGHUP");
    assert_string_equal(rf_signal_name(SIGALRM), "a signal");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int result;
        pid_t child = start_waiting(kinds[i]);
        kill(child, kinds[i]); /* the same request again, as timeout(1) sends it to the process and to its group */
        nanosleep(&patience, NULL);
        assert_int_equal(waitpid(child, &result, WNOHANG), 0);
        kill(child, kinds[i]);
        bool ends = i < 2;
        if (!ends) {
            nanosleep(&(struct timespec){0, 50000000}, NULL);
            assert_int_equal(waitpid(child, &result, WNOHANG), 0);
            kill(child, SIGKILL);
        }
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFSIGNALED(result) && WTERMSIG(result) == (ends ? kinds[i] : SIGKILL));
    }
}

/* nohup(1) starts programs with SIGHUP ignored, and it stays so; a limit of file sizes is an error of a write. */
static void what_is_ignored_stays_so(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        struct sigaction big;
        signal(SIGHUP, SIG_IGN);
        bool good = rf_signals_install() == RF_OK && raise(SIGHUP) == 0 && rf_signal_pending() == 0 &&
                    sigaction(SIGXFSZ, NULL, &big) == 0 && big.sa_handler == SIG_IGN;
        _exit(good ? 0 : 9);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

static void clock_and_dates(void **state) {
    (void)state;
    char date[RF_DATE_BYTES];
    rf_date_text(0, date);
    assert_string_equal(date, "1970-01-01T00:00:00Z");
    rf_date_text(1709208000, date);
    assert_string_equal(date, "2024-02-29T12:00:00Z");
    double before = rf_clock_seconds();
    usleep(2000);
    double passed = rf_clock_seconds() - before;
    assert_true(passed >= 0.002 && passed < 5);
    assert_true(rf_clock_unix() > 1700000000);
    static const struct {
        double seconds;
        const char *text;
    } durations[] = {{0, "0 s"},
                     {59.4, "59 s"},
                     {59.6, "1 min 00 s"},
                     {185, "3 min 05 s"},
                     {3599.4, "59 min 59 s"},
                     {3600, "1 h 00 min"},
                     {3900, "1 h 05 min"},
                     {86369, "23 h 59 min"},
                     {86399, "1 d 00 h"},
                     {183600, "2 d 03 h"},
                     {-1, "?"},
                     {NAN, "?"},
                     {INFINITY, "?"}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        rf_duration_text(durations[i].seconds, date);
        assert_string_equal(date, durations[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_keeps_context_and_cuts_long_messages),
        cmocka_unit_test(memory_is_zeroed_aligned_and_checked),
        cmocka_unit_test(blocks_are_zeroed_and_count_as_allocations),
        cmocka_unit_test(an_injected_fault_hits_exactly_the_nth_allocation),
        cmocka_unit_test(failing_allocations_are_reported),
        cmocka_unit_test(text_grows_and_prints_reals_exactly),
        cmocka_unit_test(random_numbers_match_the_published_vectors),
        cmocka_unit_test(random_numbers_are_uniform),
        cmocka_unit_test(random_streams_are_functions_of_their_name),
        cmocka_unit_test(signals_set_a_flag_and_the_second_one_ends),
        cmocka_unit_test(what_is_ignored_stays_so),
        cmocka_unit_test(clock_and_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
