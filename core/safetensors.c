/* SPDX-License-Identifier: Apache-2.0 */
#include "core/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/half.h"
#include "core/json.h"
#include "core/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor data is used as it lies in the file");

enum { MAX_DIMS = 8 };
static const uint64_t max_header_bytes = 100000000;
static const char metadata_key[] = "__metadata__";

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {[RF_F32] = {"F32", 4}, [RF_F64] = {"F64", 8}, [RF_I64] = {"I64", 8},  [RF_I32] = {"I32", 4},
              [RF_U8] = {"U8", 1},   [RF_F16] = {"F16", 2}, [RF_BF16] = {"BF16", 2}};

const char *rf_dtype_name(rf_dtype dtype) {
    return dtypes[dtype].name;
}

size_t rf_dtype_bytes(rf_dtype dtype) {
    return dtypes[dtype].bytes;
}

static bool find_dtype(const char *name, rf_dtype *dtype) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *dtype = (rf_dtype)i;
            return true;
        }
    }
    return false;
}

/* A whole number that a double holds exactly. */
static bool get_size(const rf_json *node, size_t *out) {
    double value;
    if (!rf_json_number(node, &value) || !(value >= 0 && value <= 0x1p53) || value != floor(value)) return false;
    *out = (size_t)value;
    return true;
}

static rf_status read_shape(const char *path, const rf_json *node, rf_st_tensor *tensor) {
    size_t n = rf_json_size(node);
    if (!rf_json_is_array(node) || n > MAX_DIMS)
        return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s': expected \"shape\" to be a list of at most %d sizes", path,
                       tensor->name, MAX_DIMS);
    tensor->n_dims = (int)n;
    tensor->bytes = dtypes[tensor->dtype].bytes;
    const rf_json *dim = rf_json_first(node);
    for (size_t i = 0; i < n; i++, dim = rf_json_next(dim)) {
        if (!get_size(dim, &tensor->dims[i]) || !rf_size_mul(tensor->bytes, tensor->dims[i], &tensor->bytes))
            return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s': size %zu of its shape is no whole number or too large",
                           path, tensor->name, i);
    }
    return RF_OK;
}

static rf_status read_tensor(const char *path, const rf_json *node, const uint8_t *data, size_t data_bytes,
                             rf_st_tensor *tensor) {
    const char *dtype;
    tensor->name = rf_strdup(rf_json_key(node));
    if (!tensor->name) return RF_ERR_NOMEM;
    if (!rf_json_string(rf_json_get(node, "dtype"), &dtype))
        return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s' has no \"dtype\"", path, tensor->name);
    if (!find_dtype(dtype, &tensor->dtype))
        return rf_fail(RF_ERR_FORMAT,
                       "%s: tensor '%s' has type %s, expected F32, F64, F16, BF16, I64, I32 or U8; convert it first",
                       path, tensor->name, dtype);
    RF_TRY(read_shape(path, rf_json_get(node, "shape"), tensor));

    const rf_json *offsets = rf_json_get(node, "data_offsets");
    size_t begin, end;
    if (rf_json_size(offsets) != 2 || !get_size(rf_json_at(offsets, 0), &begin) ||
        !get_size(rf_json_at(offsets, 1), &end))
        return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s': expected \"data_offsets\" to be [begin, end]", path,
                       tensor->name);
    if (begin > end || end > data_bytes)
        return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s' lies at bytes %zu to %zu of %zu; the file is cut or damaged",
                       path, tensor->name, begin, end, data_bytes);
    if (end - begin != tensor->bytes)
        return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s' has %zu bytes of data, expected %zu for its shape", path,
                       tensor->name, end - begin, tensor->bytes);
    if (begin % dtypes[tensor->dtype].bytes)
        return rf_fail(RF_ERR_FORMAT,
                       "%s: tensor '%s' starts at byte %zu, which is not a multiple of its %zu-byte elements", path,
                       tensor->name, begin, dtypes[tensor->dtype].bytes);
    tensor->data = data + begin;
    return RF_OK;
}

