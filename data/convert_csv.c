/* SPDX-License-Identifier: Apache-2.0 */
/* CSV with a header: a column for the image, four for the box (x1 y1 x2 y2, x y w h, ..: see data/csv_columns.h), and
 * if there are any a column for the kind of object and ten for the landmarks (left_eye_x, left_eye_y, ...). A row is a
 * face; a row whose box is empty is an image without faces. Rows of an image need not stand together. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/text.h"
#include "data/annotation.h"
#include "data/convert.h"
#include "data/csv.h"
#include "data/csv_columns.h"

typedef struct table {
    rf_csv csv;
    rf_columns columns;
    bool comma;        /* numbers have a decimal comma: a number with another sense of the comma is not there */
    size_t comma_rows; /* rows that were read so */
    int comma_line;    /* the first of them */
    bool row_has_comma;
} table;

/* "1,5": digits, one comma, digits. *sure: it cannot be a thousand and a half. */
static bool has_decimal_comma(const char *text, bool *sure) {
    const char *p = text + (*text == '-' || *text == '+');
    size_t whole = strspn(p, "0123456789"), part = p[whole] == ',' ? strspn(p + whole + 1, "0123456789") : 0;
    if (whole == 0 || part == 0 || p[whole + 1 + part]) return false;
    *sure = part != 3 || whole > 3 || *p == '0';
    return true;
}

static bool is_none(const char *text) {
    static const char *const words[] = {"", "nan", "none", "null", "na", "n/a"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) return true;
    return false;
}

/* *empty tells that the field has no text. */
static rf_status read_number(table *t, int column, double *out, bool *empty) {
    const rf_csv *csv = &t->csv;
    const char *text = csv->field[column];
    char copy[48];
    bool sure;
    *out = 0;
    *empty = *text == 0;
    if (*empty || rf_number_parse(text, out)) return RF_OK;
    if (!has_decimal_comma(text, &sure) || strlen(text) >= sizeof copy)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.40s\" in column %d is not a number", csv->path, csv->row_line, text,
                       column + 1);
    if (!t->comma)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: \"%.40s\" in column %d may have a decimal comma or thousands; write a point", csv->path,
                       csv->row_line, text, column + 1);
    snprintf(copy, sizeof copy, "%s", text);
    *strchr(copy, ',') = '.';
    t->row_has_comma = true;
    return rf_number_parse(copy, out)
               ? RF_OK
               : rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.40s\" is not a number", csv->path, csv->row_line, text);
}

/* x y w h, or in *empty that there is none. */
static rf_status read_box(table *t, double box[4], bool *empty) {
    const rf_columns *c = &t->columns;
    int missing = 0, none = 0;
    for (int i = 0; i < 4; i++) none += is_none(t->csv.field[c->box[i]]);
    *empty = none == 4;
    for (int i = 0; i < 4 && !*empty; i++) {
        bool no_text;
        RF_TRY(read_number(t, c->box[i], &box[i], &no_text));
        missing += no_text;
    }
    if (missing) return rf_fail(RF_ERR_FORMAT, "%s:%d: the box lacks a number", t->csv.path, t->csv.row_line);
    for (int i = 0; i < 2 && !*empty; i++) {
        if (c->form == RF_BOX_CORNERS) box[i + 2] -= box[i];
        if (c->form == RF_BOX_CENTRES) box[i] -= box[i + 2] / 2;
    }
    return RF_OK;
}

static rf_status read_points(table *t, double *points, const rf_point_scheme *scheme, bool *any) {
    *any = false;
    for (int k = 0; k < rf_scheme_count(scheme); k++) {
        const int *from = t->columns.points + 3 * k;
        double *point = points + 3 * k, v = 0;
        bool no_x = true, no_y = true, no_v = true;
        if (from[0] >= 0) RF_TRY(read_number(t, from[0], &point[0], &no_x));
        if (from[1] >= 0) RF_TRY(read_number(t, from[1], &point[1], &no_y));
        if (from[2] >= 0) RF_TRY(read_number(t, from[2], &v, &no_v));
        point[2] = no_x || no_y || v < 0 ? 0 : v == 1 ? 1 : 2; /* v as in label.txt: 0 visible, 1 hidden, -1 absent */
        *any |= point[2] > 0;
    }
    return RF_OK;
}

