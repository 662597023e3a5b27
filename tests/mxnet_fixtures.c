/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/mxnet_fixtures.h"

#include <string.h>

static void put(rf_text *t, uint64_t value, int n) {
    for (int i = 0; i < n; i++) rf_text_put_bytes(t, (const char[]){(char)(value >> (8 * i))}, 1);
}

void mxnet_file(const rf_st_tensor *tensors, size_t count, int version, rf_text *out) {
    static const unsigned types[] = {[RF_F32] = 0, [RF_F64] = 1, [RF_I64] = 6, [RF_I32] = 4, [RF_U8] = 3, [RF_F16] = 2};
    put(out, 0x112, 8);
    put(out, 0, 8);
    put(out, count, 8);
    for (size_t i = 0; i < count; i++) {
        const rf_st_tensor *t = &tensors[i];
        put(out, 0xf993fac7u + (unsigned)version, 4);
        if (version > 1) put(out, 0, 4); /* dense */
        put(out, (uint64_t)t->n_dims, 4);
        for (int d = 0; d < t->n_dims; d++) put(out, t->dims[d], 8);
        put(out, 1, 4); /* CPU 0 */
        put(out, 0, 4);
        put(out, types[t->dtype], 4);
        rf_text_put_bytes(out, t->data, t->bytes);
    }
    put(out, count, 8);
    for (size_t i = 0; i < count; i++) {
        put(out, strlen(tensors[i].name), 8);
        rf_text_put(out, tensors[i].name);
    }
}
