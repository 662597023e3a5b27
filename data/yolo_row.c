/* SPDX-License-Identifier: Apache-2.0 */
#include "data/yolo_row.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "data/image_line.h"

enum { N_BOX = 5, N_POLYGON_MIN = 7, HELD = N_BOX + 3 * RF_POINTS_MAX };
static const double share_max = 4; /* boxes reach out of the picture, but not so far: then they are pixels */

/* All numbers of a line; the first HELD of them are kept, of the pairs behind the class the least and the greatest. */
typedef struct numbers {
    double v[HELD], low[2], high[2];
    size_t n;
} numbers;

static rf_status read_numbers(const rf_line_reader *reader, numbers *all) {
    const char *at = reader->line, *end = at + reader->length;
    *all = (numbers){.low = {share_max, share_max}, .high = {-share_max, -share_max}};
    for (size_t i = 0; at < end; i++) {
        double value;
        const char *word = at;
        if (!rf_word_number(&at, end, "", &value)) {
            double v[RF_ROW_MAX]; /* for its message */
            int n;
            rf_line_reader rest = *reader;
            rest.line = word;
            rest.length = (size_t)(end - word);
            RF_TRY(rf_line_numbers(&rest, v, &n));
            return rf_fail(RF_ERR_FORMAT, "%s:%d: not a number", reader->path, reader->number);
        }
        if (i && fabs(value) > share_max)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: %g is no share of the picture's size; are these pixels?",
                           reader->path, reader->number, value);
        if (i < HELD) all->v[i] = value;
        if (i) {
            all->low[(i - 1) & 1] = fmin(all->low[(i - 1) & 1], value);
            all->high[(i - 1) & 1] = fmax(all->high[(i - 1) & 1], value);
        }
        all->n = i + 1;
    }
    return RF_OK;
}

static void read_points(const double *v, bool triples, int n_points, double points[3 * RF_POINTS_MAX]) {
    for (int k = 0; k < n_points; k++) {
        const double *from = v + N_BOX + (triples ? 3 : 2) * k;
        points[3 * k] = from[0];
        points[3 * k + 1] = from[1];
        points[3 * k + 2] = triples ? from[2] : from[0] < 0 || from[1] < 0 ? 0 : 2;
    }
}

/* Whether points may belong to the box in front of them: some are absent, or all lie in it or not far. */
static bool may_be_landmarks(const double *v, int n_points) {
    bool near = true;
    for (int k = 0; k < n_points; k++) {
        const double *p = v + N_BOX + 2 * k;
        if (p[0] < 0 || p[1] < 0) return true;
        near = near && fabs(p[0] - v[1]) <= v[3] && fabs(p[1] - v[2]) <= v[4];
    }
    return near;
}

rf_status rf_yolo_row_read(const rf_line_reader *reader, const rf_point_scheme *scheme, bool polygons,
                           rf_yolo_row *row) {
    numbers all;
    int n_points = rf_scheme_count(scheme);
    size_t pairs = N_BOX + 2 * (size_t)n_points, triples = N_BOX + 3 * (size_t)n_points;
    RF_TRY(read_numbers(reader, &all));
    const double *v = all.v;
    size_t n = all.n;
    bool polygon = n >= N_POLYGON_MIN && n % 2 == 1 &&
                   ((n != pairs && n != triples) || polygons || !may_be_landmarks(v, n == triples ? 0 : n_points));
    *row = (rf_yolo_row){
        .polygon = polygon, .unsure = polygon && n == pairs, .has_points = !polygon && (n == pairs || n == triples)};
    char more[96] = "";
    size_t triple = (n - N_BOX) / 3; /* x y v, as pose estimators write them */
    if (n > N_BOX + 3 && n == N_BOX + 3 * triple && triple <= RF_POINTS_MAX)
        snprintf(more, sizeof more, "; --keypoints %zu takes %zu times x y v", triple, triple);
    if (!polygon && n != N_BOX && !row->has_points)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %zu numbers; a face has %d (class cx cy w h), %zu (and %d times x y), %zu (x y v), or a "
                       "polygon an odd number%s%s",
                       reader->path, reader->number, n, N_BOX, pairs, n_points, triples,
                       n == N_BOX + 1 ? "; with a score behind, these are detections" : "", more);
    if (v[0] < 0 || v[0] > 9999 || v[0] != floor(v[0]))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %g is no class; a face begins with a whole number", reader->path,
                       reader->number, v[0]);
    row->kind = (int)v[0];
    if (row->has_points) read_points(v, n == triples, n_points, row->points);
    for (int k = 0; k < 2; k++) {
        row->box[2 + k] = polygon ? all.high[k] - all.low[k] : v[3 + k];
        row->box[k] = polygon ? all.low[k] : v[1 + k] - v[3 + k] / 2;
    }
    return RF_OK;
}
