/* SPDX-License-Identifier: Apache-2.0 */
#include "export/torch_write.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"

enum { ALIGNMENT = 64, LOCAL_BYTES = 30, EXTRA_BYTES = 4, MAX_RECORDS = 65000, DOS_1980 = 0x21 };
static const size_t max_bytes = 0xff000000; /* 4 GB less the directory's share */

typedef struct writer {
    rf_atomic_file *file; /* NULL: the bytes are compared with what is there */
    const uint8_t *there;
    size_t there_bytes;
    const char *path;
    rf_text directory;
    size_t at, records;
} writer;

static void put_number(rf_text *t, uint64_t value, int n) {
    for (int i = 0; i < n; i++) rf_text_put_bytes(t, (const char[]){(char)(value >> (8 * i))}, 1);
}

static rf_status emit(writer *w, const void *data, size_t bytes) {
    size_t at = w->at;
    w->at += bytes;
    if (w->file) return rf_atomic_write(w->file, data, bytes);
    if (at <= w->there_bytes && bytes <= w->there_bytes - at && memcmp(w->there + at, data, bytes) == 0) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s is not what was written, at or after byte %zu", w->path, at);
}

/* ---- the archive (APPNOTE.TXT 4.3) ---- */

/* What the local header and the directory have in common: from the needed version to the length of the extra field. */
static void put_common(rf_text *t, const char *name, uint32_t sum, size_t bytes, size_t extra) {
    put_number(t, 20, 2);
    put_number(t, 0, 2 + 2); /* no flags, stored */
    put_number(t, 0, 2);
    put_number(t, DOS_1980, 2);
    put_number(t, sum, 4);
    put_number(t, bytes, 4);
    put_number(t, bytes, 4);
    put_number(t, strlen(name), 2);
    put_number(t, extra, 2);
}

/* Writes one record; its data begins at a multiple of 64 bytes, so that PyTorch can map it. */
static rf_status add_record(writer *w, const char *record, const void *data, size_t bytes) {
    char name[64];
    rf_text head = {0};
    uint32_t sum = rf_crc32(0, data, bytes);
    snprintf(name, sizeof name, "archive/%s", record);
    size_t start = w->at + LOCAL_BYTES + strlen(name) + EXTRA_BYTES;
    size_t padding = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT, extra = EXTRA_BYTES + padding;
    rf_text_put(&head, "PK\3\4");
    put_common(&head, name, sum, bytes, extra);
    rf_text_put(&head, name);
    rf_text_put(&head, "FB"); /* the identifier of PyTorch's padding */
    put_number(&head, padding, 2);
    for (size_t i = 0; i < padding; i++) rf_text_put(&head, "Z");

    rf_text_put(&w->directory, "PK\1\2");
    put_number(&w->directory, 20, 2);
    put_common(&w->directory, name, sum, bytes, 0);
    put_number(&w->directory, 0, 2 + 2 + 2); /* no comment, first disk, binary */
    put_number(&w->directory, 0, 4);
    put_number(&w->directory, w->at, 4);
    rf_text_put(&w->directory, name);

    rf_status status = head.failed ? RF_ERR_NOMEM : emit(w, head.text, head.used);
    if (status == RF_OK && bytes) status = emit(w, data, bytes);
    w->records++;
    rf_text_clear(&head);
    return status;
}

static rf_status end_archive(writer *w) {
    size_t bytes = w->directory.used;
    rf_text_put(&w->directory, "PK\5\6");
    put_number(&w->directory, 0, 4);
    put_number(&w->directory, w->records, 2);
    put_number(&w->directory, w->records, 2);
    put_number(&w->directory, bytes, 4);
    put_number(&w->directory, w->at, 4);
    put_number(&w->directory, 0, 2);
    return w->directory.failed ? RF_ERR_NOMEM : emit(w, w->directory.text, w->directory.used);
}

/* ---- the pickle (instructions: Python's pickletools) ---- */

static void put_text(rf_text *t, const char *text) {
    rf_text_put(t, "X"); /* BINUNICODE */
    put_number(t, strlen(text), 4);
    rf_text_put(t, text);
}

static void put_int(rf_text *t, size_t value) {
    int n = value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
    rf_text_put(t, n == 1 ? "K" : n == 2 ? "M" : "J"); /* BININT1, BININT2, BININT */
    put_number(t, value, n);
}

static void put_global(rf_text *t, const char *module, const char *name) {
    rf_text_printf(t, "c%s\n%s\n", module, name);
}

