/* SPDX-License-Identifier: Apache-2.0 */
/* The official wider_face_{train,val}_bbx_gt.txt (WIDER FACE, Yang et al., CVPR'16): image name, number of faces, then
 * a row for each: x, y, w, h, blur, expression, illumination, invalid, occlusion, pose. An image without faces has the
 * count 0 and one row of zeros all the same. Rows of the four box numbers alone are read too. */
#include <string.h>

#include "data/annotation.h"
#include "data/dataset.h"

enum { N_BOX = 4, N_FULL = 10, INVALID_COLUMN = 7 };

static bool is_count(const rf_line_reader *reader) {
    for (size_t i = 0; i < reader->length; i++)
        if (reader->line[i] < '0' || reader->line[i] > '9') return false;
    return reader->length > 0 && reader->length < 10;
}

static bool wider_sniff(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    return rf_lines_next(&reader) && reader.line[0] != '#' && !rf_line_is_numeric(&reader) && rf_lines_next(&reader) &&
           is_count(&reader);
}

static rf_status parse_count(const rf_line_reader *reader, long *count) {
    if (!is_count(reader))
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: \"%.*s\" is not a number of faces; expected it in the line after the image name",
                       reader->path, reader->number, (int)(reader->length < 60 ? reader->length : 60), reader->line);
    *count = 0;
    for (size_t i = 0; i < reader->length; i++) *count = *count * 10 + (reader->line[i] - '0');
    return RF_OK;
}

static rf_status parse_face(const rf_line_reader *reader, rf_face *face) {
    double v[RF_ROW_MAX];
    int n;
    *face = (rf_face){.score = 1};
    RF_TRY(rf_line_numbers(reader, v, &n));
    if (n != N_BOX && n != N_FULL)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %d numbers; a face has %d: x y w h blur expression illumination invalid occlusion "
                       "pose (or x y w h alone)",
                       reader->path, reader->number, n, N_FULL);
    RF_TRY(rf_line_box(reader, v, face->box));
    face->ignore = v[2] <= 0 || v[3] <= 0 || (n == N_FULL && v[INVALID_COLUMN] != 0);
    return RF_OK;
}

/* Skips the row of zeros that stands for "no face". */
static rf_status skip_zero_row(rf_line_reader *reader) {
    rf_line_reader ahead;
    if (!rf_lines_peek(reader, &ahead) || !rf_line_is_numeric(&ahead)) return RF_OK;
    double v[RF_ROW_MAX];
    int n;
    RF_TRY(rf_line_numbers(&ahead, v, &n));
    for (int i = 0; i < n; i++)
        if (v[i] != 0)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a face follows the count 0 of line %d; correct the count",
                           reader->path, ahead.number, reader->number);
    *reader = ahead;
    return RF_OK;
}

/* Whether an image name begins here, before its predecessor's faces are complete. */
static bool is_next_name(const rf_line_reader *reader) {
    rf_line_reader ahead;
    return !rf_line_is_numeric(reader) && rf_lines_peek(reader, &ahead) && is_count(&ahead);
}

/* Face i of `count` of the image of line `name_line`. */
static rf_status read_face(const rf_line_reader *reader, long i, long count, int name_line, rf_dataset *out) {
    rf_face face;
    rf_status status = parse_face(reader, &face);
    if (status != RF_OK)
        return rf_fail(status, "%s (face %ld of %ld of the image of line %d)", rf_error_message(), i + 1, count,
                       name_line);
    return rf_dataset_add_face(out, &face, reader->number);
}

static rf_status read_faces(rf_line_reader *reader, long count, int name_line, rf_dataset *out) {
    for (long i = 0; i < count; i++) {
        rf_line_reader before = *reader;
        if (!rf_lines_next(reader)) {
            rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after %ld of the %ld faces of this image", reader->path,
                    name_line, i, count);
            return rf_dataset_bad(out, RF_ERR_FORMAT, RF_REMARK_FACE, name_line);
        }
        if (out->tolerant && is_next_name(reader)) {
            rf_fail(RF_ERR_FORMAT,
                    "%s:%d: the next image begins after %ld of the %ld faces of line %d; correct the "
                    "count",
                    reader->path, reader->number, i, count, name_line);
            RF_TRY(rf_dataset_bad(out, RF_ERR_FORMAT, RF_REMARK_FACE, reader->number));
            *reader = before;
            return RF_OK;
        }
        RF_TRY(rf_dataset_bad(out, read_face(reader, i, count, name_line, out), RF_REMARK_FACE, reader->number));
    }
    return RF_OK;
}

/* An image whose name the reader is at. */
static rf_status read_image(rf_line_reader *reader, rf_dataset *out) {
    RF_TRY(rf_dataset_add_sample(out, reader->line, reader->length, reader->number));
    int name_line = reader->number;
    rf_line_reader before = *reader;
    rf_status status;
    long count = 0; /* gcc does not see that parse_count sets it */
    if (rf_lines_next(reader))
        status = parse_count(reader, &count);
    else
        status = rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after an image name; expected its number of faces",
                         reader->path, name_line);
    if (status != RF_OK) {
        RF_TRY(rf_dataset_bad(out, status, RF_REMARK_IMAGE, reader->number));
        rf_dataset_drop_sample(out); /* nobody knows its faces */
        if (!rf_line_is_numeric(reader)) *reader = before;
        return RF_OK;
    }
    if (count == 0) RF_TRY(rf_dataset_bad(out, skip_zero_row(reader), RF_REMARK_FACE, reader->number));
    return read_faces(reader, count, name_line, out);
}

static rf_status wider_parse(const char *path, const char *text, size_t bytes, rf_dataset *out) {
    rf_line_reader reader = rf_lines_begin(path, text, bytes);
    while (rf_lines_next(&reader)) {
        if (rf_line_is_numeric(&reader)) {
            rf_fail(RF_ERR_FORMAT,
                    "%s:%d: numbers where an image name was expected; is the count of the image before "
                    "too small?",
                    path, reader.number);
            RF_TRY(rf_dataset_bad(out, RF_ERR_FORMAT, RF_REMARK_FACE, reader.number));
            continue;
        }
        RF_TRY(read_image(&reader, out));
    }
    return RF_OK;
}

const rf_dataset_format rf_dataset_format_wider = {
    "wider", "the official wider_face_*_bbx_gt.txt: image, number of faces, one row of ten numbers a face",
    "0--Parade/photo.jpg\n1\n10 20 30 40 0 0 0 0 0 0\n", wider_sniff, wider_parse};
