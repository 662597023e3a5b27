/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "eval/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"

size_t rf_prediction_stem(const char *name, size_t bytes) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i]);
        if (bytes > n && strncasecmp(name + bytes - n, suffixes[i], n) == 0) return bytes - n;
    }
    return bytes;
}

static size_t stem_length(const char *name) {
    return rf_prediction_stem(name, strlen(name));
}

/* "dir/name.txt" without the image's suffix, or with it when `whole`; rf_free it. */
static rf_status prediction_path(const char *dir, const char *name, bool whole, bool make, char **path) {
    size_t length = whole ? strlen(name) : stem_length(name);
    char *text = rf_alloc(length + sizeof ".txt", 1);
    *path = NULL;
    if (!text) return RF_ERR_NOMEM;
    memcpy(text, name, length);
    memcpy(text + length, ".txt", sizeof ".txt");
    rf_status status = make ? rf_below_make(dir, text, path) : rf_below_path(dir, text, path);
    rf_free(text);
    return status;
}

/* kinds: the label ends each row. */
static rf_status write_faces(FILE *stream, const char *path, const char *name, const rf_face *faces, size_t n,
                             bool kinds) {
    const char *base = rf_path_base(name);
    fprintf(stream, "%.*s\n%zu\n", (int)stem_length(base), base, n);
    for (size_t i = 0; i < n; i++) {
        const float *box = faces[i].box;
        double x = (double)box[0], y = (double)box[1], w = (double)box[2] - x, h = (double)box[3] - y;
        if (!isfinite(x + y + w + h + (double)faces[i].score))
            return rf_fail(RF_ERR_NONFINITE, "%s: detection %zu is not finite", path, i + 1);
        fprintf(stream, "%.9g %.9g %.9g %.9g %.9g", x, y, w, h, (double)faces[i].score);
        if (kinds) fprintf(stream, " %d", faces[i].label);
        fputc('\n', stream);
    }
    return RF_OK;
}

static rf_status write_one(const char *dir, const char *name, bool whole, const rf_face *faces, size_t n, bool kinds) {
    rf_status status;
    rf_atomic_file *file = NULL;
    char *path = NULL;
    RF_TRY_GOTO(prediction_path(dir, name, whole, true, &path));
    RF_TRY_GOTO(rf_atomic_open(path, &file));
    RF_TRY_GOTO(write_faces(rf_atomic_stream(file), path, name, faces, n, kinds));
    status = rf_atomic_commit(file);
    file = NULL;
fail:
    rf_atomic_abort(file);
    rf_free(path);
    return status;
}

rf_status rf_prediction_write(const char *dir, const char *name, const rf_face *faces, size_t n) {
    return write_one(dir, name, false, faces, n, false);
}

/* ---- the files of a data set ---- */

typedef struct stem {
    const char *name;
    size_t length, index;
} stem;

static int by_stem(const void *a, const void *b) {
    const stem *x = a, *y = b;
    size_t n = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->name, y->name, n);
    if (order == 0) order = (x->length > y->length) - (x->length < y->length);
    return order ? order : strcmp(x->name, y->name);
}

rf_status rf_predictions_doubled(const rf_dataset *dataset, bool **whole) {
    size_t n = dataset->n_samples;
    stem *stems = rf_alloc(n, sizeof *stems);
    *whole = rf_alloc(n, sizeof **whole);
    rf_status status = stems && *whole ? RF_OK : RF_ERR_NOMEM;
    if (status != RF_OK) {
        rf_free(*whole);
        *whole = NULL;
    }
    for (size_t i = 0; status == RF_OK && i < n; i++)
        stems[i] = (stem){dataset->samples[i].name, stem_length(dataset->samples[i].name), i};
    if (status == RF_OK && n) qsort(stems, n, sizeof *stems, by_stem);
    for (size_t i = 0, end; status == RF_OK && i < n; i = end) {
        bool differ = false;
        for (end = i + 1; end < n && stems[end].length == stems[i].length &&
                          memcmp(stems[end].name, stems[i].name, stems[i].length) == 0;
             end++)
            differ |= strcmp(stems[end].name, stems[i].name) != 0;
        for (size_t k = i; k < end; k++) (*whole)[stems[k].index] = differ;
    }
    rf_free(stems);
    return status;
}

rf_status rf_predictions_check(const char *dir, const rf_dataset *dataset) {
    for (size_t i = 0; i < dataset->n_samples; i++) {
        char *path;
        rf_status status = prediction_path(dir, dataset->samples[i].name, false, false, &path);
        rf_free(path);
        if (status == RF_ERR_NOMEM) return status;
        if (status != RF_OK)
            return rf_fail_context(status, "%s:%d", dataset->annotation_path, dataset->samples[i].line);
    }
    return RF_OK;
}

rf_status rf_predictions_write(const char *dir, const rf_dataset *dataset, const rf_face_list *lists) {
    bool *whole;
    RF_TRY(rf_predictions_doubled(dataset, &whole));
    rf_status status = rf_predictions_check(dir, dataset);
    for (size_t i = 0; status == RF_OK && i < dataset->n_samples; i++)
        status = write_one(dir, dataset->samples[i].name, whole[i], lists[i].items, lists[i].n, dataset->classes.n > 1);
    rf_free(whole);
    return status;
}

