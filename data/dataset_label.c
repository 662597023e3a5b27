/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's label.txt (deepinsight/insightface, detection/retinaface): "# name" begins an image, every further line
 * is a face. A line of 4 numbers is x y w h (the val file). 19 numbers: five times x y v follow, v being 0 visible, 1
 * hidden, -1 not annotated (x and y are -1 too). 20 numbers: blur follows (the train file; -1: not told). A 21st number
 * is ours: 1 marks a face that is neither target nor negative; other readers skip it. Any other number of points up to
 * 98 is ours, too: 4 + 3 x n numbers, and those two. Where LABEL.set.ini names several kinds of objects, each row ends
 * with the number of its kind, from 0: x y w h kind, or all of the above, blur and mark included, and the kind. */
#include <stdio.h>

#include "core/file.h"
#include "data/annotation.h"
#include "data/dataset.h"
#include "data/doubts.h"

enum { N_BOX = 4, N_MOST = N_BOX + 3 * RF_POINTS_MAX + 2 }; /* without the kind */

/* A face of the file and the memory of its points. */
typedef struct row {
    rf_face face;
    float points[2 * RF_POINTS_MAX], visible[RF_POINTS_MAX];
} row;

static bool label_sniff(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    return rf_lines_next(&reader) && reader.line[0] == '#';
}

/* Five points at one place, (0, 0) mostly, are other tools' way to say that there are none. */
static rf_status check_points(rf_face *face, const double *v, int line, rf_dataset *out) {
    bool others = false, absent = false;
    int n = face->n_points;
    for (int k = 0; k < n; k++) {
        others |= v[3 * k + 2] != 0 && v[3 * k + 2] != 1 && v[3 * k + 2] != -1;
        absent |= v[3 * k + 2] < 0;
    }
    if (n && rf_points_equal(face->points, n)) {
        char text[96];
        snprintf(text, sizeof text,
                 n == RF_POINTS ? "the five landmarks are all at one place; the face is taken as without"
                                : "the %d points are all at one place; the face is taken as without",
                 n);
        face->n_points = 0;
        RF_TRY(rf_dataset_remark(out, RF_REMARK_NO_POINTS, line, text));
    }
    if (face->n_points && absent) {
        face->n_points = 0;
        RF_TRY(rf_dataset_remark(out, RF_REMARK_READ_AS, line,
                                 "a landmark that is marked as not annotated (-1) has a place; the face is taken as "
                                 "without landmarks"));
    }
    if (face->n_points && others)
        RF_TRY(rf_dataset_remark(out, RF_REMARK_READ_AS, line,
                                 "a landmark's third number is not 0 (visible), 1 (hidden) or -1 (not annotated); "
                                 "above 0 it is taken as hidden, though COCO's 2 means visible"));
    return RF_OK;
}

/* Of a row of n numbers: those of the points, after which the blur and the mark of ignored faces may stand. */
static rf_status count_points(const rf_line_reader *reader, int n, int *n_points) {
    enum { FIVE = N_BOX + 3 * RF_POINTS };
    *n_points = (n - N_BOX) / 3;
    if (n == N_BOX || (n >= N_BOX + 3 && n <= N_MOST)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT,
                   "%s:%d: %d numbers; a face has %d (x y w h), or with five points %d or %d (five times x y v, blur), "
                   "or with n points %d + 3 n and the blur, up to %d points",
                   reader->path, reader->number, n, N_BOX, FIVE, FIVE + 1, N_BOX, RF_POINTS_MAX);
}

/* Takes the kind from the end of a row of *n numbers, when there are several kinds. */
static rf_status take_label(const rf_line_reader *reader, const rf_classes *classes, const double *v, int *n,
                            uint8_t *label) {
    enum { MORE = N_BOX + 3 + 3 };
    if (classes->n < 2) return RF_OK;
    if (*n != N_BOX + 1 && (*n < MORE || (*n - N_BOX) % 3 != 0))
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %d numbers; with several kinds of objects (set.ini) a face has %d (x y w h kind), or "
                       "with n points %d + 3 n: x y w h, n times x y v, blur, ignored, kind",
                       reader->path, reader->number, *n, N_BOX + 1, N_BOX + 3);
    double kind = v[--*n];
    if (kind < 0 || kind >= classes->n || kind != (int)kind)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %g is no kind of object; the last number of a row is one of 0 to %d, the places of the "
                       "names in set.ini",
                       reader->path, reader->number, kind, classes->n - 1);
    *label = (uint8_t)kind;
    return RF_OK;
}

