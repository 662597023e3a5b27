/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/fddb_file.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/annotation.h"

enum { BOX_ROW = 5, ELLIPSE_ROW = 6, SIDE_MAX = 1000000, SHOWN = 80 };

typedef struct reader {
    const char *path; /* for notes */
    const rf_dataset *dataset;
    rf_prediction_set *set;
    bool *named;
    size_t image; /* named last */
    size_t found;
} reader;

/* A backslash in a file of Windows stands for a slash. */
static bool is_same(const char *image, const char *name, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (image[i] != name[i] && !(image[i] == '/' && name[i] == '\\')) return false;
    return true;
}

static bool is_named(const rf_sample *sample, const char *name, size_t bytes) {
    size_t n = strlen(sample->name);
    return (n == bytes && is_same(sample->name, name, n)) ||
           (rf_prediction_stem(sample->name, n) == rf_prediction_stem(name, bytes) &&
            is_same(sample->name, name, rf_prediction_stem(name, bytes)));
}

/* The image of a name, or n_samples. They usually come in the order of the annotation, so the search begins behind the
 * last one. */
static size_t find_image(const rf_dataset *dataset, size_t last, const char *name, size_t bytes) {
    size_t n = dataset->n_samples;
    while (bytes > 2 && (memcmp(name, "./", 2) == 0 || memcmp(name, ".\\", 2) == 0)) name += 2, bytes -= 2;
    for (size_t k = 0; k < n; k++) {
        size_t i = (last + 1 + k) % n;
        if (is_named(&dataset->samples[i], name, bytes)) return i;
    }
    return n;
}

/* A name may consist of digits; a row of numbers has several. */
static bool is_row(const rf_line_reader *line) {
    double v[2];
    return rf_prediction_numbers(line->line, line->line + line->length, v, 2) >= 2;
}

