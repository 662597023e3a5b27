#define _GNU_SOURCE
#include "tests/fuzz/harness.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/mem.h"

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

void harness_touch(const void *data, size_t size) {
    static volatile uint8_t sum;
    for (size_t i = 0; i < size; i++) sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}
