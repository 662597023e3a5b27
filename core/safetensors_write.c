/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/safetensors.h"

enum { ALIGNMENT = 64 };

static rf_status check_tensor(const char *path, const rf_st_tensor *tensors, size_t index) {
    const rf_st_tensor *tensor = &tensors[index];
    size_t bytes = rf_dtype_bytes(tensor->dtype);
    bool fits = tensor->n_dims >= 0 && tensor->n_dims <= 8;
    for (int i = 0; fits && i < tensor->n_dims; i++) fits = rf_size_mul(bytes, tensor->dims[i], &bytes);
    if (!fits || bytes != tensor->bytes)
        return rf_fail(RF_ERR_USER, "%s: tensor '%s' has %zu bytes, which is not what its shape needs", path,
                       tensor->name, tensor->bytes);
    if (strcmp(tensor->name, "__metadata__") == 0)
        return rf_fail(RF_ERR_USER, "%s: a tensor cannot be called '%s'", path, tensor->name);
    for (size_t i = 0; i < index; i++)
        if (strcmp(tensors[i].name, tensor->name) == 0)
            return rf_fail(RF_ERR_USER, "%s: two tensors are called '%s'", path, tensor->name);
    return RF_OK;
}

/* Largest elements first, otherwise as given, so that every tensor starts at a multiple of its element size. */
static void file_order(const rf_st_tensor *tensors, size_t count, const rf_st_tensor **order) {
    static const size_t sizes[] = {8, 4, 2, 1};
    size_t n = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t i = 0; i < count; i++)
            if (rf_dtype_bytes(tensors[i].dtype) == sizes[s]) order[n++] = &tensors[i];
}

static void put_tensor(rf_json_writer *w, const rf_st_tensor *tensor, size_t offset) {
    rf_json_begin_object(w, tensor->name);
    rf_json_put_string(w, "dtype", rf_dtype_name(tensor->dtype));
    rf_json_begin_array(w, "shape");
    for (int i = 0; i < tensor->n_dims; i++) rf_json_put_int(w, NULL, (long long)tensor->dims[i]);
    rf_json_end_array(w);
    rf_json_begin_array(w, "data_offsets");
    rf_json_put_int(w, NULL, (long long)offset);
    rf_json_put_int(w, NULL, (long long)(offset + tensor->bytes));
    rf_json_end_array(w);
    rf_json_end_object(w);
}

static rf_status build_header(const rf_st_tensor *const *order, size_t count, const char *const *meta_keys,
                              const char *const *meta_values, size_t meta_count, char **header) {
    uint32_t crc = 0;
    for (size_t i = 0; i < count; i++) crc = rf_crc32(crc, order[i]->data, order[i]->bytes);
    char crc_text[16];
    snprintf(crc_text, sizeof crc_text, "%08" PRIx32, crc);

    rf_json_writer w = {0};
    rf_json_begin_object(&w, NULL);
    rf_json_begin_object(&w, "__metadata__");
    for (size_t i = 0; i < meta_count; i++)
        if (strcmp(meta_keys[i], "rf.crc32") != 0) rf_json_put_string(&w, meta_keys[i], meta_values[i]);
    rf_json_put_string(&w, "rf.crc32", crc_text);
    rf_json_end_object(&w);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        put_tensor(&w, order[i], offset);
        offset += order[i]->bytes;
    }
    rf_json_end_object(&w);
    return rf_json_finish(&w, header);
}

static rf_status write_file(const char *path, const char *header, const rf_st_tensor *const *order, size_t count) {
    static const char spaces[ALIGNMENT + 1] = "                                                                ";
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    rf_status status = RF_OK;
    size_t length = strlen(header), padding = (ALIGNMENT - (8 + length) % ALIGNMENT) % ALIGNMENT;
    uint64_t header_bytes = length + padding;
    RF_TRY_GOTO(rf_atomic_write(file, &header_bytes, sizeof header_bytes));
    RF_TRY_GOTO(rf_atomic_write(file, header, length));
    RF_TRY_GOTO(rf_atomic_write(file, spaces, padding));
    for (size_t i = 0; i < count; i++) RF_TRY_GOTO(rf_atomic_write(file, order[i]->data, order[i]->bytes));
    return rf_atomic_commit(file);
fail:
    rf_atomic_abort(file);
    return status;
}

rf_status rf_st_write(const char *path, const rf_st_tensor *tensors, size_t count, const char *const *meta_keys,
                      const char *const *meta_values, size_t meta_count) {
    for (size_t i = 0; i < count; i++) RF_TRY(check_tensor(path, tensors, i));
    rf_status status = RF_OK;
    char *header = NULL;
    const rf_st_tensor **order = rf_alloc(count, sizeof *order);
    if (!order) return RF_ERR_NOMEM;
    file_order(tensors, count, order);
    RF_TRY_GOTO(build_header(order, count, meta_keys, meta_values, meta_count, &header));
    status = write_file(path, header, order, count);
fail:
    rf_free(header);
    rf_free(order);
    return status;
}
