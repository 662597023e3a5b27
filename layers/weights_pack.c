/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/half.h"
#include "core/mem.h"
#include "layers/weights.h"

/* num_batches_tracked is a 64-bit counter that inference and training here do not use. */
static const int64_t zero_batches;

void rf_weights_pack_free(rf_weights_pack *pack) {
    if (!pack) return;
    for (size_t i = 0; pack->tensors && i < pack->count; i++) rf_free(pack->tensors[i].name);
    rf_free(pack->tensors);
    rf_free(pack->buffer);
    *pack = (rf_weights_pack){0};
}

static rf_status add(rf_weights_pack *pack, const char *prefix, const char *name, rf_st_tensor tensor) {
    size_t bytes = strlen(prefix) + strlen(name) + 1;
    tensor.name = rf_alloc(bytes, 1);
    if (!tensor.name) return RF_ERR_NOMEM;
    snprintf(tensor.name, bytes, "%s%s", prefix, name);
    pack->tensors[pack->count++] = tensor;
    return RF_OK;
}

/* "x.running_var" -> "x.num_batches_tracked" */
static rf_status add_counter(rf_weights_pack *pack, const char *variance_name) {
    char name[2 * RF_NAME_BYTES];
    int stem = (int)(strlen(variance_name) - strlen("running_var"));
    snprintf(name, sizeof name, "%.*snum_batches_tracked", stem, variance_name);
    return add(pack, "", name, (rf_st_tensor){.dtype = RF_I64, .data = &zero_batches, .bytes = sizeof zero_batches});
}

/* One entry as a tensor, its numbers copied to `to`. */
static rf_status add_entry(rf_weights_pack *pack, const char *prefix, const rf_param *p, const rf_real *values,
                           float *to) {
    rf_param_to_file(p, values, to);
    rf_st_tensor tensor = {.dtype = RF_F32, .n_dims = p->n_dims, .data = to, .bytes = p->count * sizeof *to};
    memcpy(tensor.dims, p->dims, sizeof p->dims);
    return add(pack, prefix, p->name, tensor);
}

/* The entries whose array is given (NULL: left out), and the counters where `counters` says so. */
static rf_status pack_entries(const rf_params *params, const rf_real *data, const rf_real *state, const char *prefix,
                              bool counters, rf_weights_pack *pack) {
    size_t total = 0, at = 0;
    *pack = (rf_weights_pack){0};
    for (size_t i = 0; i < params->count; i++) total += params->entries[i].count;
    pack->tensors = rf_alloc(2 * params->count, sizeof *pack->tensors);
    pack->buffer = rf_alloc(total, sizeof *pack->buffer);
    rf_status status = pack->tensors && pack->buffer ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < params->count && status == RF_OK; i++) {
        const rf_param *p = &params->entries[i];
        const rf_real *values = rf_param_is_state(p) ? state : data;
        if (!values) continue;
        status = add_entry(pack, prefix, p, values + p->offset, pack->buffer + at);
        at += p->count;
        if (status == RF_OK && counters && p->kind == RF_PARAM_BN_VAR) status = add_counter(pack, p->name);
    }
    if (status != RF_OK) rf_weights_pack_free(pack);
    return status;
}

rf_status rf_weights_pack_model(const rf_params *params, const rf_param_values *values, rf_weights_pack *pack) {
    return pack_entries(params, values && values->data ? values->data : params->data,
                        values && values->state ? values->state : params->state, "", true, pack);
}

rf_status rf_weights_pack_array(const rf_params *params, const rf_real *array, const char *prefix,
                                rf_weights_pack *pack) {
    return pack_entries(params, array, NULL, prefix, false, pack);
}

rf_status rf_weights_pack_state(const rf_params *params, const rf_real *array, const char *prefix,
                                rf_weights_pack *pack) {
    return pack_entries(params, NULL, array, prefix, false, pack);
}