/* Numbers that follow each other with something else among them: still a row, of another tool or damaged. */
static bool is_bad_row(const rf_line_reader *line) {
    char c = line->line[0];
    return (c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9')) && memchr(line->line, ' ', line->length) &&
           !memchr(line->line, '/', line->length) && !memchr(line->line, '\\', line->length);
}

/* One row of the image that was named last. columns: of the rows before, 0: none came yet. */
static rf_status add_row(reader *r, const rf_line_reader *line, int *columns) {
    double v[ELLIPSE_ROW];
    int n = rf_prediction_numbers(line->line, line->line + line->length, v, ELLIPSE_ROW);
    int kind = n == ELLIPSE_ROW ? ELLIPSE_ROW : n >= BOX_ROW ? BOX_ROW : 0;
    rf_prediction_notes *notes = &r->set->notes;
    if (kind == 0 || (*columns && kind != *columns)) {
        rf_prediction_notes_add(notes, RF_NOTE_bad_rows, "%s:%d", r->path, line->number);
        return RF_OK;
    }
    *columns = kind;
    rf_face face;
    if (kind == BOX_ROW) {
        if (n > BOX_ROW) rf_prediction_notes_add(notes, RF_NOTE_more_columns, "%s:%d", r->path, line->number);
        if (!rf_prediction_face(v, r->path, line->number, notes, &face)) return RF_OK;
        return rf_prediction_set_add(r->set, r->image, &face, v[4], NULL);
    }
    rf_ellipse ellipse = {fabs(v[0]), fabs(v[1]), v[2], v[3], v[4]};
    double box[4];
    rf_ellipse_box(&ellipse, box);
    const double upright[5] = {box[0], box[1], box[2] - box[0], box[3] - box[1], v[5]};
    if (!rf_prediction_face(upright, r->path, line->number, notes, &face)) return RF_OK;
    if (!isfinite(v[0] + v[1] + v[2] + v[3] + v[4])) ellipse = (rf_ellipse){0, 0, 0, -1e6, -1e6};
    return rf_prediction_set_add(r->set, r->image, &face, v[5], &ellipse);
}

/* Finds the image of a name; false: its rows are to be left out. */
static bool take_name(reader *r, const rf_line_reader *line) {
    size_t i = find_image(r->dataset, r->image, line->line, line->length);
    int shown = (int)(line->length < SHOWN ? line->length : SHOWN);
    if (i == r->dataset->n_samples) {
        rf_prediction_notes_add(&r->set->notes, RF_NOTE_strays, "%s:%d: %.*s", r->path, line->number, shown,
                                line->line);
        return false;
    }
    r->image = i;
    if (r->named[i]) {
        rf_prediction_notes_add(&r->set->notes, RF_NOTE_twice, "%s:%d: %.*s", r->path, line->number, shown, line->line);
        return false;
    }
    r->named[i] = true;
    r->found++;
    return true;
}

/* The number of detections in the line after a name; without one the rows begin there. */
static double take_count(reader *r, rf_line_reader *line, int name_line) {
    rf_line_reader ahead;
    double count;
    if (rf_lines_peek(line, &ahead) && rf_prediction_numbers(ahead.line, ahead.line + ahead.length, &count, 1) == 1 &&
        count >= 0 && count == floor(count)) {
        *line = ahead;
        return count;
    }
    rf_prediction_notes_add(&r->set->notes, RF_NOTE_no_count, "%s:%d", r->path, name_line);
    return -1;
}

static rf_status read_text(reader *r, const char *text, size_t bytes) {
    rf_line_reader line = rf_lines_begin(r->path, text, rf_prediction_text_end(text, bytes)), ahead;
    while (rf_lines_next(&line)) {
        int name_line = line.number, columns = 0;
        if (is_row(&line) || is_bad_row(&line)) { /* before any name */
            rf_prediction_notes_add(&r->set->notes, RF_NOTE_bad_rows, "%s:%d: no image is named", r->path, name_line);
            continue;
        }
        bool taken = take_name(r, &line);
        double count = take_count(r, &line, name_line);
        size_t rows = 0;
        for (; rf_lines_peek(&line, &ahead) && (is_row(&ahead) || is_bad_row(&ahead)); line = ahead, rows++)
            if (taken) RF_TRY(add_row(r, &ahead, &columns));
        if (taken) r->set->matlab_rows[r->image] = r->set->lists[r->image].n;
        if (count >= 0 && count != (double)rows && taken)
            rf_prediction_notes_add(&r->set->notes, RF_NOTE_count_differs, "%s:%d: %g announced, %zu rows", r->path,
                                    name_line, count, rows);
    }
    return RF_OK;
}

/* Whether a text begins as detections: a name, then a number of them. In a folder there may be others beside them, such
 * as curves, lists of names and the annotation itself. */
static bool is_detections(const char *text, size_t bytes) {
    rf_line_reader line = rf_lines_begin("", text, rf_prediction_text_end(text, bytes));
    double count;
    return rf_lines_next(&line) && !is_row(&line) && rf_lines_next(&line) &&
           rf_prediction_numbers(line.line, line.line + line.length, &count, 1) == 1 && count >= 0;
}

static bool is_annotation(const char *name) {
    static const char suffix[] = "ellipseList.txt";
    size_t n = strlen(name), bytes = sizeof suffix - 1;
    return n >= bytes && strcasecmp(name + n - bytes, suffix) == 0;
}

/* picky: a file that does not look like detections is noted and left. */
static rf_status read_file(reader *r, const char *path, const char *shown, bool picky) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    r->path = shown;
    RF_TRY(rf_file_read(path, (size_t)1 << 30, &text, &bytes));
    rf_status status = rf_text_check(path, (const char *)text, bytes);
    bool left = picky && (is_annotation(shown) || !is_detections((const char *)text, bytes));
    if (status == RF_OK && left) rf_prediction_notes_add(&r->set->notes, RF_NOTE_strays, "%s", shown);
    if (status == RF_OK && !left) status = read_text(r, (const char *)text, bytes);
    r->set->notes.files += status == RF_OK && !left;
    rf_free(text);
    return status;
}

