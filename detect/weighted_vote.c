/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/near.h"
#include "detect/nms.h"

typedef struct sums {
    double box[4], weight, points[2 * RF_POINTS_MAX], points_weight;
    int n_points; /* of the first face that has some */
} sums;

static void add(const rf_face *face, sums *sum) {
    double weight = fmax((double)face->score, 1e-12);
    for (int k = 0; k < 4; k++) sum->box[k] += weight * (double)face->box[k];
    sum->weight += weight;
    if (!sum->n_points) sum->n_points = face->n_points;
    if (!face->n_points || face->n_points != sum->n_points) return;
    for (int k = 0; k < 2 * face->n_points; k++) sum->points[k] += weight * (double)face->points[k];
    sum->points_weight += weight;
}

/* The face gets new points in the store: those it has are the ones that `all` looks at. */
static rf_status move_to_mean(const rf_face_list *all, rf_near *near, size_t item, const rf_merge_spec *spec,
                              rf_face_store *store, rf_face *face) {
    sums sum = {.weight = 0};
    size_t p = near->place[item], candidates = rf_near_find(near, p, (double)spec->iou);
    add(&all->items[item], &sum);
    for (size_t k = 0; k < candidates; k++)
        if (rf_box_iou(near->box[p], near->box[near->found[k]], spec->plus_one) >= spec->iou &&
            rf_merge_meet(spec, &all->items[item], &all->items[near->item[near->found[k]]]))
            add(&all->items[near->item[near->found[k]]], &sum);
    for (int k = 0; k < 4; k++) face->box[k] = (float)(sum.box[k] / sum.weight);
    if (!sum.n_points) return RF_OK;
    float *points = rf_face_store_take(store, 2 * (size_t)sum.n_points);
    if (!points) return RF_ERR_NOMEM;
    for (int k = 0; k < 2 * sum.n_points; k++) points[k] = (float)(sum.points[k] / sum.points_weight);
    if (face->n_points != sum.n_points) face->visible = NULL;
    face->n_points = sum.n_points;
    face->points = points;
    return RF_OK;
}

rf_status rf_weighted_vote(rf_face_list *faces, const rf_merge_spec *spec) {
    rf_near near = {0};
    rf_face_list all = {0};
    rf_status status;
    RF_TRY_GOTO(rf_merge_prepare(faces, spec));
    RF_TRY_GOTO(rf_face_list_reserve(&all, faces->n));
    all.n = faces->n;
    if (all.n) memcpy(all.items, faces->items, all.n * sizeof *all.items);
    RF_TRY_GOTO(rf_near_make(all.items, all.n, spec->plus_one, &near));
    RF_TRY_GOTO(rf_nms(faces, spec));
    /* Kept ones are in the order of `all`, so that one walk finds them again. */
    for (size_t k = 0, item = 0; k < faces->n; k++, item++) {
        while (memcmp(&all.items[item], &faces->items[k], sizeof *all.items) != 0) item++;
        RF_TRY_GOTO(move_to_mean(&all, &near, item, spec, &faces->store, &faces->items[k]));
    }
fail:
    rf_near_free(&near);
    rf_face_list_free(&all);
    return status;
}