/* The size of the picture that the row tells; 0 when it tells none, or that of the box. */
static rf_status read_size(table *t, const double box[4], bool empty, int size[2]) {
    double value[2] = {0};
    for (int i = 0; i < 2; i++) {
        bool none = true;
        if (t->columns.image[i] >= 0 && !is_none(t->csv.field[t->columns.image[i]]))
            RF_TRY(read_number(t, t->columns.image[i], &value[i], &none));
        size[i] = value[i] > 0 && value[i] < 1e9 ? (int)value[i] : 0;
    }
    bool of_box = !empty && fabs(value[0] - box[2]) <= 1 && fabs(value[1] - box[3]) <= 1;
    if (of_box || !size[0] || !size[1]) size[0] = size[1] = 0;
    return RF_OK;
}

/* The image of a row: a new entry unless the row before had the same. */
static rf_status find_image(const table *t, const int size[2], rf_intake *intake) {
    const char *name = t->csv.field[t->columns.path];
    size_t n = strlen(name);
    const rf_intake_image *last = intake->n_images ? &intake->images[intake->n_images - 1] : NULL;
    if (last && last->name && strcmp(last->name, name) == 0 && last->declared_width == size[0] &&
        last->declared_height == size[1])
        return RF_OK;
    RF_TRY(rf_intake_add_image(intake, name, n, name, n, t->csv.row_line)); /* the suffix may be missing */
    intake->images[intake->n_images - 1].declared_width = size[0];
    intake->images[intake->n_images - 1].declared_height = size[1];
    return RF_OK;
}

static rf_status read_face(table *t, rf_intake *intake, long long *image) {
    double box[4] = {0}, points[3 * RF_POINTS_MAX] = {0};
    const rf_columns *c = &t->columns;
    int size[2], unknown[2] = {0}, line = t->csv.row_line;
    bool empty, any;
    rf_status status;
    if (t->csv.n != c->n)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %zu fields; the header has %zu", t->csv.path, line, t->csv.n, c->n);
    status = read_box(t, box, &empty);
    if (status == RF_OK) status = read_size(t, box, empty, size);
    if (status == RF_ERR_FORMAT) { /* the face is lost, its image is not */
        char why[512];
        snprintf(why, sizeof why, "%s", rf_error_message());
        RF_TRY(find_image(t, unknown, intake));
        *image = (long long)intake->n_images - 1;
        return rf_fail(RF_ERR_FORMAT, "%s", why);
    }
    RF_TRY(status);
    RF_TRY(find_image(t, size, intake));
    if (empty) return RF_OK;
    *image = (long long)intake->n_images - 1;
    rf_intake_face face = {.image = intake->n_images - 1, .category = -1};
    if (c->kind >= 0) RF_TRY(rf_intake_category(intake, t->csv.field[c->kind], &face.category));
    RF_TRY(read_points(t, points, &intake->scheme, &any));
    intake->named_points |= any && !intake->scheme.n;
    RF_TRY(rf_intake_fill(intake, box, points, rf_scheme_count(&intake->scheme), line, &face));
    return rf_intake_add_face(intake, &face);
}

/* Whether a row of values stands where names were expected. */
static bool has_numbers(const rf_csv *csv) {
    double value;
    for (size_t i = 0; i < csv->n; i++)
        if (rf_number_parse(csv->field[i], &value)) return true;
    return false;
}

/* Columns by the user's names, or by those of the first row. *header: the first row is none of values. */
static rf_status find_columns(table *t, const rf_point_scheme *scheme, const char *given, bool *header) {
    const rf_csv *csv = &t->csv;
    const char *names[RF_CSV_FIELDS];
    char place[512];
    snprintf(place, sizeof place, "%.480s:%d", csv->path, csv->row_line);
    *header = !has_numbers(csv);
    if (!given && !*header)
        return rf_fail(RF_ERR_FORMAT,
                       "%s: the first line has values (\"%.40s\", ...) instead of names: the header needs columns path "
                       "and x1, y1, x2, y2 (or x, y, w, h); write one, or tell by --columns path,x1,y1,x2,y2",
                       place, csv->field[0]);
    if (!given) return rf_columns_find(csv->field, csv->n, scheme, place, &t->columns);
    char *copy = rf_strdup(given);
    if (!copy) return RF_ERR_NOMEM;
    size_t n = 0;
    for (char *p = copy, *stop; p && n < RF_CSV_FIELDS; p = stop) {
        stop = strchr(p, ',');
        if (stop) *stop++ = 0;
        names[n++] = p;
    }
    rf_status status = rf_columns_find(names, n, scheme, "--columns", &t->columns);
    rf_free(copy);
    return status == RF_ERR_FORMAT ? RF_ERR_USER : status;
}

