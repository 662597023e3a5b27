/* SPDX-License-Identifier: Apache-2.0 */
/* FDDB's ellipse lists (Jain and Learned-Miller 2010): image name without suffix, number of faces, then for each
 * "major_radius minor_radius angle centre_x centre_y 1", the angle in radians from the x axis to the major one. The box
 * is the smallest upright one around the ellipse. */
#include "data/convert.h"
#include "data/counted.h"
#include "detect/ellipse.h"

enum { COLUMNS = 5 };

typedef struct fddb {
    rf_intake *intake;
    bool named; /* the image that was named last is known */
} fddb;

static rf_status add_image(void *ctx, const char *name, size_t bytes, int line) {
    fddb *f = ctx;
    f->named = false;
    RF_TRY(rf_intake_add_image(f->intake, NULL, 0, name, bytes, line));
    f->named = true;
    return RF_OK;
}

static rf_status add_ellipse(void *ctx, const rf_line_reader *reader, const double *v, int n) {
    const fddb *f = ctx;
    rf_intake *intake = f->intake;
    if (n != COLUMNS && n != COLUMNS + 1)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %d numbers; an ellipse has six: major_radius minor_radius angle x y 1",
                       reader->path, reader->number, n);
    if (v[0] < 0 || v[1] < 0)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a negative radius (%g, %g)", reader->path, reader->number, v[0], v[1]);
    if (!f->named)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a face of an image whose name cannot be read", reader->path,
                       reader->number);
    rf_ellipse ellipse = {v[0], v[1], v[2], v[3], v[4]};
    double corners[4];
    rf_ellipse_box(&ellipse, corners);
    double box[4] = {corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]};
    rf_intake_face face = {.image = intake->n_images - 1, .category = -1};
    RF_TRY(rf_intake_fill(intake, box, NULL, 0, reader->number, &face));
    return rf_intake_add_face(intake, &face);
}

/* A face that cannot be read is lost to its image; an image of an unknown number of faces is taken back. */
static rf_status skip(void *ctx, rf_status status, bool image, int line) {
    fddb *f = ctx;
    rf_intake *intake = f->intake;
    long long at = f->named ? (long long)intake->n_images - 1 : RF_NO_IMAGE;
    RF_TRY(rf_intake_skip(intake, status, image ? RF_CONVERT_WRONG_IMAGE : RF_CONVERT_WRONG_FACE,
                          image ? RF_NO_IMAGE : at, line));
    if (!image || !f->named) return RF_OK;
    rf_intake_rewind(intake, intake->n_images - 1, intake->n_faces);
    f->named = false;
    return RF_OK;
}

static rf_status fddb_read(const rf_source *source, rf_intake *intake) {
    fddb f = {.intake = intake};
    const rf_counted_reader call = {add_image, add_ellipse, &f, "faces", skip};
    return rf_counted_read(&call, source->path, source->text, source->bytes);
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
                                        true,
                                        NULL};
