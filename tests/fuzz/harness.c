/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/fuzz/harness.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/mem.h"
#include "data/annotation.h"
#include "data/convert.h"

const char *harness_file(int slot, const void *data, size_t size) {
    static int files[4] = {-1, -1, -1, -1};
    static char paths[4][32];
    if (files[slot] < 0) {
        files[slot] = memfd_create("fuzz", 0);
        snprintf(paths[slot], sizeof paths[slot], "/proc/self/fd/%d", files[slot]);
    }
    bool written =
        files[slot] >= 0 && ftruncate(files[slot], 0) == 0 && pwrite(files[slot], data, size, 0) == (ssize_t)size;
    if (!written) {
        perror("harness_file");
        exit(1);
    }
    return paths[slot];
}

void harness_begin(void) {
    rf_fail(RF_OK, "%s", "");
}

void harness_end(rf_status status) {
    if (status != RF_OK) assert(*rf_error_message());
    assert(status >= RF_OK && status < RF_ERR_INTERRUPTED);
}

uint8_t *harness_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = rf_alloc(size, 1);
    if (!copy) exit(1);
    memcpy(copy, data, size);
    return copy;
}

static void check_intake(const rf_intake *in) {
    for (size_t i = 0; i < in->n_images; i++) {
        const rf_intake_image *m = &in->images[i];
        const char *name = m->name ? m->name : m->stem;
        assert(name && *name && *name != '/' && !strstr(name, "/../") && strncmp(name, "../", 3) != 0);
        assert(m->line > 0 && m->declared_width >= 0 && m->declared_height >= 0);
    }
    for (size_t i = 0; i < in->n_faces; i++) {
        const rf_intake_face *f = &in->faces[i];
        assert(f->image < in->n_images && f->category < (int)in->n_categories);
        for (int k = 0; k < 4; k++) assert(isfinite(f->face.box[k]));
        for (int k = 0; k < 2 * f->face.n_points; k++) assert(isfinite(f->face.points[k]));
    }
}

void harness_convert(const char *format, const uint8_t *data, size_t size) {
    const rf_converter *converter;
    if (rf_converter_find(format, false, &converter) != RF_OK) exit(1);
    uint8_t *copy = rf_alloc(size + 1, 1); /* as rf_file_read gives it */
    if (!copy) exit(1);
    memcpy(copy, data, size);
    rf_source source = {.path = "fuzz", .text = (const char *)copy, .bytes = size, .name = "sub/a.txt"};
    rf_intake intake = {.root = "/images"};
    harness_begin();
    rf_status status = converter->binary ? RF_OK : rf_text_check("fuzz", (const char *)copy, size);
    if (status == RF_OK) status = rf_intake_file(&intake, "fuzz");
    if (status == RF_OK) status = converter->read(&source, &intake);
    harness_end(status);
    if (status == RF_OK) check_intake(&intake);
    rf_intake_free(&intake);
    rf_free(copy);
}

void harness_touch(const void *data, size_t size) {
    static volatile uint8_t sum;
    for (size_t i = 0; i < size; i++) sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}
