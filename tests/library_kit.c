/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cexport_model.h"
#include "tests/library_kit.h"
#include "tests/scratch.h"

unsigned char lib_rgb[H * W * 3];

void lib_done(int code) {
    if (code != RF_DONE) fail_msg("code %d: %s", code, rf_last_error());
}

/* An error of this kind, whose sentence holds these words. */
void lib_wrong(int code, int expected, const char *words) {
    if (code != expected || !strstr(rf_last_error(), words))
        fail_msg("code %d, expected %d with '%s': %s", code, expected, words, rf_last_error());
}

rf_detector_options lib_options(int threads) {
    rf_detector_options o;
    memset(&o, 0, sizeof o);
    o.size = sizeof o;
    o.threads = threads;
    return o;
}

rf_detector *lib_open(const char *name, int threads) {
    rf_detector *d = NULL;
    rf_detector_options o = lib_options(threads);
    char path[128]; /* scratch_path is not for several threads */
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    lib_done(rf_detector_open(path, &o, &d));
    assert_non_null(d);
    return d;
}

rf_picture lib_picture(unsigned char *pixels, int format) {
    rf_picture p = {pixels, W, H, 0, format};
    return p;
}

/* A number that stands for all bits of a result. */
uint64_t lib_digest(const rf_detection *faces, size_t n) {
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) {
        float all[15];
        memcpy(all, faces[i].box, sizeof faces[i].box);
        all[4] = faces[i].score;
        assert_int_equal(faces[i].n_points, 5);
        memcpy(all + 5, faces[i].points, 10 * sizeof *all);
        for (size_t k = 0; k < sizeof all; k++) sum = (sum ^ ((unsigned char *)all)[k]) * 1099511628211u;
    }
    return sum + n;
}

uint64_t lib_detect(rf_detector *d, const rf_picture *p, size_t *count) {
    const rf_detection *faces;
    size_t n;
    lib_done(rf_detector_detect(d, p, &faces, &n));
    if (count) *count = n;
    return lib_digest(faces, n);
}

int lib_make(void **state) {
    scratch_make(state);
    const char *sets[] = {"model.channels=16"};
    for (int i = 0; i < H * W; i++) {
        int x = i % W, y = i / W;
        lib_rgb[3 * i] = (unsigned char)(x * 7 + y * 3);
        lib_rgb[3 * i + 1] = (unsigned char)(x * y / 5);
        lib_rgb[3 * i + 2] = (unsigned char)((x / 9 + y / 7) % 2 * 200);
    }
    return cexport_random_model(scratch_path("face.safetensors"), 8, sets, 1) == RF_OK ? 0 : -1;
}

unsigned char *lib_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *data = malloc(1 << 22);
    assert_non_null(data);
    *size = fread(data, 1, 1 << 22, file);
    fclose(file);
    return data;
}