static rf_status read_metadata(const char *path, const rf_json *node, rf_st_file *file) {
    if (!rf_json_is_object(node))
        return rf_fail(RF_ERR_FORMAT, "%s: expected \"%s\" to be an object", path, metadata_key);
    size_t n = rf_json_size(node);
    file->meta_keys = rf_alloc(n, sizeof *file->meta_keys);
    file->meta_values = rf_alloc(n, sizeof *file->meta_values);
    if (!file->meta_keys || !file->meta_values) return RF_ERR_NOMEM;
    for (const rf_json *item = rf_json_first(node); item; item = rf_json_next(item)) {
        const char *value;
        if (!rf_json_string(item, &value))
            return rf_fail(RF_ERR_FORMAT, "%s: metadata '%s' is no string", path, rf_json_key(item));
        size_t i = file->meta_count++;
        file->meta_keys[i] = rf_strdup(rf_json_key(item));
        file->meta_values[i] = rf_strdup(value);
        if (!file->meta_keys[i] || !file->meta_values[i]) return RF_ERR_NOMEM;
    }
    return RF_OK;
}

static int compare_places(const void *a, const void *b) {
    const rf_st_tensor *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q) return p < q ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The first name that occurs twice, or NULL; sorts `names`. */
static const char *doubled_name(const char **names, size_t count) {
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0) return names[i];
    return NULL;
}

static rf_status check_names(const char *path, const rf_st_tensor *tensors, size_t count) {
    const char **names = rf_alloc(count, sizeof *names);
    if (!names) return RF_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) names[i] = tensors[i].name;
    const char *doubled = doubled_name(names, count);
    rf_status status = doubled ? rf_fail(RF_ERR_FORMAT, "%s: tensor '%s' occurs twice", path, doubled) : RF_OK;
    rf_free(names);
    return status;
}

/* Puts the tensors in file order and checks that they cover the data section without gap or overlap. */
static rf_status check_places(const char *path, rf_st_file *file, const uint8_t *data, size_t data_bytes) {
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    size_t expected = 0;
    for (size_t i = 0; i < file->count; i++) {
        const rf_st_tensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const uint8_t *)tensor->data - data);
        if (begin != expected)
            return rf_fail(RF_ERR_FORMAT, "%s: tensor '%s' starts at byte %zu, expected %zu (tensors %s)", path,
                           tensor->name, begin, expected, begin < expected ? "overlap" : "leave a gap");
        expected = begin + tensor->bytes;
    }
    if (expected != data_bytes)
        return rf_fail(RF_ERR_FORMAT, "%s: %zu bytes follow the last tensor, expected none", path,
                       data_bytes - expected);
    return RF_OK;
}

static rf_status check_checksum(const char *path, const rf_st_file *file, const uint8_t *data, size_t data_bytes) {
    const char *text = rf_st_meta(file, "rf.crc32");
    if (!text) return RF_OK;
    char computed[16];
    snprintf(computed, sizeof computed, "%08" PRIx32, rf_crc32(0, data, data_bytes));
    if (strcmp(text, computed) == 0) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: the checksum of its data is %s, expected %s; the file is damaged", path,
                   computed, text);
}

static rf_status read_header(const char *path, const rf_json *root, uint8_t *data, size_t data_bytes,
                             rf_st_file *file) {
    if (!rf_json_is_object(root)) return rf_fail(RF_ERR_FORMAT, "%s: the header is no JSON object", path);
    file->tensors = rf_alloc(rf_json_size(root), sizeof *file->tensors);
    if (!file->tensors) return RF_ERR_NOMEM;
    for (const rf_json *item = rf_json_first(root); item; item = rf_json_next(item)) {
        if (strcmp(rf_json_key(item), metadata_key) != 0) {
            RF_TRY(read_tensor(path, item, data, data_bytes, &file->tensors[file->count++]));
        } else if (file->meta_keys) {
            return rf_fail(RF_ERR_FORMAT, "%s: \"%s\" occurs twice", path, metadata_key);
        } else {
            RF_TRY(read_metadata(path, item, file));
        }
    }
    RF_TRY(check_names(path, file->tensors, file->count));
    RF_TRY(check_places(path, file, data, data_bytes));
    return check_checksum(path, file, data, data_bytes);
}

