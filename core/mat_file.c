/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mat_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/deflate.h"
#include "core/file.h"
#include "core/mem.h"

enum { HEADER_BYTES = 128, MAX_DEPTH = 8, MAX_RANK = 32 };
/* A variable's head: a tag, 16 bytes of flags, MAX_RANK dimensions and a name of 63 characters fit. */
enum { HEAD_BYTES = 512 };
static const size_t max_file = (size_t)1 << 30;
/* deflate packs at most 1032 to 1, so a variable that claims more is damaged. */
enum { MAX_RATIO = 1032 };

/* Types of elements. */
enum {
    T_INT8 = 1,
    T_UINT8 = 2,
    T_INT16 = 3,
    T_UINT16 = 4,
    T_INT32 = 5,
    T_UINT32 = 6,
    T_SINGLE = 7,
    T_DOUBLE = 9,
    T_INT64 = 12,
    T_UINT64 = 13,
    T_MATRIX = 14,
    T_COMPRESSED = 15,
    T_UTF8 = 16,
    T_UTF16 = 17,
    T_UTF32 = 18,
};

/* Classes of arrays. */
enum { C_CELL = 1, C_CHAR = 4, C_DOUBLE = 6, C_UINT64 = 15 };
enum { FLAG_COMPLEX = 0x800 };

struct rf_mat_file {
    char *path;
    uint8_t *data;
    size_t bytes;
    bool big_endian;
};

/* Bytes that are being read; what is wrong with them is told once, by rf_mat_read. */
typedef struct view {
    const uint8_t *at;
    size_t left;
    bool big_endian;
} view;

typedef struct element {
    unsigned type;
    view body;
} element;

static uint64_t whole(const uint8_t *at, size_t bytes, bool big_endian) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= (uint64_t)at[big_endian ? bytes - 1 - i : i] << (8 * i);
    return value;
}

/* Takes the next element; false when its bytes are not all there. Small ones stand inside of their tag. */
static bool next_element(view *v, element *out) {
    if (v->left < 8) return false;
    uint32_t first = (uint32_t)whole(v->at, 4, v->big_endian);
    bool small = first >> 16 != 0;
    out->type = small ? first & 0xffff : first;
    size_t bytes = small ? first >> 16 : (size_t)whole(v->at + 4, 4, v->big_endian);
    size_t head = small ? 4 : 8;
    if (small ? bytes > 4 : bytes > v->left - 8) return false;
    out->body = (view){v->at + head, bytes, v->big_endian};
    /* Elements end at multiples of 8 bytes, compressed ones aside; some writers leave the last one's padding out. */
    size_t padded = small ? 8 : out->type == T_COMPRESSED ? 8 + bytes : 8 + (bytes + 7) / 8 * 8;
    if (padded > v->left) padded = v->left;
    v->at += padded;
    v->left -= padded;
    return true;
}

static size_t type_bytes(unsigned type) {
    switch (type) {
    case T_INT8:
    case T_UINT8:
    case T_UTF8:
        return 1;
    case T_INT16:
    case T_UINT16:
    case T_UTF16:
        return 2;
    case T_INT32:
    case T_UINT32:
    case T_SINGLE:
    case T_UTF32:
        return 4;
    case T_DOUBLE:
    case T_INT64:
    case T_UINT64:
        return 8;
    default:
        return 0;
    }
}

static double number_at(const element *e, size_t i) {
    size_t bytes = type_bytes(e->type);
    uint64_t bits = whole(e->body.at + i * bytes, bytes, e->body.big_endian);
    uint32_t bits32 = (uint32_t)bits;
    float single;
    double value;
    switch (e->type) {
    case T_INT8:
        return (int8_t)bits;
    case T_INT16:
        return (int16_t)bits;
    case T_INT32:
        return (int32_t)bits;
    case T_INT64:
        return (double)(int64_t)bits;
    case T_SINGLE:
        memcpy(&single, &bits32, sizeof single);
        return (double)single;
    case T_DOUBLE:
        memcpy(&value, &bits, sizeof value);
        return value;
    default:
        return (double)bits;
    }
}

/* What an array's first three elements tell. */
typedef struct head {
    unsigned class, flags;
    size_t n, rows, columns;
    const char *name;
    size_t name_bytes;
} head;

