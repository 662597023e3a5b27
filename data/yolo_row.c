/* SPDX-License-Identifier: Apache-2.0 */
#include "data/yolo_row.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "data/image_line.h"

enum { N_BOX = 5, N_PAIRS = 15, N_TRIPLES = 20, N_POLYGON_MIN = 7, HELD = 20 };
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

static void read_points(const double *v, size_t n, double points[15]) {
    for (int k = 0; k < 5; k++) {
        const double *from = v + N_BOX + (n == N_TRIPLES ? 3 : 2) * k;
        points[3 * k] = from[0];
        points[3 * k + 1] = from[1];
        points[3 * k + 2] = n == N_TRIPLES ? from[2] : from[0] < 0 || from[1] < 0 ? 0 : 2;
    }
}

/* Whether five points may belong to the box in front of them: some are absent, or all lie in it or not far. */
static bool may_be_landmarks(const double *v) {
    bool near = true;
    for (int k = 0; k < 5; k++) {
        const double *p = v + N_BOX + 2 * k;
        if (p[0] < 0 || p[1] < 0) return true;
        near = near && fabs(p[0] - v[1]) <= v[3] && fabs(p[1] - v[2]) <= v[4];
    }
    return near;
}

rf_status rf_yolo_row_read(const rf_line_reader *reader, bool polygons, rf_yolo_row *row) {
    numbers all;
    RF_TRY(read_numbers(reader, &all));
    const double *v = all.v;
    size_t n = all.n;
    bool polygon = n >= N_POLYGON_MIN && n % 2 == 1 && (n != N_PAIRS || polygons || !may_be_landmarks(v));
    *row = (rf_yolo_row){.polygon = polygon,
                         .unsure = polygon && n == N_PAIRS,
                         .has_points = !polygon && (n == N_PAIRS || n == N_TRIPLES)};
    if (!polygon && n != N_BOX && !row->has_points)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: %zu numbers; a face has %d (class cx cy w h), %d (and five times x y), %d (x y v), or a "
                       "polygon an odd number%s",
                       reader->path, reader->number, n, N_BOX, N_PAIRS, N_TRIPLES,
                       n == N_BOX + 1 ? "; with a score behind, these are detections" : "");
    if (v[0] < 0 || v[0] > 9999 || v[0] != floor(v[0]))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: %g is no class; a face begins with a whole number", reader->path,
                       reader->number, v[0]);
    row->kind = (int)v[0];
    if (row->has_points) read_points(v, n, row->points);
    for (int k = 0; k < 2; k++) {
        row->box[2 + k] = polygon ? all.high[k] - all.low[k] : v[3 + k];
        row->box[k] = polygon ? all.low[k] : v[1 + k] - v[3 + k] / 2;
    }
    return RF_OK;
}
