/* SPDX-License-Identifier: Apache-2.0 */
/* MAFA's test annotation (Ge et al., CVPR 2017) as text: image name, number of faces, then the numbers of `label_test`
 * in LabelTestAll.mat: x y w h kind, kind being 1 masked, 2 unmasked, 3 invalid. The thirteen numbers that follow there
 * (occluder, glasses and attributes) may stand behind them and are not used. Invalid faces and those with a side under
 * 32 pixels are ignored in the evaluation. */
#include "data/counted.h"
#include "data/dataset.h"
#include "data/mafa.h"

enum { COLUMNS = 5, ALL_COLUMNS = 18, SMALLEST = 32 };

static bool mafa_sniff(const char *text, size_t bytes) {
    int n = rf_counted_columns(text, bytes);
    return n == COLUMNS || n == ALL_COLUMNS;
}

static rf_status add_image(void *ctx, const char *name, size_t bytes, int line) {
    return rf_dataset_add_stem(ctx, name, bytes, line);
}

static rf_status add_row(void *ctx, const rf_line_reader *reader, const double *v, int n) {
    rf_face face = {.score = 1};
    if (n != COLUMNS && n != ALL_COLUMNS)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %d numbers; a face has %d (x y w h kind) or the %d of label_test",
                       reader->path, reader->number, n, COLUMNS, ALL_COLUMNS);
    if (v[4] != RF_MAFA_MASKED && v[4] != RF_MAFA_UNMASKED && v[4] != RF_MAFA_INVALID)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: kind %g; expected 1 masked, 2 unmasked or 3 invalid as fifth number",
                       reader->path, reader->number, v[4]);
    RF_TRY(rf_line_box(reader, v, face.box));
    face.kind = (uint8_t)v[4];
    face.ignore = face.kind == RF_MAFA_INVALID || v[2] < SMALLEST || v[3] < SMALLEST;
    return rf_dataset_add_face(ctx, &face, reader->number);
}

static rf_status mafa_parse(const char *path, const char *text, size_t bytes, rf_dataset *out) {
    const rf_counted_reader call = {add_image, add_row, out, "faces", out->tolerant ? rf_dataset_bad_counted : NULL};
    return rf_counted_read(&call, path, text, bytes);
}

const rf_dataset_format rf_dataset_format_mafa = {"mafa",
                                                  "MAFA's numbers as text: image, number of faces, x y w h kind a face",
                                                  "test_00000001.jpg\n1\n10 20 30 40 1\n", mafa_sniff, mafa_parse};