static void put_tensor(rf_text *t, const rf_st_tensor *tensor, size_t key) {
    static const char *const storages[] = {
        [RF_F32] = "FloatStorage", [RF_F64] = "DoubleStorage", [RF_I64] = "LongStorage",     [RF_I32] = "IntStorage",
        [RF_U8] = "ByteStorage",   [RF_F16] = "HalfStorage",   [RF_BF16] = "BFloat16Storage"};
    char text[24];
    size_t strides[8] = {0}, stride = 1;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
    put_text(t, tensor->name);
    put_global(t, "torch._utils", "_rebuild_tensor_v2");
    rf_text_put(t, "(("); /* arguments; the storage's persistent id */
    put_text(t, "storage");
    put_global(t, "torch", storages[tensor->dtype]);
    snprintf(text, sizeof text, "%zu", key);
    put_text(t, text);
    put_text(t, "cpu");
    put_int(t, stride);
    rf_text_put(t, "tQ");
    put_int(t, 0);
    rf_text_put(t, "(");
    for (int i = 0; i < tensor->n_dims; i++) put_int(t, tensor->dims[i]);
    rf_text_put(t, "t(");
    for (int i = 0; i < tensor->n_dims; i++) put_int(t, strides[i]);
    rf_text_put(t, "t\x89"); /* requires_grad=False */
    put_global(t, "collections", "OrderedDict");
    rf_text_put(t, ")RtR"); /* no hooks; the call */
}

static rf_status make_pickle(const rf_st_tensor *tensors, size_t count, char **out, size_t *bytes) {
    rf_text t = {0};
    rf_text_put(&t, "\x80\2"); /* PROTO 2 */
    put_global(&t, "collections", "OrderedDict");
    rf_text_put(&t, ")R(");
    for (size_t i = 0; i < count; i++) put_tensor(&t, &tensors[i], i);
    rf_text_put(&t, "u."); /* SETITEMS, STOP */
    return rf_text_finish(&t, out, bytes);
}

/* ---- the file ---- */

static rf_status check(const char *path, const rf_st_tensor *tensors, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room = tensors[i].bytes + strlen(tensors[i].name) + 512; /* with headers, padding and pickle */
        if (room < tensors[i].bytes || !rf_size_add(total, room, &total)) total = max_bytes;
    }
    if (count <= MAX_RECORDS && total < max_bytes) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: over 4 GB or %d tensors do not fit PyTorch's plain archive; write safetensors",
                   path, MAX_RECORDS);
}

static rf_status put_all(writer *w, const rf_st_tensor *tensors, size_t count, const char *config) {
    char *pickle = NULL, record[32];
    size_t bytes;
    rf_status status;
    RF_TRY(check(w->path, tensors, count));
    RF_TRY(make_pickle(tensors, count, &pickle, &bytes));
    if (!w->there) RF_TRY_GOTO(rf_atomic_open(w->path, &w->file));
    RF_TRY_GOTO(add_record(w, "data.pkl", pickle, bytes));
    RF_TRY_GOTO(add_record(w, "byteorder", "little", 6));
    for (size_t i = 0; i < count; i++) {
        snprintf(record, sizeof record, "data/%zu", i);
        RF_TRY_GOTO(add_record(w, record, tensors[i].data, tensors[i].bytes));
    }
    if (config) RF_TRY_GOTO(add_record(w, "rf.config", config, strlen(config)));
    RF_TRY_GOTO(add_record(w, "version", "3\n", 2));
    status = end_archive(w);
fail:
    rf_text_clear(&w->directory);
    rf_free(pickle);
    return status;
}

rf_status rf_torch_write(const char *path, const rf_st_tensor *tensors, size_t count, const char *config) {
    writer w = {.path = path};
    rf_status status = put_all(&w, tensors, count, config);
    if (status == RF_OK) return rf_atomic_commit(w.file);
    rf_atomic_abort(w.file);
    return status;
}

rf_status rf_torch_compare(const char *path, const rf_st_tensor *tensors, size_t count, const char *config) {
    uint8_t *data;
    writer w = {.path = path};
    RF_TRY(rf_file_read(path, 0, &data, &w.there_bytes));
    w.there = data;
    rf_status status = put_all(&w, tensors, count, config);
    if (status == RF_OK && w.at != w.there_bytes)
        status = rf_fail(RF_ERR_FORMAT, "%s is longer than what was written", path);
    rf_free(data);
    return status;
}