static rf_status parse_face(const rf_line_reader *reader, row *r, rf_dataset *out) {
    double v[RF_ROW_MAX];
    rf_face *face = &r->face;
    int n, n_points;
    bool absent = false, hidden = false;
    *face = (rf_face){.score = 1};
    RF_TRY(rf_line_numbers(reader, v, &n));
    RF_TRY(take_label(reader, &out->classes, v, &n, &face->label));
    RF_TRY(count_points(reader, n, &n_points));
    RF_TRY(rf_line_box(reader, v, face->box));
    int behind = N_BOX + 3 * n_points;
    face->ignore = v[2] <= 0 || v[3] <= 0 || (n == behind + 2 && v[n - 1] != 0);
    if (n == N_BOX) return RF_OK;
    RF_TRY(rf_dataset_expect_points(out, n_points, reader->number));
    face->has_blur = n > behind;
    if (face->has_blur) face->blur = (float)v[behind];
    for (int k = 0; k < n_points; k++) {
        const double *point = v + N_BOX + 3 * k;
        r->points[2 * k] = (float)point[0];
        r->points[2 * k + 1] = (float)point[1];
        absent |= point[0] < 0 || point[1] < 0;
        hidden |= point[2] > 0;
        r->visible[k] = point[2] <= 0;
    }
    face->points = r->points;
    face->visible = hidden ? r->visible : NULL;
    face->n_points = absent ? 0 : n_points;
    return check_points(face, v + N_BOX, reader->number, out);
}

static rf_status take_name(const rf_line_reader *reader, rf_dataset *out) {
    size_t skip = 1;
    while (skip < reader->length && (reader->line[skip] == ' ' || reader->line[skip] == '\t')) skip++;
    if (skip == reader->length)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: no image name after #; expected \"# folder/image.jpg\"", reader->path,
                       reader->number);
    return rf_dataset_add_sample(out, reader->line + skip, reader->length - skip, reader->number);
}

static rf_status take_face(const rf_line_reader *reader, bool named, rf_dataset *out) {
    row r;
    RF_TRY(parse_face(reader, &r, out));
    if (!named)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a face before the first image; expected \"# folder/image.jpg\" first",
                       reader->path, reader->number);
    return rf_dataset_add_face(out, &r.face, reader->number);
}

static rf_status label_parse(const char *path, const char *text, size_t bytes, rf_dataset *out) {
    rf_line_reader reader = rf_lines_begin(path, text, bytes);
    bool named = false; /* whether the faces' image is known */
    while (rf_lines_next(&reader)) {
        if (reader.line[0] == '#') {
            size_t before = out->n_samples;
            RF_TRY(rf_dataset_bad(out, take_name(&reader, out), RF_REMARK_IMAGE, reader.number));
            named = out->n_samples > before;
            continue;
        }
        rf_remark_kind kind = named ? RF_REMARK_FACE : RF_REMARK_ORPHAN;
        RF_TRY(rf_dataset_bad(out, take_face(&reader, named, out), kind, reader.number));
    }
    return RF_OK;
}

/* ---- writing ---- */

/* kinds: the label ends the row. */
static void write_face(FILE *stream, const rf_face *face, int n_points, bool kinds) {
    double x = face->box[0], y = face->box[1];
    fprintf(stream, "%.9g %.9g %.9g %.9g", x, y, face->box[2] - x, face->box[3] - y);
    for (int k = 0; k < n_points; k++) {
        if (face->n_points)
            fprintf(stream, " %.9g %.9g %d", face->points[2 * k], face->points[2 * k + 1], rf_face_hides(face, k));
        else
            fputs(" -1 -1 -1", stream);
    }
    bool positive_area = face->box[2] > face->box[0] && face->box[3] > face->box[1];
    bool ignored = face->ignore && positive_area;
    fprintf(stream, " %.9g", face->has_blur ? (double)face->blur : 0);
    if (kinds) fprintf(stream, " %d %d", ignored, face->label);
    fputs(ignored && !kinds ? " 1\n" : "\n", stream);
}

rf_status rf_dataset_write_label(const rf_dataset *dataset, const char *path) {
    rf_atomic_file *file;
    int n_points = dataset->n_points ? dataset->n_points : RF_POINTS; /* which other readers expect */
    RF_TRY(rf_atomic_open(path, &file));
    FILE *stream = rf_atomic_stream(file);
    for (size_t i = 0; i < dataset->n_samples; i++) {
        const rf_sample *sample = &dataset->samples[i];
        fprintf(stream, "# %s\n", sample->name);
        for (size_t k = 0; k < sample->n_faces; k++)
            write_face(stream, &dataset->faces[sample->first_face + k], n_points, dataset->classes.n > 1);
    }
    return rf_atomic_commit(file);
}

const rf_dataset_format rf_dataset_format_label = {
    "label", "RetinaFace's label.txt: \"# image\", then x y w h and five landmarks, or up to 98, a face",
    "# a/photo.jpg\n10 20 30 40\n", label_sniff, label_parse};
