/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mxnet_file.h"

#include <string.h>

#include "core/mem.h"

enum {
    LIST_MAGIC = 0x112,
    HEAD_BYTES = 16,
    ARRAY_BYTES = 12, /* the least that an array takes: magic, storage type, dimensions */
    MAX_NAME = 1024,
    MAX_ARRAYS = 1 << 16,
};
static const uint32_t magic_v1 = 0xf993fac8, magic_v2 = 0xf993fac9, magic_v3 = 0xf993faca;

/* By MXNet's type number (mshadow/base.h). */
static const struct {
    size_t bytes;
    bool usable;
    rf_dtype dtype;
} types[] = {{4, true, RF_F32}, {8, true, RF_F64}, {2, true, RF_F16}, {1, true, RF_U8},
             {4, true, RF_I32}, {1, false, RF_U8}, {8, true, RF_I64}};

typedef struct reader {
    const char *path;
    const uint8_t *data;
    size_t bytes, at;
    size_t *places; /* where each array's numbers begin */
} reader;

bool rf_mxnet_probe(const uint8_t *data, size_t bytes) {
    uint64_t magic = 0;
    if (bytes >= HEAD_BYTES) memcpy(&magic, data, sizeof magic);
    return magic == LIST_MAGIC;
}

static rf_status bad(const reader *r, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "%s: damaged MXNet file at byte %zu: %s; fetch or save it again", r->path, r->at,
                   what);
}

/* Little-endian number of n <= 8 bytes. */
static rf_status number(reader *r, size_t n, uint64_t *out) {
    *out = 0;
    if (r->bytes - r->at < n) return bad(r, "it is cut off");
    memcpy(out, r->data + r->at, n);
    r->at += n;
    return RF_OK;
}

/* The head of an array up to its dimensions; *empty when nothing follows them (an array that was never filled). */
static rf_status read_shape(reader *r, rf_st_tensor *t, bool *empty) {
    uint64_t magic, sparse = 0, n, dim;
    RF_TRY(number(r, 4, &magic));
    if (magic != magic_v1 && magic != magic_v2 && magic != magic_v3)
        return bad(r, "an array of an unknown version (before MXNet 0.12?)");
    if (magic != magic_v1) RF_TRY(number(r, 4, &sparse));
    if (sparse) return bad(r, "sparse arrays are not supported");
    RF_TRY(number(r, 4, &n));
    *empty = magic == magic_v3 ? n == UINT32_MAX : n == 0;
    if (*empty) return RF_OK;
    if (n > 8) return bad(r, "an array has more than 8 dimensions");
    t->n_dims = (int)n;
    for (int i = 0; i < t->n_dims; i++) {
        RF_TRY(number(r, 8, &dim));
        if (dim > r->bytes) return bad(r, "an array is larger than the file");
        t->dims[i] = (size_t)dim;
    }
    return RF_OK;
}

static rf_status read_array(reader *r, rf_st_tensor *t, size_t *place) {
    uint64_t device, type;
    bool empty;
    RF_TRY(read_shape(r, t, &empty));
    if (empty) return bad(r, "an array was saved before it was filled");
    RF_TRY(number(r, 8, &device));
    RF_TRY(number(r, 4, &type));
    if (type >= sizeof types / sizeof *types) return bad(r, "an array of an unknown type");
    if (!types[type].usable)
        return rf_fail(RF_ERR_FORMAT, "%s holds arrays of single signed bytes; save them as float32", r->path);
    t->dtype = types[type].dtype;
    t->bytes = types[type].bytes;
    for (int i = 0; i < t->n_dims; i++)
        if (!rf_size_mul(t->bytes, t->dims[i], &t->bytes)) return bad(r, "an array is larger than the file");
    if (t->bytes > r->bytes - r->at) return bad(r, "it is cut off");
    *place = r->at;
    r->at += t->bytes;
    return RF_OK;
}

static rf_status read_name(reader *r, rf_st_file *file, size_t index) {
    uint64_t n;
    RF_TRY(number(r, 8, &n));
    if (n > MAX_NAME || n > r->bytes - r->at) return bad(r, "a name is too long");
    const char *name = (const char *)r->data + r->at;
    r->at += (size_t)n;
    if (memchr(name, 0, (size_t)n)) return bad(r, "a name holds a zero");
    size_t prefix = n >= 4 && (memcmp(name, "arg:", 4) == 0 || memcmp(name, "aux:", 4) == 0) ? 4 : 0;
    file->tensors[index].name = rf_strndup(name + prefix, (size_t)n - prefix);
    return file->tensors[index].name ? RF_OK : RF_ERR_NOMEM;
}

/* The arrays, then as many names. Numbers are copied, because they lie unaligned. */
static rf_status read_list(reader *r, rf_st_file *file) {
    uint64_t count, names;
    r->at = HEAD_BYTES;
    RF_TRY(number(r, 8, &count));
    if (count > (r->bytes - r->at) / ARRAY_BYTES) return bad(r, "it is cut off");
    if (count > MAX_ARRAYS) return bad(r, "too many arrays");
    file->tensors = rf_alloc((size_t)count, sizeof *file->tensors);
    r->places = rf_alloc((size_t)count, sizeof *r->places);
    if (!file->tensors || !r->places) return RF_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) RF_TRY(read_array(r, &file->tensors[i], &r->places[i]));
    file->count = (size_t)count;
    RF_TRY(number(r, 8, &names));
    if (names != count) return bad(r, "there are more or fewer names than arrays");
    for (size_t i = 0; i < file->count; i++) RF_TRY(read_name(r, file, i));
    if (r->at != r->bytes) return bad(r, "something follows the names");
    for (size_t i = 0; i < file->count; i++) file->buffer_bytes += (file->tensors[i].bytes + 7) / 8 * 8;
    file->buffer = rf_alloc(file->buffer_bytes, 1);
    if (!file->buffer) return RF_ERR_NOMEM;
    uint8_t *to = file->buffer;
    for (size_t i = 0; i < file->count; i++) {
        memcpy(to, r->data + r->places[i], file->tensors[i].bytes);
        file->tensors[i].data = to;
        to += (file->tensors[i].bytes + 7) / 8 * 8;
    }
    return RF_OK;
}

rf_status rf_mxnet_parse(const char *path, uint8_t *data, size_t bytes, rf_st_file **out) {
    reader r = {.path = path, .data = data, .bytes = bytes};
    rf_status status = RF_ERR_NOMEM;
    *out = NULL;
    rf_st_file *file = rf_alloc(1, sizeof *file);
    if (!file) goto fail;
    status = rf_mxnet_probe(data, bytes) ? read_list(&r, file)
                                         : rf_fail(RF_ERR_FORMAT, "%s is no MXNet parameter file", path);
    if (status != RF_OK) goto fail;
    *out = file;
    file = NULL;
fail:
    rf_st_free(file);
    rf_free(r.places);
    rf_free(data);
    return status;
}
