/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "export/wts.h"

enum { NAME_MOST = 255, ARRAYS_MOST = 8192, WORD_DIGITS = 8 };

typedef struct reader {
    const char *path, *at, *end;
    size_t line;
} reader;

static rf_status bad(const reader *r, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "%s:%zu: %s", r->path, r->line, what);
}

/* One character that must be there. */
static bool take(reader *r, char c) {
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

static bool number(reader *r, size_t *out) {
    size_t digits = 0;
    for (*out = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9' && digits < 12; r->at++, digits++)
        *out = 10 * *out + (size_t)(*r->at - '0');
    return digits > 0;
}

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static rf_status read_values(reader *r, rf_wts_array *array) {
    for (size_t i = 0; i < array->count; i++) {
        uint32_t bits = 0;
        if (!take(r, ' ')) return bad(r, "values are missing");
        take(r, ' '); /* some writers put two blanks before the first */
        for (int k = 0; k < WORD_DIGITS; k++, r->at++) {
            int value = r->at < r->end ? digit(*r->at) : -1;
            if (value < 0) return bad(r, "a value is not eight hexadecimal digits");
            bits = bits << 4 | (uint32_t)value;
        }
        memcpy(&array->values[i], &bits, sizeof bits);
    }
    return take(r, '\n') ? RF_OK : bad(r, "the line does not end after its values");
}

static rf_status read_array(reader *r, rf_wts *out) {
    rf_wts_array *array = &out->arrays[out->count];
    size_t n = 0, left = (size_t)(r->end - r->at);
    while (n < left && r->at[n] > ' ' && r->at[n] <= '~') n++;
    if (n == 0 || n > NAME_MOST) return bad(r, "expected a name of 1 to 255 characters");
    array->name = rf_strndup(r->at, n);
    if (!array->name) return RF_ERR_NOMEM;
    r->at += n;
    out->count++;
    for (size_t i = 0; i + 1 < out->count; i++)
        if (strcmp(out->arrays[i].name, array->name) == 0) return bad(r, "another line has this name");
    if (!take(r, ' ') || !number(r, &array->count)) return bad(r, "expected the number of values after the name");
    if (array->count > (size_t)(r->end - r->at) / (WORD_DIGITS + 1)) return bad(r, "values are missing");
    array->values = rf_alloc(array->count, sizeof *array->values);
    return array->values ? read_values(r, array) : RF_ERR_NOMEM;
}

rf_status rf_wts_parse(const char *path, const char *text, size_t bytes, rf_wts *out) {
    reader r = {path, text, text + bytes, 1};
    size_t count;
    memset(out, 0, sizeof *out);
    if (!number(&r, &count) || count < 1 || count > ARRAYS_MOST || !take(&r, '\n'))
        return bad(&r, "expected the number of arrays, 1 to 8192, alone in the line");
    out->arrays = rf_alloc(count, sizeof *out->arrays);
    if (!out->arrays) return RF_ERR_NOMEM;
    while (out->count < count) {
        r.line++;
        if (r.at == r.end) return bad(&r, "the file ends before its last array");
        RF_TRY(read_array(&r, out));
    }
    r.line++;
    return r.at == r.end ? RF_OK : bad(&r, "the file goes on after its last array");
}

rf_status rf_wts_read(const char *path, rf_wts *out) {
    uint8_t *text = NULL;
    size_t bytes;
    memset(out, 0, sizeof *out);
    RF_TRY(rf_file_read(path, 0, &text, &bytes));
    rf_status status = rf_wts_parse(path, (const char *)text, bytes, out);
    rf_free(text);
    return status;
}

void rf_wts_free(rf_wts *wts) {
    for (size_t i = 0; i < wts->count; i++) {
        rf_free(wts->arrays[i].name);
        rf_free(wts->arrays[i].values);
    }
    rf_free(wts->arrays);
    memset(wts, 0, sizeof *wts);
}
