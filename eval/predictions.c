#include "eval/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"

/* Bytes of a name without the suffix of an image. */
static size_t stem_length(const char *name) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i]);
        if (length >= n && strcasecmp(name + length - n, suffixes[i]) == 0) return length - n;
    }
    return length;
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

static rf_status write_faces(FILE *stream, const char *path, const char *name, const rf_face *faces, size_t n) {
    const char *base = rf_path_base(name);
    fprintf(stream, "%.*s\n%zu\n", (int)stem_length(base), base, n);
    for (size_t i = 0; i < n; i++) {
        const float *box = faces[i].box;
        double x = (double)box[0], y = (double)box[1], w = (double)box[2] - x, h = (double)box[3] - y;
        if (!isfinite(x + y + w + h + (double)faces[i].score))
            return rf_fail(RF_ERR_NONFINITE, "%s: detection %zu is not finite", path, i + 1);
        fprintf(stream, "%.9g %.9g %.9g %.9g %.9g\n", x, y, w, h, (double)faces[i].score);
    }
    return RF_OK;
}

static rf_status write_one(const char *dir, const char *name, bool whole, const rf_face *faces, size_t n) {
    rf_status status;
    rf_atomic_file *file = NULL;
    char *path = NULL;
    RF_TRY_GOTO(prediction_path(dir, name, whole, true, &path));
    RF_TRY_GOTO(rf_atomic_open(path, &file));
    RF_TRY_GOTO(write_faces(rf_atomic_stream(file), path, name, faces, n));
    status = rf_atomic_commit(file);
    file = NULL;
fail:
    rf_atomic_abort(file);
    rf_free(path);
    return status;
}

rf_status rf_prediction_write(const char *dir, const char *name, const rf_face *faces, size_t n) {
    return write_one(dir, name, false, faces, n);
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

/* whole[i]: another image differs from image i in the suffix only, so that "NAME.txt" would be both (rf_free it). */
static rf_status find_doubled_stems(const rf_dataset *dataset, bool **whole) {
    size_t n = dataset->n_samples;
    stem *stems = rf_alloc(n, sizeof *stems);
    *whole = rf_alloc(n, sizeof **whole);
    rf_status status = stems && *whole ? RF_OK : RF_ERR_NOMEM;
    if (status != RF_OK) rf_free(*whole);
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
    RF_TRY(find_doubled_stems(dataset, &whole));
    rf_status status = rf_predictions_check(dir, dataset);
    for (size_t i = 0; status == RF_OK && i < dataset->n_samples; i++)
        status = write_one(dir, dataset->samples[i].name, whole[i], lists[i].items, lists[i].n);
    rf_free(whole);
    return status;
}

/* A text cut into lines. */
typedef struct reader {
    const char *path;
    char *next;
    int line;
} reader;

/* The next line without its end, or NULL after the last. */
static char *next_line(reader *r) {
    if (!*r->next) return NULL;
    char *line = r->next, *end = line + strcspn(line, "\n");
    r->next = *end ? end + 1 : end;
    *end = '\0';
    while (end > line && strchr(" \t\r", end[-1])) *--end = '\0';
    r->line++;
    return line;
}

/* Exactly n finite decimal numbers. */
static bool parse_numbers(const char *text, double *numbers, int n) {
    if (text[strspn(text, "0123456789+-.eE \t")] != '\0') return false; /* no nan, inf or hexadecimal */
    for (int i = 0; i < n; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        if (end == text || !isfinite(numbers[i]) || !(*end == ' ' || *end == '\t' || (i == n - 1 && *end == '\0')))
            return false;
        text = end;
    }
    return text[strspn(text, " \t")] == '\0';
}

static rf_status parse_face(const reader *r, const char *text, rf_face *face) {
    double v[5];
    if (!parse_numbers(text, v, 5))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.80s\"; expected five finite numbers: x y w h score", r->path, r->line,
                       text);
    if (v[2] < 0 || v[3] < 0)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: width %g and height %g; expected x y w h score with w and h from 0 (not corners?)",
                       r->path, r->line, v[2], v[3]);
    *face =
        (rf_face){.box = {(float)v[0], (float)v[1], (float)(v[0] + v[2]), (float)(v[1] + v[3])}, .score = (float)v[4]};
    for (int k = 0; k < 4; k++)
        if (!isfinite(face->box[k])) return rf_fail(RF_ERR_FORMAT, "%s:%d: the box is out of range", r->path, r->line);
    if (!isfinite(face->score)) return rf_fail(RF_ERR_FORMAT, "%s:%d: the score is out of range", r->path, r->line);
    return RF_OK;
}