rf_status rf_st_parse(const char *path, uint8_t *buffer, size_t bytes, rf_st_file **out) {
    rf_status status = RF_OK;
    rf_json *root = NULL;
    rf_st_file *file = rf_alloc(1, sizeof *file);
    if (!file) {
        rf_free(buffer);
        return RF_ERR_NOMEM;
    }
    file->buffer = buffer;
    file->buffer_bytes = bytes;
    uint64_t header_bytes = 0;
    if (bytes >= sizeof header_bytes) memcpy(&header_bytes, buffer, sizeof header_bytes);
    if (bytes < 10 || header_bytes > max_header_bytes || header_bytes > bytes - 8 || buffer[8] != '{') {
        status = rf_fail(RF_ERR_FORMAT,
                         "%s: this is no safetensors file, or it is cut: expected a header size and '{'; name a model, "
                         "or copy it again",
                         path);
        goto fail;
    }
    status = rf_json_parse((const char *)buffer + 8, (size_t)header_bytes, &root);
    if (status != RF_OK) {
        rf_fail_context(status, "%s: in the header, which starts at byte 8", path);
        goto fail;
    }
    /* A header of odd length leaves the data unaligned: it is moved down over the header's end, which is parsed by now.
     */
    uint8_t *data = buffer + 8 + header_bytes;
    size_t data_bytes = bytes - 8 - (size_t)header_bytes;
    size_t odd = (size_t)(header_bytes % 8);
    if (odd) memmove(data - odd, data, data_bytes);
    RF_TRY_GOTO(read_header(path, root, data - odd, data_bytes, file));
    rf_json_free(root);
    *out = file;
    return RF_OK;
fail:
    rf_json_free(root);
    rf_st_free(file);
    return status;
}

rf_status rf_st_read(const char *path, rf_st_file **out) {
    uint8_t *buffer;
    size_t bytes;
    RF_TRY(rf_file_read(path, 0, &buffer, &bytes));
    return rf_st_parse(path, buffer, bytes, out);
}

void rf_st_free(rf_st_file *file) {
    if (!file) return;
    for (size_t i = 0; i < file->count; i++) rf_free(file->tensors[i].name);
    for (size_t i = 0; i < file->meta_count; i++) {
        rf_free(file->meta_keys[i]);
        rf_free(file->meta_values[i]);
    }
    rf_free(file->tensors);
    rf_free(file->meta_keys);
    rf_free(file->meta_values);
    rf_free(file->buffer);
    rf_free(file->wide);
    rf_free(file);
}

static bool is_narrow(const rf_st_tensor *t) {
    return t->dtype == RF_F16 || t->dtype == RF_BF16;
}

/* The data need not be aligned: `t` may come from any reader. */
static void widen(rf_st_tensor *t, float *to) {
    size_t count = t->bytes / sizeof(uint16_t);
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, (const uint8_t *)t->data + i * sizeof bits, sizeof bits);
        to[i] = t->dtype == RF_F16 ? rf_half_to_float(bits) : rf_bfloat_to_float(bits);
    }
    t->dtype = RF_F32;
    t->data = to;
    t->bytes = count * sizeof *to;
}

rf_status rf_st_widen(rf_st_file *file) {
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < file->count; i++)
        if (is_narrow(&file->tensors[i])) bytes += file->tensors[i].bytes;
    if (bytes == 0) return RF_OK;
    file->wide = rf_alloc(bytes / sizeof(uint16_t), sizeof *file->wide);
    if (!file->wide) return RF_ERR_NOMEM;
    for (size_t i = 0; i < file->count; i++) {
        if (!is_narrow(&file->tensors[i])) continue;
        widen(&file->tensors[i], file->wide + at);
        at += file->tensors[i].bytes / sizeof *file->wide;
        file->widened++;
    }
    return RF_OK;
}

const rf_st_tensor *rf_st_find(const rf_st_file *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *rf_st_meta(const rf_st_file *file, const char *key) {
    for (size_t i = 0; i < file->meta_count; i++)
        if (strcmp(file->meta_keys[i], key) == 0) return file->meta_values[i];
    return NULL;
}