static bool read_head(view *body, head *h) {
    element flags, dims, name;
    if (!next_element(body, &flags) || flags.type != T_UINT32 || flags.body.left < 8) return false;
    uint32_t word = (uint32_t)whole(flags.body.at, 4, body->big_endian);
    *h = (head){.class = word & 0xff, .flags = word & 0xff00, .n = 1, .columns = 1};
    if (!next_element(body, &dims) || dims.type != T_INT32) return false;
    size_t rank = dims.body.left / 4;
    if (rank < 2 || rank > MAX_RANK) return false;
    for (size_t i = 0; i < rank; i++) {
        uint64_t d = whole(dims.body.at + 4 * i, 4, body->big_endian);
        if (d > INT32_MAX || !rf_size_mul(h->n, (size_t)d, &h->n)) return false;
        if (i == 0) h->rows = (size_t)d;
        if (i > 0 && !rf_size_mul(h->columns, (size_t)d, &h->columns)) return false;
    }
    if (!next_element(body, &name) || name.type != T_INT8) return false;
    h->name = (const char *)name.body.at;
    h->name_bytes = name.body.left;
    return true;
}

static rf_status read_array(view body, int depth, rf_mat_array *out);

/* RF_ERR_FORMAT without a message means "damaged", for all of these. */
static rf_status read_cells(view *body, int depth, rf_mat_array *out) {
    if (out->n > body->left / 8) return RF_ERR_FORMAT; /* each has a tag at least */
    if (out->n == 0) return RF_OK;
    out->cells = rf_alloc(out->n, sizeof *out->cells);
    if (!out->cells) return RF_ERR_NOMEM;
    for (size_t i = 0; i < out->n; i++) {
        element cell;
        if (!next_element(body, &cell) || cell.type != T_MATRIX) return RF_ERR_FORMAT;
        RF_TRY(read_array(cell.body, depth + 1, &out->cells[i]));
    }
    return RF_OK;
}

static rf_status read_numbers(const element *values, rf_mat_array *out) {
    size_t size = type_bytes(values->type);
    if (size == 0 || values->body.left / size < out->n) return RF_ERR_FORMAT;
    out->numbers = rf_alloc(out->n, sizeof *out->numbers);
    if (!out->numbers) return RF_ERR_NOMEM;
    for (size_t i = 0; i < out->n; i++) out->numbers[i] = number_at(values, i);
    return RF_OK;
}

static rf_status read_text(const element *values, rf_mat_array *out) {
    size_t size = type_bytes(values->type);
    if (size == 0 || values->body.left / size < out->n) return RF_ERR_FORMAT;
    bool printable = true;
    for (size_t i = 0; i < out->n; i++) {
        double c = number_at(values, i);
        printable = printable && c >= ' ' && c <= '~';
    }
    if (!printable) return RF_OK;
    out->text = rf_alloc(out->n + 1, 1);
    if (!out->text) return RF_ERR_NOMEM;
    for (size_t i = 0; i < out->n; i++) out->text[i] = (char)number_at(values, i);
    return RF_OK;
}

static rf_status read_array(view body, int depth, rf_mat_array *out) {
    head h;
    element values;
    if (depth > MAX_DEPTH) return RF_ERR_FORMAT;
    if (body.left == 0) { /* an array without anything: [] */
        *out = (rf_mat_array){.kind = RF_MAT_NUMBERS};
        return RF_OK;
    }
    if (!read_head(&body, &h)) return RF_ERR_FORMAT;
    *out = (rf_mat_array){.kind = RF_MAT_OTHER, .n = h.n, .rows = h.rows, .columns = h.columns};
    bool is_number = h.class >= C_DOUBLE && h.class <= C_UINT64;
    if (h.class == C_CELL) out->kind = RF_MAT_CELLS;
    if (h.class == C_CHAR) out->kind = RF_MAT_TEXT;
    if (is_number && !(h.flags & FLAG_COMPLEX)) out->kind = RF_MAT_NUMBERS;
    if (out->kind == RF_MAT_CELLS) return read_cells(&body, depth, out);
    if (out->kind == RF_MAT_OTHER) return RF_OK;
    if (!next_element(&body, &values)) {
        if (h.n > 0) return RF_ERR_FORMAT;
        values = (element){.type = T_UINT8};
    }
    return out->kind == RF_MAT_TEXT ? read_text(&values, out) : read_numbers(&values, out);
}

static void clear(rf_mat_array *array) {
    for (size_t i = 0; array->cells && i < array->n; i++) clear(&array->cells[i]);
    rf_free(array->cells);
    rf_free(array->numbers);
    rf_free(array->text);
}

void rf_mat_free(rf_mat_array *array) {
    if (!array) return;
    clear(array);
    rf_free(array);
}

static rf_status damaged(const rf_mat_file *file) {
    return rf_fail(RF_ERR_FORMAT, "%s: damaged MATLAB file; fetch it again", file->path);
}