static rf_status parse_file(reader *r, size_t bytes, rf_face_list *out) {
    const char *line = next_line(r);
    if (!line) return rf_fail(RF_ERR_FORMAT, "%s:1: empty file; expected the image's name", r->path);
    line = next_line(r);
    double count;
    if (!line || !parse_numbers(line, &count, 1) || count < 0 || count != floor(count) || count > (double)bytes)
        return rf_fail(RF_ERR_FORMAT, "%s:2: \"%.80s\"; expected the number of detections", r->path, line ? line : "");
    size_t n = (size_t)count;
    RF_TRY(rf_face_list_reserve(out, out->n + n));
    for (size_t i = 0; i < n; i++) {
        line = next_line(r);
        if (!line)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after %zu of %zu detections", r->path, r->line, i, n);
        rf_face face;
        RF_TRY(parse_face(r, line, &face));
        RF_TRY(rf_face_list_push(out, &face));
    }
    while ((line = next_line(r)))
        if (*line)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: more lines than the %zu detections of line 2", r->path, r->line, n);
    return RF_OK;
}

rf_status rf_prediction_read(const char *path, rf_face_list *out) {
    uint8_t *text = NULL;
    size_t bytes, before = out->n;
    RF_TRY(rf_file_read(path, (size_t)256 << 20, &text, &bytes));
    reader r = {.path = path, .next = (char *)text};
    rf_status status = RF_OK;
    if (memchr(text, 0, bytes))
        status = rf_fail(RF_ERR_FORMAT, "%s: a zero byte; expected text", path);
    else
        status = parse_file(&r, bytes, out);
    if (status != RF_OK) out->n = before;
    rf_free(text);
    return status;
}

/* The file of one image, when there is one. */
static rf_status read_named(const char *dir, const char *name, bool whole, rf_face_list *list, size_t *n_missing) {
    char *path;
    rf_status status = prediction_path(dir, name, whole, false, &path);
    if (status == RF_ERR_USER) { /* such a name has no file there */
        ++*n_missing;
        return RF_OK;
    }
    RF_TRY(status);
    if (rf_file_exists(path))
        status = rf_prediction_read(path, list);
    else if ((status = rf_path_hidden(path)) == RF_OK)
        ++*n_missing;
    rf_free(path);
    return status;
}

static rf_status none_found(const char *dir, const char *name) {
    return rf_fail(RF_ERR_USER, "%s: not one prediction file; expected %s/%.*s.txt and so on", dir, dir,
                   (int)stem_length(name), name);
}

static rf_status give_up(rf_face_list *lists, size_t n, rf_status status) {
    for (size_t i = 0; i < n; i++) rf_face_list_free(&lists[i]);
    return status;
}

rf_status rf_predictions_read_wider(const char *dir, const rf_wider_gt *gt, rf_face_list *lists, size_t *n_missing) {
    rf_status status = RF_OK;
    *n_missing = 0;
    for (size_t i = 0; i < gt->n_images && status == RF_OK; i++)
        status = read_named(dir, gt->images[i].name, false, &lists[i], n_missing);
    if (status == RF_OK && gt->n_images && *n_missing == gt->n_images) status = none_found(dir, gt->images[0].name);
    return status == RF_OK ? RF_OK : give_up(lists, gt->n_images, status);
}

rf_status rf_predictions_read(const char *dir, const rf_dataset *dataset, rf_face_list *lists, size_t *n_missing) {
    size_t n = dataset->n_samples;
    bool *whole;
    RF_TRY(find_doubled_stems(dataset, &whole));
    rf_status status = RF_OK;
    *n_missing = 0;
    for (size_t i = 0; i < n && status == RF_OK; i++)
        status = read_named(dir, dataset->samples[i].name, whole[i], &lists[i], n_missing);
    rf_free(whole);
    if (status == RF_OK && n && *n_missing == n) status = none_found(dir, dataset->samples[0].name);
    return status == RF_OK ? RF_OK : give_up(lists, n, status);
}
