/* FDDB's ellipse lists (Jain and Learned-Miller 2010): image name without suffix, number of faces, then for each
 * "major_radius minor_radius angle centre_x centre_y 1", the angle in radians from the x axis to the major one. The box
 * is the smallest upright one around the ellipse. */
#include <math.h>

#include "data/annotation.h"
#include "data/convert.h"
#include "detect/ellipse.h"

enum { COLUMNS = 5, COUNT_MAX = 100000 };

static rf_status read_count(const rf_line_reader *reader, long *count) {
    double v[RF_ROW_MAX];
    int n = 0;
    *count = 0;
    if (rf_line_is_numeric(reader)) RF_TRY(rf_line_numbers(reader, v, &n));
    if (n != 1 || v[0] < 0 || v[0] > COUNT_MAX || v[0] != floor(v[0]))
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: \"%.*s\" is not a number of faces; expected it in the line after the name", reader->path,
                       reader->number, (int)(reader->length < 60 ? reader->length : 60), reader->line);
    *count = (long)v[0];
    return RF_OK;
}

static rf_status read_ellipse(const rf_line_reader *reader, rf_intake *intake) {
    double v[RF_ROW_MAX];
    int n;
    RF_TRY(rf_line_numbers(reader, v, &n));
    if (n != COLUMNS && n != COLUMNS + 1)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %d numbers; an ellipse has six: major_radius minor_radius angle x y 1",
                       reader->path, reader->number, n);
    if (v[0] < 0 || v[1] < 0)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a negative radius (%g, %g)", reader->path, reader->number, v[0], v[1]);
    rf_ellipse ellipse = {v[0], v[1], v[2], v[3], v[4]};
    double corners[4];
    rf_ellipse_box(&ellipse, corners);
    double box[4] = {corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]};
    rf_intake_face face = {.image = intake->n_images - 1, .category = -1};
    RF_TRY(rf_intake_fill(intake, box, NULL, reader->number, &face));
    return rf_intake_add_face(intake, &face);
}

static rf_status fddb_read(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    while (rf_lines_next(&reader)) {
        int line = reader.number;
        long count = 0;
        if (rf_line_is_numeric(&reader) && reader.length > 12)
            return rf_fail(RF_ERR_FORMAT,
                           "%s:%d: numbers where an image name was expected; is the count before too small?",
                           source->path, line);
        RF_TRY(rf_intake_add_image(intake, NULL, 0, reader.line, reader.length, line));
        if (!rf_lines_next(&reader))
            return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after an image name; expected its number of faces",
                           source->path, line);
        RF_TRY(read_count(&reader, &count));
        for (long i = 0; i < count; i++) {
            if (!rf_lines_next(&reader))
                return rf_fail(RF_ERR_FORMAT, "%s:%d: the file ends after %ld of the %ld faces of this image",
                               source->path, line, i, count);
            RF_TRY(read_ellipse(&reader, intake));
        }
    }
    return RF_OK;
}

static bool fddb_sniff(const char *text, size_t bytes) {
    return rf_dataset_formats[RF_DATASET_fddb]->sniff(text, bytes);
}

static const rf_convert_layout layouts[] = {{"train", "FDDB-folds", "originalPics"}, {"train", "FDDB-folds", ""}, {0}};

const rf_converter rf_converter_fddb = {"fddb",
                                        "FDDB's ellipse lists; the box around each ellipse",
                                        "photo\n1\n20 15 1.5707963267948966 25 40 1\n",
                                        "FDDB-fold-01-ellipseList.txt",
                                        "ellipseList.txt",
                                        false,
                                        layouts,
                                        fddb_read,
                                        NULL,
                                        NULL,
                                        fddb_sniff,
                                        true};