static rf_status unpack_entries(const char *path, const rf_st_file *file, const rf_params *params, const char *prefix,
                                bool state, rf_real *array) {
    char name[2 * RF_NAME_BYTES];
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        if (rf_param_is_state(p) != state) continue;
        snprintf(name, sizeof name, "%s%s", prefix, p->name);
        const rf_st_tensor *t = rf_st_find(file, name);
        bool fits = t && t->dtype == RF_F32 && t->n_dims == p->n_dims;
        for (int d = 0; fits && d < p->n_dims; d++) fits = t->dims[d] == p->dims[d];
        if (!fits)
            return rf_fail(RF_ERR_FORMAT,
                           "%s: %s is missing or has another shape than the network's %s; the checkpoint was made "
                           "with another configuration",
                           path, name, p->name);
        rf_param_from_file(p, t->data, array + p->offset);
    }
    return RF_OK;
}

rf_status rf_weights_unpack_array(const char *path, const rf_st_file *file, const rf_params *params, const char *prefix,
                                  rf_real *array) {
    return unpack_entries(path, file, params, prefix, false, array);
}

rf_status rf_weights_unpack_state(const char *path, const rf_st_file *file, const rf_params *params, const char *prefix,
                                  rf_real *array) {
    return unpack_entries(path, file, params, prefix, true, array);
}

/* In place: the halves lie at the front of what the floats took. */
static rf_status halve(rf_st_tensor *tensor) {
    const float *from = tensor->data;
    uint8_t *to = (uint8_t *)(uintptr_t)tensor->data;
    size_t count = tensor->bytes / sizeof *from;
    for (size_t i = 0; i < count; i++) {
        float value = from[i];
        uint16_t half = rf_half_from_float(value);
        if (isfinite(value) && !isfinite(rf_half_to_float(half)))
            return rf_fail(RF_ERR_USER, "%s has a weight of %g, half precision ends at 65504: leave --fp16 out",
                           tensor->name, (double)value);
        memcpy(to + i * sizeof half, &half, sizeof half);
    }
    tensor->dtype = RF_F16;
    tensor->bytes = count * sizeof(uint16_t);
    return RF_OK;
}

rf_status rf_weights_pack_halve(rf_weights_pack *pack) {
    for (size_t i = 0; i < pack->count; i++)
        if (pack->tensors[i].dtype == RF_F32 && pack->tensors[i].n_dims == 4) RF_TRY(halve(&pack->tensors[i]));
    return RF_OK;
}

static rf_status pack_whole(const rf_params *params, bool half, rf_weights_pack *pack) {
    RF_TRY(rf_weights_pack_model(params, NULL, pack));
    rf_status status = half ? rf_weights_pack_halve(pack) : RF_OK;
    if (status != RF_OK) rf_weights_pack_free(pack);
    return status;
}

static rf_status same_tensor(const char *path, const rf_st_file *file, const rf_st_tensor *want) {
    const rf_st_tensor *have = rf_st_find(file, want->name);
    if (!have) return rf_fail(RF_ERR_FORMAT, "%s lacks %s", path, want->name);
    bool same = have->dtype == want->dtype && have->n_dims == want->n_dims && have->bytes == want->bytes &&
                memcmp(have->dims, want->dims, (size_t)want->n_dims * sizeof *want->dims) == 0;
    if (!same) return rf_fail(RF_ERR_FORMAT, "%s: %s has another type or shape than the model's", path, want->name);
    if (memcmp(have->data, want->data, want->bytes) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: %s holds other numbers than the model", path, want->name);
    return RF_OK;
}

rf_status rf_weights_same(const char *path, const rf_st_file *file, const rf_params *params, bool half) {
    rf_weights_pack pack;
    RF_TRY(pack_whole(params, half, &pack));
    rf_status status = RF_OK;
    if (file->count != pack.count)
        status = rf_fail(RF_ERR_FORMAT, "%s holds %zu arrays, the model has %zu", path, file->count, pack.count);
    for (size_t i = 0; i < pack.count && status == RF_OK; i++) status = same_tensor(path, file, &pack.tensors[i]);
    rf_weights_pack_free(&pack);
    return status;
}

rf_status rf_weights_save(const char *path, const rf_params *params, bool half, const char *const *meta_keys,
                          const char *const *meta_values, size_t meta_count) {
    rf_weights_pack pack;
    RF_TRY(pack_whole(params, half, &pack));
    rf_status status = rf_st_write(path, pack.tensors, pack.count, meta_keys, meta_values, meta_count);
    rf_weights_pack_free(&pack);
    return status;
}
