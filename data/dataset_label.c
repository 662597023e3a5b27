/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's label.txt (deepinsight/insightface, detection/retinaface): "# name" begins an image, every further line
 * is a face. A line of 4 numbers is x y w h (the val file). 19 numbers: five times x y v follow, v being 0 visible, 1
 * hidden, -1 not annotated (x and y are -1 too). 20 numbers: blur follows (the train file; -1: not told). A 21st number
 * is ours: 1 marks a face that is neither target nor negative; other readers skip it. */
#include <string.h>

#include "data/annotation.h"
#include "data/dataset.h"
#include "data/doubts.h"

enum { N_BOX = 4, N_POINTS = 4 + 3 * RF_POINTS, N_BLUR = N_POINTS + 1, N_IGNORE = N_BLUR + 1 };

static bool label_sniff(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    return rf_lines_next(&reader) && reader.line[0] == '#';
}

/* Five points at one place, (0, 0) mostly, are other tools' way to say that there are none. */
static rf_status check_points(rf_face *face, const double *v, int line, rf_dataset *out) {
    bool others = false, absent = false;
    for (int k = 0; k < RF_POINTS; k++) {
        others |= v[3 * k + 2] != 0 && v[3 * k + 2] != 1 && v[3 * k + 2] != -1;
        absent |= v[3 * k + 2] < 0;
    }
    if (face->has_points && rf_points_equal(face->points)) {
        face->has_points = false;
        RF_TRY(rf_dataset_remark(out, RF_REMARK_NO_POINTS, line,
                                 "the five landmarks are all at one place; the face is taken as without"));
    }
    if (face->has_points && absent) {
        face->has_points = false;
        RF_TRY(rf_dataset_remark(out, RF_REMARK_READ_AS, line,
                                 "a landmark that is marked as not annotated (-1) has a place; the face is taken as "
                                 "without landmarks"));
    }
    if (face->has_points && others)
        RF_TRY(rf_dataset_remark(out, RF_REMARK_READ_AS, line,
                                 "a landmark's third number is not 0 (visible), 1 (hidden) or -1 (not annotated); "
                                 "above 0 it is taken as hidden, though COCO's 2 means visible"));
    return RF_OK;
}

static rf_status parse_face(const rf_line_reader *reader, rf_face *face, rf_dataset *out) {
    double v[RF_ROW_MAX];
    int n;
    *face = (rf_face){.score = 1};
    RF_TRY(rf_line_numbers(reader, v, &n));
    if (n != N_BOX && n != N_POINTS && n != N_BLUR && n != N_IGNORE)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %d numbers; a face has %d (x y w h), %d or %d (and five times x y v, blur) numbers",
                       reader->path, reader->number, n, N_BOX, N_POINTS, N_BLUR);
    RF_TRY(rf_line_box(reader, v, face->box));
    face->ignore = v[2] <= 0 || v[3] <= 0 || (n == N_IGNORE && v[N_IGNORE - 1] != 0);
    if (n == N_BOX) return RF_OK;
    face->has_blur = n >= N_BLUR;
    if (face->has_blur) face->blur = (float)v[N_BLUR - 1];
    face->has_points = true;
    for (int k = 0; k < RF_POINTS; k++) {
        const double *point = v + N_BOX + 3 * k;
        face->points[2 * k] = (float)point[0];
        face->points[2 * k + 1] = (float)point[1];
        if (point[0] < 0 || point[1] < 0) face->has_points = false;
        if (point[2] > 0) face->hidden |= (uint8_t)(1 << k);
    }
    RF_TRY(check_points(face, v + N_BOX, reader->number, out));
    if (face->has_points) return RF_OK;
    memset(face->points, 0, sizeof face->points);
    face->hidden = 0;
    return RF_OK;
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
    rf_face face;
    RF_TRY(parse_face(reader, &face, out));
    if (!named)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a face before the first image; expected \"# folder/image.jpg\" first",
                       reader->path, reader->number);
    return rf_dataset_add_face(out, &face, reader->number);
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

const rf_dataset_format rf_dataset_format_label = {
    "label", "RetinaFace's label.txt: \"# image\", then x y w h and five landmarks a face",
    "# a/photo.jpg\n10 20 30 40\n", label_sniff, label_parse};
