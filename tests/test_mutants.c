/* SPDX-License-Identifier: Apache-2.0 */
/* Every parser's seeds for `make fuzz`, whole and damaged in the same way each time, without libFuzzer: a target ends
 * the process when a parser does anything but read or refuse its input. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"

int seeds_main(int argc, char **argv);
int fuzz_checkpoint_begin(int *argc, char ***argv);
int fuzz_mat_begin(int *argc, char ***argv);

/* Rounds a seed: so many that all of them take about a second and a half. */
#define TARGETS(X)                                                                                                     \
    X(annotation, 1000)                                                                                                \
    X(config, 100)                                                                                                     \
    X(checkpoint, 20)                                                                                                  \
    X(coco, 1000)                                                                                                      \
    X(film, 60)                                                                                                        \
    X(image, 20)                                                                                                       \
    X(json, 2000)                                                                                                      \
    X(mat, 1000)                                                                                                       \
    X(mxnet, 6000)                                                                                                     \
    X(ncnn, 500)                                                                                                       \
    X(onnx, 1000)                                                                                                      \
    X(protocol, 300)                                                                                                   \
    X(predictions, 200)                                                                                                \
    X(rows, 500)                                                                                                       \
    X(safetensors, 8000)                                                                                               \
    X(torch, 8000)                                                                                                     \
    X(tools, 300)                                                                                                      \
    X(voc, 500)                                                                                                        \
    X(mesh, 1000)                                                                                                      \
    X(wts, 1000)

#define X(name, rounds) int fuzz_##name(const uint8_t *data, size_t size);
TARGETS(X)
#undef X

static const struct {
    const char *name;
    int (*run)(const uint8_t *data, size_t size);
    unsigned rounds;
} targets[] = {
#define X(name, rounds) {#name, fuzz_##name, rounds},
    TARGETS(X)
#undef X
};

static char folder[64];

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rf_mutants_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    char good[80];
    snprintf(good, sizeof good, "%s/mat_good", folder);
    return setenv("RF_FUZZ_MAT", good, 1) || seeds_main(2, (char *[]){(char[]){"seeds"}, folder}) ||
           fuzz_checkpoint_begin(NULL, NULL) || fuzz_mat_begin(NULL, NULL);
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Numbers at which bounds break. */
static void put_number(rf_rng *rng, uint8_t *at, size_t room) {
    static const uint64_t numbers[] = {0,          1,          0x7f,       0x80,       0xff,        0x7fff,
                                       0xffff,     0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x4000000000000000,
                                       UINT64_MAX, 0xf993fac9};
    uint64_t value = numbers[rf_rng_below(rng, sizeof numbers / sizeof *numbers)];
    size_t n = (size_t)1 << rf_rng_below(rng, 4);
    memcpy(at, &value, n < room ? n : room);
}

/* One damage; returns the new size. `data` has room for `room` bytes. */
static size_t damage(rf_rng *rng, uint8_t *data, size_t size, size_t room) {
    if (size < 2) return size;
    size_t at = 1 + rf_rng_below(rng, (uint32_t)size - 1), n = 1 + rf_rng_below(rng, 16);
    if (n > size - at) n = size - at;
    switch (rf_rng_below(rng, 7)) {
    case 0: /* a bit */
        data[at] ^= (uint8_t)(1 << rf_rng_below(rng, 8));
        return size;
    case 1:
        data[at] = (uint8_t)rf_rng_u32(rng);
        return size;
    case 2:
    case 3:
        put_number(rng, data + at, size - at);
        return size;
    case 4: /* a piece is missing */
        memmove(data + at, data + at + n, size - at - n);
        return size - n;
    case 5: /* a piece occurs twice */
        if (size + n > room) return size;
        memmove(data + at + n, data + at, size - at);
        return size + n;
    default: /* the end is missing; rarely, or little else would be tried */
        return rf_rng_below(rng, 4) ? size : at;
    }
}

static void replay(size_t target, const char *path, uint64_t seed) {
    uint8_t *data;
    size_t size;
    assert_int_equal(rf_file_read(path, 0, &data, &size), RF_OK);
    targets[target].run(data, size);
    for (unsigned round = 0; round < targets[target].rounds; round++) {
        rf_rng rng = rf_rng_make(23, (uint32_t)seed, round, RF_STREAM_TEST);
        size_t room = size + 64, used = size;
        uint8_t *copy = rf_alloc(room, 1);
        assert_non_null(copy);
        memcpy(copy, data, size);
        for (uint32_t k = 1 + rf_rng_below(&rng, 3); k > 0; k--) used = damage(&rng, copy, used, room);
        targets[target].run(copy, used);
        rf_free(copy);
    }
    rf_free(data);
}

/* A new target must be listed here. */
static void every_target_is_replayed(void **state) {
    (void)state;
    char **names;
    size_t n, found = 0;
    assert_int_equal(rf_dir_list("tests/fuzz", ".c", false, &names, &n), RF_OK);
    for (size_t i = 0; i < n; i++) {
        char name[64];
        bool listed = sscanf(names[i], "fuzz_%50[a-z0-9_]", name) != 1;
        for (size_t t = 0; !listed && t < sizeof targets / sizeof *targets; t++)
            found += listed = strcmp(targets[t].name, name) == 0;
        if (!listed) fail_msg("%s is not replayed", names[i]);
    }
    assert_int_equal(found, sizeof targets / sizeof *targets);
    rf_names_free(names, n);
}

static void damaged_seeds_are_read_or_refused(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        char dir[128], path[512], **names;
        size_t n;
        snprintf(dir, sizeof dir, "%s/%s", folder, targets[t].name);
        assert_int_equal(rf_dir_list(dir, NULL, false, &names, &n), RF_OK);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
            snprintf(path, sizeof path, "%s/%s", dir, names[i]);
            replay(t, path, i);
        }
        rf_names_free(names, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_target_is_replayed),
                                       cmocka_unit_test(damaged_seeds_are_read_or_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