/* Whether a number in this or a later row settles that commas are decimal. */
static rf_status find_comma(table *t) {
    rf_csv ahead = t->csv;
    rf_status status = RF_OK;
    bool more = true;
    ahead.row = (rf_text){0};
    ahead.at = ahead.row_at;
    while (more && !t->comma && status != RF_ERR_NOMEM) {
        status = rf_csv_next(&ahead, &more);
        if (status == RF_ERR_FORMAT) rf_csv_resume(&ahead);
        for (int i = 0; status == RF_OK && more && i < 4 && ahead.n == t->columns.n; i++) {
            bool sure = false;
            if (has_decimal_comma(ahead.field[t->columns.box[i]], &sure)) t->comma |= sure;
        }
    }
    rf_csv_end(&ahead);
    return status == RF_ERR_NOMEM ? status : RF_OK;
}

static rf_status read_row(table *t, rf_intake *intake) {
    long long image = RF_NO_IMAGE;
    int line = t->csv.row_line;
    t->row_has_comma = false;
    rf_status status = read_face(t, intake, &image);
    if (status == RF_OK && t->row_has_comma && t->comma_rows++ == 0) t->comma_line = line;
    return rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, image, line);
}

static rf_status read_rows(table *t, rf_intake *intake) {
    rf_csv *csv = &t->csv;
    bool more, header;
    RF_TRY(rf_csv_next(csv, &more));
    if (!more) return rf_fail(RF_ERR_FORMAT, "%s:1: the file is empty; a header was expected", csv->path);
    RF_TRY(find_columns(t, &intake->scheme, intake->columns, &header));
    intake->form = t->columns.form;
    if (t->columns.n_unread)
        RF_TRY(rf_intake_tell(intake, RF_CONVERT_COLUMNS, t->columns.n_unread, csv->row_line,
                              "columns that are not read: %s", t->columns.unread));
    RF_TRY(find_comma(t));
    if (!header) RF_TRY(read_row(t, intake));
    for (;;) {
        rf_status status = rf_csv_next(csv, &more);
        if (status == RF_OK && !more) break;
        if (status == RF_OK) {
            RF_TRY(read_row(t, intake));
            continue;
        }
        RF_TRY(rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, RF_NO_IMAGE, csv->row_line));
        rf_csv_resume(csv);
    }
    if (!t->comma_rows) return RF_OK;
    return rf_intake_tell(intake, RF_CONVERT_READ_AS, t->comma_rows, t->comma_line,
                          "numbers like \"1,5\" were read with a decimal comma");
}

static rf_status csv_read(const rf_source *source, rf_intake *intake) {
    table t = {0};
    intake->merges = true;
    rf_csv_begin(&t.csv, source->path, source->text, source->bytes);
    rf_status status = read_rows(&t, intake);
    rf_csv_end(&t.csv);
    return status;
}

static bool csv_sniff(const char *text, size_t bytes) {
    table t = {0};
    bool more = false, known = false, header;
    rf_csv_begin(&t.csv, "", text, bytes);
    size_t separators = 0;
    for (const char *p = t.csv.at; p < t.csv.end && *p != '\n'; p++) separators += *p == t.csv.separator;
    if (separators < 4) return false; /* the usual case, and nothing needs to be allocated for it */
    if (rf_csv_next(&t.csv, &more) == RF_OK && more && t.csv.n >= 5 && !has_numbers(&t.csv))
        known = find_columns(&t, &(rf_point_scheme){0}, NULL, &header) == RF_OK || t.columns.ambiguous;
    rf_csv_end(&t.csv);
    return known;
}

static const rf_convert_layout layouts[] = {{"train", "train.csv", ""},
                                            {"val", "val.csv", ""},
                                            {"test", "test.csv", ""},
                                            {"train", "train/_annotations.csv", "train"},
                                            {"val", "valid/_annotations.csv", "valid"},
                                            {"test", "test/_annotations.csv", "test"},
                                            {0}};

const rf_converter rf_converter_csv = {"csv",
                                       "CSV with a header: path and x1,y1,x2,y2 or x,y,w,h; landmarks by name",
                                       "path,x1,y1,x2,y2\nphoto.jpg,10,20,40,60\n",
                                       "faces.csv",
                                       ".csv",
                                       false,
                                       layouts,
                                       csv_read,
                                       NULL,
                                       NULL,
                                       csv_sniff,
                                       false,
                                       NULL};
