/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/near.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/faces.h"

void rf_near_free(rf_near *s) {
    rf_free(s->box);
    rf_free(s->centre);
    rf_free(s->item);
    rf_free(s->place);
    rf_free(s->gone);
    rf_free(s->rows);
    rf_free(s->found);
    *s = (rf_near){0};
}

/* A height is in [2^level, 2^(level+1)), a strip is 2^level high. */
static float level_of(double height) {
    return (float)ilogb(height);
}

static float strip_of(double y, float level) {
    return (float)floor(ldexp(y, -(int)level));
}

typedef enum sort_key { BY_CENTRE, BY_STRIP, BY_LEVEL } sort_key;

static float key_of(const rf_near *s, const float box[4], sort_key key) {
    if (key == BY_CENTRE) return box[0] + box[2];
    float level = level_of((double)rf_box_height(box, s->plus_one));
    return key == BY_LEVEL ? level : strip_of(0.5 * ((double)box[1] + (double)box[3]), level);
}

/* Sorts s->item by one key, stable: the last call's key leads. */
static rf_status sort_items(rf_near *s, const rf_face *faces, sort_key key, float *keys) {
    for (size_t i = 0; i < s->n; i++) keys[i] = key_of(s, faces[s->item[i]].box, key);
    RF_TRY(rf_order_descending(keys, s->n, s->place));
    for (size_t i = 0; i < s->n; i++) s->found[i] = s->item[s->place[i]];
    memcpy(s->item, s->found, s->n * sizeof *s->item);
    return RF_OK;
}

static void fill_rows(rf_near *s, const rf_face *faces) {
    for (size_t i = 0; i < s->n; i++) {
        const float *box = faces[s->item[i]].box;
        memcpy(s->box[i], box, sizeof s->box[i]);
        s->centre[i] = key_of(s, box, BY_CENTRE);
        s->place[s->item[i]] = (uint32_t)i;
        float level = key_of(s, box, BY_LEVEL), strip = key_of(s, box, BY_STRIP);
        rf_near_row *row = s->n_rows ? &s->rows[s->n_rows - 1] : NULL;
        if (!row || row->level != level || row->strip != strip) {
            row = &s->rows[s->n_rows++];
            *row = (rf_near_row){level, strip, (uint32_t)i, (uint32_t)i};
        }
        row->end++;
    }
}

rf_status rf_near_make(const rf_face *faces, size_t n, bool plus_one, rf_near *s) {
    *s = (rf_near){.n = n,
                   .box = rf_alloc(n, sizeof *s->box),
                   .centre = rf_alloc(n, sizeof *s->centre),
                   .item = rf_alloc(n, sizeof *s->item),
                   .place = rf_alloc(n, sizeof *s->place),
                   .gone = rf_alloc(n, sizeof *s->gone),
                   .rows = rf_alloc(n, sizeof *s->rows),
                   .found = rf_alloc(n, sizeof *s->found),
                   .plus_one = plus_one};
    rf_status status = RF_ERR_NOMEM;
    float *keys = rf_alloc(n, sizeof *keys);
    if (!s->box || !s->centre || !s->item || !s->place || !s->gone || !s->rows || !s->found || !keys) goto fail;
    for (size_t i = 0; i < n; i++) s->item[i] = (uint32_t)i;
    RF_TRY_GOTO(sort_items(s, faces, BY_CENTRE, keys));
    RF_TRY_GOTO(sort_items(s, faces, BY_STRIP, keys));
    RF_TRY_GOTO(sort_items(s, faces, BY_LEVEL, keys));
    fill_rows(s, faces);
fail:
    rf_free(keys);
    if (status != RF_OK) rf_near_free(s);
    return status;
}

/* For a box of width w and one of width v: IoU <= overlap / max(w, v) and overlap <= (w + v) / 2 - distance, so
 * distance <= (w + v) / 2 - t max(w, v), where v is from t w to w / t: at most w max(1 - t, (1 / t - 1) / 2). The same
 * holds for heights. */
double rf_near_reach(double size, double centre, double t) {
    return size * fmax(1 - t, 0.5 * (1 / t - 1)) + 1e-4 * (size + fabs(centre));
}

/* First row, in the descending order of level and strip, that is not before (level, strip). */
static size_t find_row(const rf_near *s, float level, float strip) {
    size_t lo = 0, hi = s->n_rows;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        const rf_near_row *row = &s->rows[middle];
        if (row->level > level || (row->level == level && row->strip > strip))
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

/* First place of a row whose centre is not right of x. */
static size_t find_centre(const rf_near *s, const rf_near_row *row, double x) {
    size_t lo = row->begin, hi = row->end;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if ((double)s->centre[middle] > x)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static size_t take_row(rf_near *s, const rf_near_row *row, size_t p, double left, double right, size_t n) {
    for (size_t i = find_centre(s, row, right); i < row->end && (double)s->centre[i] >= left; i++)
        if (!s->gone[i] && i != p) s->found[n++] = (uint32_t)i;
    return n;
}

size_t rf_near_find(rf_near *s, size_t p, double iou) {
    const float *box = s->box[p];
    size_t n = 0;
    if (iou < 1e-3) { /* everything that touches: no bound is worth its arithmetic */
        for (size_t r = 0; r < s->n_rows; r++) n = take_row(s, &s->rows[r], p, -INFINITY, INFINITY, n);
        return n;
    }
    double w = (double)rf_box_width(box, s->plus_one), h = (double)rf_box_height(box, s->plus_one);
    double x = (double)s->centre[p], y = 0.5 * ((double)box[1] + (double)box[3]);
    double reach_x = 2 * rf_near_reach(w, 0.5 * x, iou), reach_y = rf_near_reach(h, y, iou);
    float lowest = level_of(h * iou * 0.999);
    for (float level = level_of(h / iou * 1.001); level >= lowest; level--) {
        float bottom = strip_of(y + reach_y, level), top = strip_of(y - reach_y, level);
        for (size_t r = find_row(s, level, bottom); r < s->n_rows; r++) {
            const rf_near_row *row = &s->rows[r];
            if (row->level != level || row->strip < top) break;
            n = take_row(s, row, p, x - reach_x, x + reach_x, n);
        }
    }
    return n;
}
