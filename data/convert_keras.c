/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of keras-yolo3 and its kin: a line an image, its name and for each object x1,y1,x2,y2,class, separated by
 * blanks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/convert.h"
#include "data/image_line.h"
#include "data/sniff.h"

enum { N = 5 };

/* One "x1,y1,x2,y2,class"; *at moves behind it and the blanks. */
static bool read_object(const char **at, const char *end, double v[N]) {
    const char *stop = *at;
    int commas = 0;
    while (stop < end && *stop != ' ' && *stop != '\t') commas += *stop++ == ',';
    for (int k = 0; k < N; k++)
        if (!rf_word_number(at, stop, ",", &v[k])) return false;
    bool whole = *at == stop && commas == N - 1 && v[N - 1] >= 0 && v[N - 1] == floor(v[N - 1]) && v[N - 1] < 1e4;
    while (stop < end && (*stop == ' ' || *stop == '\t')) stop++;
    *at = stop;
    return whole;
}

static rf_status read_line(const rf_line_reader *reader, rf_intake *intake) {
    size_t n = rf_line_image(reader, "");
    if (!n)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: expected the name of a picture and x1,y1,x2,y2,class", reader->path,
                       reader->number);
    RF_TRY(rf_intake_add_image(intake, reader->line, n, NULL, 0, reader->number));
    const char *at = reader->line + n, *end = reader->line + reader->length;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (at < end) {
        double v[N];
        char name[16];
        rf_intake_face face = {.image = intake->n_images - 1};
        rf_status status = RF_OK;
        if (!read_object(&at, end, v)) {
            status = rf_fail(RF_ERR_FORMAT, "%s:%d: an object of %.*s is not x1,y1,x2,y2,class", reader->path,
                             reader->number, (int)(n < 80 ? n : 80), reader->line);
            at = end; /* where the next one begins is not known */
        } else {
            const double box[4] = {v[0], v[1], v[2] - v[0], v[3] - v[1]};
            snprintf(name, sizeof name, "%d", (int)v[4]);
            RF_TRY(rf_intake_category(intake, name, &face.category));
            status = rf_intake_fill(intake, box, NULL, 0, reader->number, &face);
        }
        if (status == RF_OK) status = rf_intake_add_face(intake, &face);
        RF_TRY(rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, (long long)face.image, reader->number));
    }
    return RF_OK;
}

static rf_status keras_read(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    intake->form = RF_BOX_CORNERS;
    while (rf_lines_next(&reader))
        RF_TRY(rf_intake_skip(intake, read_line(&reader, intake), RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, reader.number));
    return RF_OK;
}

/* The first lines; images without objects may stand between, but not all of them. */
static bool keras_sniff(const char *text, size_t bytes) {
    enum { LINES = 20 };
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    int objects = 0;
    for (int i = 0; i < LINES && rf_lines_next(&reader); i++) {
        size_t n = rf_line_image(&reader, "");
        if (!n || *reader.line == '#') return false;
        const char *at = reader.line + n, *end = reader.line + reader.length;
        while (at < end && (*at == ' ' || *at == '\t')) at++;
        double v[N];
        if (at < end && !read_object(&at, end, v)) return false;
        objects += at < end || end > reader.line + n;
    }
    return objects > 0;
}

static const rf_convert_layout layouts[] = {{"train", "train.txt", ""}, {"val", "val.txt", ""}, {0}};

const rf_converter rf_converter_keras = {"keras",
                                         "keras-yolo3's list: a line an image, x1,y1,x2,y2,class for each object",
                                         "photo.jpg 10,20,40,60,0\n",
                                         "train.txt",
                                         ".txt",
                                         false,
                                         layouts,
                                         keras_read,
                                         NULL,
                                         NULL,
                                         keras_sniff,
                                         false,
                                         NULL};
