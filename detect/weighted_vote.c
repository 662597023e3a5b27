/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/near.h"
#include "detect/nms.h"

/* Adds a face to the sums of corners and landmarks. */
static void add(const rf_face *face, double box[5], double points[2 * RF_POINTS + 1]) {
    double weight = fmax((double)face->score, 1e-12);
    for (int k = 0; k < 4; k++) box[k] += weight * (double)face->box[k];
    box[4] += weight;
    if (!face->has_points) return;
    for (int k = 0; k < 2 * RF_POINTS; k++) points[k] += weight * (double)face->points[k];
    points[2 * RF_POINTS] += weight;
}

static void move_to_mean(const rf_face_list *all, rf_near *near, size_t item, const rf_merge_spec *spec,
                         rf_face *face) {
    double box[5] = {0}, points[2 * RF_POINTS + 1] = {0};
    size_t p = near->place[item], candidates = rf_near_find(near, p, (double)spec->iou);
    add(&all->items[item], box, points);
    for (size_t k = 0; k < candidates; k++)
        if (rf_box_iou(near->box[p], near->box[near->found[k]], spec->plus_one) >= spec->iou)
            add(&all->items[near->item[near->found[k]]], box, points);
    for (int k = 0; k < 4; k++) face->box[k] = (float)(box[k] / box[4]);
    face->has_points = points[2 * RF_POINTS] > 0;
    for (int k = 0; k < 2 * RF_POINTS && face->has_points; k++)
        face->points[k] = (float)(points[k] / points[2 * RF_POINTS]);
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
        move_to_mean(&all, &near, item, spec, &faces->items[k]);
    }
fail:
    rf_near_free(&near);
    rf_face_list_free(&all);
    return status;
}