/* All text files of a folder that hold detections, in the order of their names; one that cannot be read is noted. */
static rf_status read_folder(reader *r, const char *dir) {
    char **names;
    size_t n;
    rf_status status = RF_OK;
    RF_TRY(rf_dir_list(dir, ".txt", false, &names, &n));
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *path = rf_path_join(dir, names[i]);
        status = path ? read_file(r, path, names[i], true) : RF_ERR_NOMEM;
        if (status == RF_ERR_IO || status == RF_ERR_FORMAT) {
            rf_prediction_notes_add(&r->set->notes, RF_NOTE_unreadable, "%s", rf_error_message());
            status = RF_OK;
        }
        rf_free(path);
    }
    rf_names_free(names, n);
    return status;
}

rf_status rf_fddb_read(const char *path, const rf_dataset *dataset, rf_prediction_set *set) {
    size_t n = dataset->n_samples;
    RF_TRY(rf_prediction_set_make(n, set));
    reader r = {path, dataset, set, rf_alloc(n, sizeof *r.named), n ? n - 1 : 0, 0};
    rf_status status = r.named ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_dir_exists(path) ? read_folder(&r, path) : read_file(&r, path, path, false);
    if (status == RF_OK && n && r.found == 0)
        status = rf_fail(RF_ERR_FORMAT,
                         "%s: no image of %s is named; expected for each image its name, the number of detections and "
                         "rows x y w h score",
                         path, dataset->annotation_path);
    if (status == RF_OK) status = rf_prediction_notes_check(path, &set->notes);
    for (size_t i = 0; i < n && status == RF_OK; i++)
        if (!r.named[i]) rf_prediction_notes_add(&set->notes, RF_NOTE_unnamed, "%s", dataset->samples[i].name);
    if (status != RF_OK) rf_prediction_set_free(set);
    rf_free(r.named);
    return status;
}

/* The last two words of a line as sides of a picture; *name_bytes: what stands before them. */
static bool parse_size(const rf_line_reader *line, size_t *name_bytes, int size[2]) {
    size_t end = line->length;
    for (int k = 1; k >= 0; k--) {
        size_t word = end;
        while (word > 0 && line->line[word - 1] != ' ' && line->line[word - 1] != '\t') word--;
        double side;
        if (word == 0 || rf_prediction_numbers(line->line + word, line->line + end, &side, 1) != 1) return false;
        if (!(side >= 1 && side <= SIDE_MAX) || side != floor(side)) return false;
        size[k] = (int)side;
        for (end = word; end > 0 && (line->line[end - 1] == ' ' || line->line[end - 1] == '\t');) end--;
    }
    *name_bytes = end;
    return end > 0;
}

rf_status rf_fddb_read_sizes(const char *path, const rf_dataset *dataset, int (*sizes)[2], size_t *known) {
    uint8_t *text = NULL;
    size_t bytes = 0, n = dataset->n_samples, last = n ? n - 1 : 0;
    *known = 0;
    RF_TRY(rf_file_read(path, (size_t)1 << 30, &text, &bytes));
    rf_status status = rf_text_check(path, (const char *)text, bytes);
    rf_line_reader line = rf_lines_begin(path, (const char *)text, rf_prediction_text_end((const char *)text, bytes));
    while (status == RF_OK && rf_lines_next(&line)) {
        int size[2];
        size_t name_bytes;
        if (line.line[0] == '#') continue;
        if (!parse_size(&line, &name_bytes, size)) {
            status = rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.*s\"; expected an image's name, its width and its height", path,
                             line.number, (int)(line.length < SHOWN ? line.length : SHOWN), line.line);
            break;
        }
        size_t image = find_image(dataset, last, line.line, name_bytes);
        if (image == n) continue;
        last = image;
        memcpy(sizes[image], size, sizeof size);
    }
    for (size_t i = 0; i < n; i++) *known += sizes[i][0] > 0;
    if (status == RF_OK && n && *known == 0)
        status = rf_fail(RF_ERR_FORMAT, "%s: no image of %s is named", path, dataset->annotation_path);
    rf_free(text);
    return status;
}