size_t rf_prediction_text_end(const char *text, size_t bytes) {
    size_t end = bytes;
    while (end > 0 && memchr(" \t\r\n\x1a", text[end - 1], 5)) end--;
    return end;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

int rf_prediction_numbers(const char *text, const char *end, double *v, int room) {
    int n = 0;
    for (;;) {
        while (text < end && is_blank(*text)) text++;
        if (text == end || n > room) return n;
        const char *word = text;
        char *stop;
        double value = strtod(word, &stop);
        while (text < end && !is_blank(*text)) text++;
        if (stop != text || memchr(word, 'x', (size_t)(text - word)) || memchr(word, 'X', (size_t)(text - word)))
            return -1;
        if (n < room) v[n] = value;
        n++;
    }
}

/* A text cut into lines. */
typedef struct reader {
    const char *next, *end;
    const char *line, *stop; /* the current one, without the white space around it */
    int number;
} reader;

/* The next line, blank or not. */
static bool next_line(reader *r) {
    if (r->next >= r->end) return false;
    const char *newline = memchr(r->next, '\n', (size_t)(r->end - r->next));
    r->line = r->next;
    r->stop = newline ? newline : r->end;
    r->next = newline ? newline + 1 : r->end;
    while (r->line < r->stop && is_blank(*r->line)) r->line++;
    while (r->stop > r->line && is_blank(r->stop[-1])) r->stop--;
    r->number++;
    return true;
}

/* Whether the first line's name, if it has one, is that of the file. */
static bool names_file(const reader *r, const char *name) {
    const char *text = r->line, *slash = memrchr(text, '/', (size_t)(r->stop - text)), *base = rf_path_base(name);
    if (slash) text = slash + 1;
    size_t n = rf_prediction_stem(text, (size_t)(r->stop - text)), bytes = strlen(base);
    if (bytes > 4 && strcasecmp(base + bytes - 4, ".txt") == 0) bytes -= 4;
    bytes = rf_prediction_stem(base, bytes);
    return n == bytes && strncasecmp(text, base, n) == 0;
}

/* The rows that follow the number of detections. count: as announced, -1: not. */
static rf_status read_rows(reader *r, const char *name, double count, rf_prediction_set *set, size_t image) {
    rf_prediction_notes *notes = &set->notes;
    size_t rows = 0, before = set->lists[image].n, matlab = before;
    bool bad = count < 0;
    while (next_line(r)) {
        double v[6];
        rf_face face;
        bool kinds = set->classes > 1;
        if (r->line == r->stop) continue;
        int n = rf_prediction_numbers(r->line, r->stop, v, 5 + kinds);
        rows++;
        if (n < 5 + kinds || (kinds && !(v[5] >= 0 && v[5] < set->classes && v[5] == floor(v[5])))) {
            rf_prediction_notes_add(notes, RF_NOTE_bad_rows, "%s:%d", name, r->number);
            bad |= (double)rows <= count;
            continue;
        }
        if (n > 5 + kinds) rf_prediction_notes_add(notes, RF_NOTE_more_columns, "%s:%d", name, r->number);
        if (!rf_prediction_face(v, name, r->number, notes, &face)) continue;
        if (kinds) face.label = (uint8_t)v[5];
        RF_TRY(rf_prediction_set_add(set, image, &face, v[4], NULL));
        if ((double)rows <= count) matlab = set->lists[image].n;
    }
    if (count >= 0 && (double)rows != count)
        rf_prediction_notes_add(notes, RF_NOTE_count_differs, "%s: %g announced, %zu rows", name, count, rows);
    set->matlab_rows[image] = bad || (double)rows < count ? before : matlab;
    return RF_OK;
}

static rf_status parse_file(const char *name, const char *text, size_t bytes, rf_prediction_set *set, size_t image) {
    reader r = {.next = text, .end = text + rf_prediction_text_end(text, bytes)};
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 && r.end >= text + 3) r.next += 3; /* byte order mark */
    double first, count = 0;
    if (!next_line(&r)) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_empty, "%s", name);
        return RF_OK;
    }
    if (rf_prediction_numbers(r.line, r.stop, &first, 1) <= 1 && !names_file(&r, name))
        rf_prediction_notes_add(&set->notes, RF_NOTE_other_image, "%s: %.*s", name,
                                (int)(r.stop - r.line < 60 ? r.stop - r.line : 60), r.line);
    if (!next_line(&r)) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_empty, "%s", name);
        return RF_OK;
    }
    if (rf_prediction_numbers(r.line, r.stop, &count, 1) != 1 || !(count >= 0) || count != floor(count)) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_no_count,
                                "%s; the Python port passes over line 2, the MATLAB tool over the file", name);
        count = -1;
    }
    return read_rows(&r, name, count, set, image);
}

rf_status rf_prediction_read(const char *path, const char *name, rf_prediction_set *set, size_t image) {
    uint8_t *text = NULL;
    size_t bytes;
    rf_status status = rf_file_read(path, (size_t)256 << 20, &text, &bytes);
    if (status == RF_ERR_NOMEM) return status;
    if (status != RF_OK) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_unreadable, "%s", rf_error_message());
        return RF_OK;
    }
    if (memchr(text, 0, bytes)) {
        rf_prediction_notes_add(&set->notes, RF_NOTE_unreadable, "%s: a zero byte, so no text or UTF-16", name);
    } else {
        set->notes.files++;
        status = parse_file(name, (const char *)text, bytes, set, image);
    }
    rf_free(text);
    return status;
}
