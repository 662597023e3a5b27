/* SPDX-License-Identifier: Apache-2.0 */
/* OpenCV's list for training cascades (info.dat of opencv_createsamples): a line an image, its name, the number of
 * objects and x y w h for each. */
#include <math.h>
#include <string.h>

#include "data/convert.h"
#include "data/image_line.h"
#include "data/sniff.h"

enum { COUNT_MAX = 100000 };

/* The name's length, and what stands behind it. */
static size_t split_line(const rf_line_reader *reader, const char **at, const char **end) {
    size_t n = rf_line_image(reader, "");
    *at = reader->line + n;
    *end = reader->line + reader->length;
    while (*at < *end && (**at == ' ' || **at == '\t')) ++*at;
    return n;
}

static bool read_count(const char **at, const char *end, double *count) {
    return rf_word_number(at, end, "", count) && *count >= 0 && *count <= COUNT_MAX && *count == floor(*count);
}

static rf_status read_line(const rf_line_reader *reader, rf_intake *intake) {
    const char *at, *end;
    double count, box[4];
    size_t n = split_line(reader, &at, &end);
    if (!n || !read_count(&at, end, &count))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: expected the name of a picture, a number of objects and x y w h for each",
                       reader->path, reader->number);
    RF_TRY(rf_intake_add_image(intake, reader->line, n, NULL, 0, reader->number));
    size_t image = intake->n_images - 1;
    for (double i = 0; i < count; i++) {
        rf_intake_face face = {.image = image, .category = -1};
        bool whole = true;
        for (int k = 0; k < 4; k++) whole = whole && rf_word_number(&at, end, "", &box[k]);
        rf_status status = whole ? rf_intake_fill(intake, box, NULL, 0, reader->number, &face)
                                 : rf_fail(RF_ERR_FORMAT, "%s:%d: the line has fewer than the %g objects that it tells",
                                           reader->path, reader->number, count);
        if (status == RF_OK) status = rf_intake_add_face(intake, &face);
        RF_TRY(rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, (long long)image, reader->number));
        if (!whole) return RF_OK;
    }
    if (at == end) return RF_OK;
    return rf_intake_skip(intake,
                          rf_fail(RF_ERR_FORMAT, "%s:%d: the line has more than the %g objects that it tells",
                                  reader->path, reader->number, count),
                          RF_CONVERT_WRONG_FACE, (long long)image, reader->number);
}

static rf_status opencv_read(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    intake->form = RF_BOX_SIZES;
    while (rf_lines_next(&reader))
        RF_TRY(rf_intake_skip(intake, read_line(&reader, intake), RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, reader.number));
    return RF_OK;
}

/* Every one of the first lines has as many numbers as its count says. */
static bool opencv_sniff(const char *text, size_t bytes) {
    enum { LINES = 20 };
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    int lines = 0, objects = 0;
    for (; lines < LINES && rf_lines_next(&reader); lines++) {
        const char *at, *end;
        double count, value;
        if (!split_line(&reader, &at, &end) || *reader.line == '#' || !read_count(&at, end, &count)) return false;
        for (double i = 0; i < 4 * count; i++)
            if (!rf_word_number(&at, end, "", &value)) return false;
        if (at != end) return false;
        objects += count > 0;
    }
    return lines > 0 && objects > 0;
}

static const rf_convert_layout layouts[] = {{"train", "info.dat", ""}, {"train", "info.txt", ""}, {0}};

const rf_converter rf_converter_opencv = {"opencv",
                                          "OpenCV's info.dat: a line an image, number of objects, x y w h for each",
                                          "photo.jpg 1 10 20 30 40\n",
                                          "info.dat",
                                          ".dat,.txt",
                                          false,
                                          layouts,
                                          opencv_read,
                                          NULL,
                                          NULL,
                                          opencv_sniff,
                                          false,
                                          NULL};