/* The file's elements end where it ends, so that one that was cut off is known at once. */
static rf_status check(rf_mat_file *file) {
    static const char hdf5[] = "\x89HDF\r\n\x1a\n";
    const uint8_t *data = file->data;
    if ((file->bytes >= 520 && memcmp(data + 512, hdf5, 8) == 0) || (file->bytes >= 8 && memcmp(data, hdf5, 8) == 0))
        return rf_fail(RF_ERR_FORMAT, "%s: a MATLAB file of version 7.3 (HDF5); expected level 5: save it with -v7",
                       file->path);
    bool little = file->bytes >= HEADER_BYTES && memcmp(data + 126, "IM", 2) == 0;
    file->big_endian = file->bytes >= HEADER_BYTES && memcmp(data + 126, "MI", 2) == 0;
    if ((!little && !file->big_endian) || whole(data + 124, 2, file->big_endian) >> 8 != 1)
        return rf_fail(RF_ERR_FORMAT, "%s: not a MATLAB file of level 5, or a damaged one; fetch it again", file->path);
    view v = {data + HEADER_BYTES, file->bytes - HEADER_BYTES, file->big_endian};
    element e;
    if (v.left == 0) return damaged(file);
    while (v.left > 0)
        if (!next_element(&v, &e))
            return rf_fail(RF_ERR_FORMAT,
                           "%s: damaged MATLAB file, its end is missing; fetch it "
                           "again",
                           file->path);
    return RF_OK;
}

rf_status rf_mat_open(const char *path, rf_mat_file **out) {
    *out = NULL;
    rf_mat_file *file = rf_alloc(1, sizeof *file);
    if (!file) return RF_ERR_NOMEM;
    rf_status status = RF_ERR_NOMEM;
    file->path = rf_strdup(path);
    if (!file->path) goto fail;
    RF_TRY_GOTO(rf_file_read(path, max_file, &file->data, &file->bytes));
    RF_TRY_GOTO(check(file));
    *out = file;
    return RF_OK;
fail:
    rf_mat_close(file);
    return status;
}

void rf_mat_close(rf_mat_file *file) {
    if (!file) return;
    rf_free(file->path);
    rf_free(file->data);
    rf_free(file);
}

/* The name in the first bytes of an array. They may be all that is there, so the tag is read by hand. */
static bool has_name(const uint8_t *data, size_t bytes, bool big_endian, const char *name) {
    head h;
    if (bytes < 8 || whole(data, 4, big_endian) != T_MATRIX) return false;
    view body = {data + 8, bytes - 8, big_endian};
    return read_head(&body, &h) && h.name_bytes == strlen(name) && memcmp(h.name, name, h.name_bytes) == 0;
}

static rf_status unpack(const rf_mat_file *file, view packed, rf_mat_array *out) {
    uint8_t tag[8];
    size_t bytes;
    bool ended;
    if (!rf_inflate(packed.at, packed.left, tag, sizeof tag, &bytes, &ended) || bytes != sizeof tag)
        return RF_ERR_FORMAT;
    size_t total = 8 + (size_t)whole(tag + 4, 4, file->big_endian);
    if (total / MAX_RATIO > packed.left) return RF_ERR_FORMAT;
    uint8_t *data = rf_alloc(total, 1);
    if (!data) return RF_ERR_NOMEM;
    rf_status status = RF_ERR_FORMAT;
    if (rf_inflate(packed.at, packed.left, data, total, &bytes, &ended) && bytes == total && ended)
        status = read_array((view){data + 8, total - 8, file->big_endian}, 0, out);
    rf_free(data);
    return status;
}

rf_status rf_mat_read(const rf_mat_file *file, const char *name, rf_mat_array **out) {
    *out = NULL;
    view v = {file->data + HEADER_BYTES, file->bytes - HEADER_BYTES, file->big_endian};
    element e;
    bool packed = false, found = false;
    while (!found && v.left > 0) {
        const uint8_t *start = v.at;
        if (!next_element(&v, &e)) return damaged(file);
        packed = e.type == T_COMPRESSED;
        uint8_t first[HEAD_BYTES];
        size_t bytes = 8 + e.body.left;
        bool ended;
        if (packed && !rf_inflate(e.body.at, e.body.left, first, sizeof first, &bytes, &ended)) return damaged(file);
        found = has_name(packed ? first : start, bytes, file->big_endian, name);
    }
    if (!found)
        return rf_fail(RF_ERR_FORMAT, "%s: no variable %s, or a damaged file; fetch it again", file->path, name);
    rf_mat_array *array = rf_alloc(1, sizeof *array);
    if (!array) return RF_ERR_NOMEM;
    rf_status status = packed ? unpack(file, e.body, array) : read_array(e.body, 0, array);
    if (status == RF_OK) {
        *out = array;
        return RF_OK;
    }
    rf_mat_free(array);
    return status == RF_ERR_FORMAT ? damaged(file) : status;
}
