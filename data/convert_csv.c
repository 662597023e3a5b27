/* CSV with a header: a column for the image, four for the box (x1 y1 x2 y2 or x y w h), and if there are any a column
 * for the kind of object and ten for the landmarks (left_eye_x, left_eye_y, ...). A row is a face; a row whose box is
 * empty is an image without faces. Rows of an image need not stand together. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "data/annotation.h"
#include "data/convert.h"
#include "data/csv.h"

enum { PATH, KIND, X1, Y1, X2, Y2, LEFT, TOP, WIDTH, HEIGHT, POINTS, COLUMNS = POINTS + 3 * RF_POINTS };

/* Names of the columns without signs and in small letters. */
static const char *const column_names[POINTS] = {
    [PATH] = "path image imagepath img imgpath file filename filepath imageid name",
    [KIND] = "class label category classname object",
    [X1] = "x1 xmin left bboxx1 minx startx",
    [Y1] = "y1 ymin top bboxy1 miny starty",
    [X2] = "x2 xmax right bboxx2 maxx endx",
    [Y2] = "y2 ymax bottom bboxy2 maxy endy",
    [LEFT] = "x bboxx x1 left xmin",
    [TOP] = "y bboxy y1 top ymin",
    [WIDTH] = "w width bboxw bboxwidth facewidth",
    [HEIGHT] = "h height bboxh bboxheight faceheight",
};

static bool is_one_of(const char *word, const char *names) {
    size_t n = strlen(word);
    for (const char *p = names; *p; p += *p == ' ') {
        size_t length = strcspn(p, " ");
        if (length == n && memcmp(p, word, n) == 0) return true;
        p += length;
    }
    return false;
}

static void simplify(const char *name, char word[64]) {
    size_t n = 0;
    for (; *name && n < 63; name++)
        if (isalnum((unsigned char)*name)) word[n++] = (char)tolower((unsigned char)*name);
    word[n] = 0;
}

/* Columns of the header: column[COLUMNS], -1 where there is none. */
static rf_status read_header(const rf_csv *csv, int column[COLUMNS]) {
    static const char axes[] = "xyv";
    for (int i = 0; i < COLUMNS; i++) column[i] = -1;
    for (size_t i = 0; i < csv->n; i++) {
        char word[64];
        simplify(csv->field[i], word);
        for (int k = 0; k < POINTS; k++)
            if (column[k] < 0 && is_one_of(word, column_names[k])) column[k] = (int)i;
        size_t n = strlen(word);
        const char *axis = n > 1 ? strchr(axes, word[n - 1]) : NULL;
        int point = axis ? rf_point_by_name(word, n - 1) : -1;
        if (point >= 0 && column[POINTS + 3 * point + (axis - axes)] < 0)
            column[POINTS + 3 * point + (axis - axes)] = (int)i;
    }
    bool corners = column[X1] >= 0 && column[Y1] >= 0 && column[X2] >= 0 && column[Y2] >= 0;
    bool sides = column[LEFT] >= 0 && column[TOP] >= 0 && column[WIDTH] >= 0 && column[HEIGHT] >= 0;
    if (!corners) column[X2] = -1;
    if (column[PATH] >= 0 && (corners || sides)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: the header needs columns path and x1, y1, x2, y2 (or x, y, w, h)", csv->path,
                   csv->row_line);
}

/* *empty tells that the field has no text. */
static rf_status read_number(const rf_csv *csv, int column, double *out, bool *empty) {
    const char *text = csv->field[column];
    *out = 0;
    *empty = *text == 0;
    if (*empty || rf_number_parse(text, out)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.40s\" in column %d is not a number", csv->path, csv->row_line, text,
                   column + 1);
}

static rf_status read_box(const rf_csv *csv, const int column[COLUMNS], double box[4], bool *empty) {
    const int *from = column[X2] >= 0 ? column + X1 : column + LEFT;
    int missing = 0;
    for (int i = 0; i < 4; i++) {
        bool none;
        RF_TRY(read_number(csv, from[i], &box[i], &none));
        missing += none;
    }
    *empty = missing == 4;
    if (missing && !*empty) return rf_fail(RF_ERR_FORMAT, "%s:%d: the box lacks a number", csv->path, csv->row_line);
    for (int i = 2; i < 4 && column[X2] >= 0; i++) box[i] -= box[i - 2];
    return RF_OK;
}

static rf_status read_points(const rf_csv *csv, const int column[COLUMNS], double points[15], bool *any) {
    *any = false;
    for (int k = 0; k < RF_POINTS; k++) {
        const int *from = column + POINTS + 3 * k;
        double *point = points + 3 * k, v = 0;
        bool no_x = true, no_y = true, no_v = true;
        if (from[0] >= 0) RF_TRY(read_number(csv, from[0], &point[0], &no_x));
        if (from[1] >= 0) RF_TRY(read_number(csv, from[1], &point[1], &no_y));
        if (from[2] >= 0) RF_TRY(read_number(csv, from[2], &v, &no_v));
        point[2] = no_x || no_y || v < 0 ? 0 : v == 1 ? 1 : 2; /* v as in label.txt: 0 visible, 1 hidden, -1 absent */
        *any |= point[2] > 0;
    }
    return RF_OK;
}

static rf_status read_face(const rf_csv *csv, const int column[COLUMNS], rf_intake *intake) {
    double box[4], points[15];
    bool empty, any;
    const char *name = csv->field[column[PATH]];
    const rf_intake_image *last = intake->n_images ? &intake->images[intake->n_images - 1] : NULL;
    if (!last || !last->name || strcmp(last->name, name) != 0)
        RF_TRY(rf_intake_add_image(intake, name, strlen(name), NULL, 0, csv->row_line));
    RF_TRY(read_box(csv, column, box, &empty));
    if (empty) return RF_OK;
    rf_intake_face face = {.image = intake->n_images - 1, .category = -1};
    if (column[KIND] >= 0) RF_TRY(rf_intake_category(intake, csv->field[column[KIND]], &face.category));
    RF_TRY(read_points(csv, column, points, &any));
    intake->named_points |= any;
    RF_TRY(rf_intake_fill(intake, box, points, csv->row_line, &face));
    return rf_intake_add_face(intake, &face);
}

static rf_status read_rows(rf_csv *csv, rf_intake *intake) {
    int column[COLUMNS];
    bool more;
    RF_TRY(rf_csv_next(csv, &more));
    if (!more) return rf_fail(RF_ERR_FORMAT, "%s:1: the file is empty; a header was expected", csv->path);
    size_t n = csv->n;
    RF_TRY(read_header(csv, column));
    for (;;) {
        RF_TRY(rf_csv_next(csv, &more));
        if (!more) return RF_OK;
        if (csv->n != n)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: %zu fields; the header has %zu", csv->path, csv->row_line, csv->n, n);
        RF_TRY(read_face(csv, column, intake));
    }
}

static rf_status csv_read(const rf_source *source, rf_intake *intake) {
    rf_csv csv;
    intake->merges = true;
    rf_csv_begin(&csv, source->path, source->text, source->bytes);
    rf_status status = read_rows(&csv, intake);
    rf_csv_end(&csv);
    return status;
}

static bool csv_sniff(const char *text, size_t bytes) {
    rf_csv csv;
    int column[COLUMNS];
    bool more = false;
    rf_csv_begin(&csv, "", text, bytes);
    bool known = rf_csv_next(&csv, &more) == RF_OK && more && csv.n >= 5 && read_header(&csv, column) == RF_OK;
    rf_csv_end(&csv);
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
                                       false};
