/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors files. Byte 0 odd: the rest is the file. Even: the rest is the header; its size and 64 bytes of data are
 * added. */
#include <assert.h>
#include <string.h>

#include "core/mem.h"
#include "core/safetensors.h"
#include "tests/fuzz/harness.h"

enum { DATA_BYTES = 64 };

static void check(const rf_st_file *file) {
    for (size_t i = 0; i < file->count; i++) {
        const rf_st_tensor *t = &file->tensors[i];
        const uint8_t *data = t->data;
        size_t bytes = rf_dtype_bytes(t->dtype);
        assert(t->n_dims >= 0 && t->n_dims <= 8);
        for (int d = 0; d < t->n_dims; d++) bytes *= t->dims[d];
        assert(bytes == t->bytes && data >= file->buffer && data + bytes <= file->buffer + file->buffer_bytes);
        assert((uintptr_t)data % rf_dtype_bytes(t->dtype) == 0);
        harness_touch(data, bytes);
        assert(rf_st_find(file, t->name) == t);
    }
    for (size_t i = 0; i < file->meta_count; i++) assert(rf_st_meta(file, file->meta_keys[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    uint64_t header = size - 1;
    uint8_t *copy;
    if (*data & 1) {
        copy = harness_copy(data + 1, size - 1);
        size--;
    } else {
        copy = rf_alloc(sizeof header + (size_t)header + DATA_BYTES, 1);
        memcpy(copy, &header, sizeof header);
        memcpy(copy + sizeof header, data + 1, (size_t)header);
        size = sizeof header + (size_t)header + DATA_BYTES;
    }
    rf_st_file *file = NULL;
    harness_begin();
    rf_status status = rf_st_parse("fuzz", copy, size, &file);
    harness_end(status);
    if (status != RF_OK) return 0;
    check(file);
    rf_st_free(file);
    return 0;
}
