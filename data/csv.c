/* SPDX-License-Identifier: Apache-2.0 */
#include "data/csv.h"

#include <limits.h>
#include <string.h>

/* The separator that the first line has most of; blanks when it has no other. */
static char guess_separator(const char *text, size_t bytes) {
    static const char known[] = ",;\t|";
    size_t counts[4] = {0};
    for (size_t i = 0; i < bytes && text[i] != '\n'; i++)
        for (size_t k = 0; k < 4; k++) counts[k] += text[i] == known[k];
    size_t best = 0;
    for (size_t k = 1; k < 4; k++)
        if (counts[k] > counts[best]) best = k;
    const char *newline = memchr(text, '\n', bytes);
    bool blank = counts[best] == 0 && memchr(text, ' ', newline ? (size_t)(newline - text) : bytes);
    return blank ? ' ' : known[best];
}

static void skip_blanks(rf_csv *csv) {
    while (csv->separator == ' ' && csv->at < csv->end && *csv->at == ' ') csv->at++;
}

static bool at_line_end(const rf_csv *csv) {
    const char *at = csv->at + (csv->at < csv->end && *csv->at == '\r');
    return at == csv->end || *at == '\n';
}

void rf_csv_begin(rf_csv *csv, const char *path, const char *text, size_t bytes) {
    size_t skip = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *csv = (rf_csv){.path = path, .at = text + skip, .end = text + bytes, .line = 1};
    csv->separator = guess_separator(text + skip, bytes - skip);
    if (bytes - skip < 5 || memcmp(csv->at, "sep=", 4) != 0 || !strchr(",;\t|", csv->at[4])) return;
    csv->separator = csv->at[4];
    csv->row_at = csv->at;
    csv->row_line = 1;
    rf_csv_resume(csv);
}

void rf_csv_resume(rf_csv *csv) {
    const char *newline = memchr(csv->row_at, '\n', (size_t)(csv->end - csv->row_at));
    csv->at = newline ? newline + 1 : csv->end;
    csv->line = csv->row_line + (csv->row_line < INT_MAX);
}

void rf_csv_end(rf_csv *csv) {
    rf_text_clear(&csv->row);
}

static void take(rf_csv *csv, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) csv->line += bytes[i] == '\n' && csv->line < INT_MAX;
    rf_text_put_bytes(&csv->row, bytes, n);
}

/* After an opening quote: up to the closing one. */
static rf_status read_quoted(rf_csv *csv) {
    int line = csv->line;
    for (;;) {
        const char *quote = memchr(csv->at, '"', (size_t)(csv->end - csv->at));
        if (!quote)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a quoted field that begins here has no closing quote", csv->path,
                           line);
        take(csv, csv->at, (size_t)(quote - csv->at));
        csv->at = quote + 1;
        if (csv->at == csv->end || *csv->at != '"') break;
        rf_text_put_bytes(&csv->row, "\"", 1);
        csv->at++;
    }
    if (csv->at == csv->end || *csv->at == csv->separator || *csv->at == '\n' || *csv->at == '\r') return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: text after the closing quote of a field; a quote inside is written twice",
                   csv->path, csv->line);
}

static void read_plain(rf_csv *csv) {
    const char *begin = csv->at;
    while (csv->at < csv->end && *csv->at != csv->separator && *csv->at != '\n') csv->at++;
    const char *stop = csv->at;
    if (stop > begin && stop[-1] == '\r' && (csv->at == csv->end || *csv->at == '\n')) stop--;
    while (begin < stop && *begin == ' ') begin++;
    while (stop > begin && stop[-1] == ' ') stop--;
    take(csv, begin, (size_t)(stop - begin));
}

/* One field and a 0 byte into `row`; *last tells that the row ends with it. */
static rf_status read_field(rf_csv *csv, bool *last) {
    skip_blanks(csv);
    if (csv->at < csv->end && *csv->at == '"') {
        csv->at++;
        RF_TRY(read_quoted(csv));
    } else {
        read_plain(csv);
    }
    rf_text_put_bytes(&csv->row, "", 1);
    skip_blanks(csv);
    bool more = csv->separator == ' ' ? !at_line_end(csv) : csv->at < csv->end && *csv->at == csv->separator;
    *last = !more;
    if (more) {
        csv->at += csv->separator != ' ';
        return RF_OK;
    }
    if (csv->at < csv->end && *csv->at == '\r') csv->at++;
    if (csv->at < csv->end && *csv->at == '\n') {
        csv->at++;
        csv->line += csv->line < INT_MAX;
    }
    return RF_OK;
}

static rf_status read_row(rf_csv *csv) {
    size_t starts[RF_CSV_FIELDS];
    bool last = false;
    csv->n = 0;
    csv->row.used = 0;
    csv->row_line = csv->line;
    csv->row_at = csv->at;
    while (!last) {
        if (csv->n == RF_CSV_FIELDS)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: more than %d fields in one row", csv->path, csv->row_line,
                           RF_CSV_FIELDS);
        starts[csv->n++] = csv->row.used;
        RF_TRY(read_field(csv, &last));
    }
    if (csv->row.failed) return rf_fail(RF_ERR_NOMEM, "out of memory while reading '%s'", csv->path);
    for (size_t i = 0; i < csv->n; i++) csv->field[i] = csv->row.text + starts[i];
    return RF_OK;
}

rf_status rf_csv_next(rf_csv *csv, bool *more) {
    while ((*more = csv->at < csv->end)) {
        RF_TRY(read_row(csv));
        if (csv->n > 1 || *csv->field[0]) break;
    }
    return RF_OK;
}
