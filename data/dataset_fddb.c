/* SPDX-License-Identifier: Apache-2.0 */
/* FDDB's ellipse lists (Jain and Learned-Miller 2010), for evaluation: as data/convert_fddb.c, but the ellipses are
 * kept. The ten folds may stand in one file, one after the other. */
#include "data/counted.h"
#include "data/dataset.h"

enum { COLUMNS = 6 };

static bool fddb_sniff(const char *text, size_t bytes) {
    return rf_counted_columns(text, bytes) == COLUMNS;
}

static rf_status add_image(void *ctx, const char *name, size_t bytes, int line) {
    return rf_dataset_add_stem(ctx, name, bytes, line);
}

static rf_status add_row(void *ctx, const rf_line_reader *reader, const double *v, int n) {
    if (n != COLUMNS)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %d numbers; an ellipse has six: major_radius minor_radius angle x y 1",
                       reader->path, reader->number, n);
    if (v[0] < 0 || v[1] < 0)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a negative radius (%g, %g)", reader->path, reader->number, v[0], v[1]);
    const rf_ellipse ellipse = {v[0], v[1], v[2], v[3], v[4]};
    return rf_dataset_add_ellipse(ctx, &ellipse, reader->number);
}

static rf_status fddb_parse(const char *path, const char *text, size_t bytes, rf_dataset *out) {
    const rf_counted_reader call = {add_image, add_row, out, "faces", out->tolerant ? rf_dataset_bad_counted : NULL};
    return rf_counted_read(&call, path, text, bytes);
}

const rf_dataset_format rf_dataset_format_fddb = {
    "fddb", "FDDB's ellipse lists: image without suffix, number of faces, major minor angle x y 1 a face",
    "2002/08/11/big/img_591\n1\n20 15 1.5707963267948966 25 40 1\n", fddb_sniff, fddb_parse};
