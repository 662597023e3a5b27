/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/nms.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"
#include "detect/near.h"

rf_status rf_merge_prepare(rf_face_list *faces, const rf_merge_spec *spec) {
    size_t n = 0;
    for (size_t i = 0; i < faces->n; i++)
        if (rf_box_valid(faces->items[i].box, spec->plus_one) && !isnan(faces->items[i].score))
            faces->items[n++] = faces->items[i];
    faces->n = n;
    RF_TRY(rf_face_list_sort(faces));
    if (spec->top_k && faces->n > spec->top_k) faces->n = spec->top_k;
    return RF_OK;
}

rf_status rf_nms(rf_face_list *faces, const rf_merge_spec *spec) {
    RF_TRY(rf_merge_prepare(faces, spec));
    rf_near near;
    RF_TRY(rf_near_make(faces->items, faces->n, spec->plus_one, &near));
    size_t kept = 0, keep = spec->keep ? spec->keep : SIZE_MAX;
    for (size_t r = 0; r < near.n && kept < keep; r++) {
        size_t p = near.place[r];
        if (near.gone[p]) continue;
        near.gone[p] = true;
        size_t candidates = rf_near_find(&near, p, (double)spec->iou);
        for (size_t k = 0; k < candidates; k++) {
            size_t i = near.found[k];
            if (rf_box_iou(near.box[p], near.box[i], spec->plus_one) > spec->iou &&
                rf_merge_meet(spec, &faces->items[r], &faces->items[near.item[i]]))
                near.gone[i] = true;
        }
        faces->items[kept++] = faces->items[r];
    }
    faces->n = kept;
    rf_near_free(&near);
    return RF_OK;
}

typedef struct vote {
    double box[4], weight;
    double points[2 * RF_POINTS_MAX], points_weight;
    int n_points; /* of the first face that has some */
} vote;

/* The sums of points are set where the first come. */
static void vote_begin(vote *sum) {
    sum->weight = sum->points_weight = 0;
    for (int i = 0; i < 4; i++) sum->box[i] = 0;
    sum->n_points = 0;
}

static void vote_add(vote *sum, const rf_face *face) {
    /* A score of 0 still has a place; it would otherwise divide 0 by 0 when alone. */
    double weight = fmax((double)face->score, 1e-12);
    sum->weight += weight;
    for (int i = 0; i < 4; i++) sum->box[i] += weight * (double)face->box[i];
    if (!face->n_points) return;
    if (!sum->n_points) {
        sum->n_points = face->n_points;
        memset(sum->points, 0, 2 * (size_t)sum->n_points * sizeof *sum->points);
    }
    if (face->n_points != sum->n_points) return;
    sum->points_weight += weight;
    for (int i = 0; i < 2 * sum->n_points; i++) sum->points[i] += weight * (double)face->points[i];
}

/* Moves the best face of a cluster to the mean, with points in the store. */
static rf_status vote_result(const vote *sum, rf_face_store *store, rf_face *face) {
    for (int i = 0; i < 4; i++) face->box[i] = (float)(sum->box[i] / sum->weight);
    if (!sum->n_points) return RF_OK;
    float *points = rf_face_store_take(store, 2 * (size_t)sum->n_points);
    if (!points) return RF_ERR_NOMEM;
    for (int i = 0; i < 2 * sum->n_points; i++) points[i] = (float)(sum->points[i] / sum->points_weight);
    if (face->n_points != sum->n_points) face->visible = NULL;
    face->n_points = sum->n_points;
    face->points = points;
    return RF_OK;
}

rf_status rf_box_vote(rf_face_list *faces, const rf_merge_spec *spec) {
    RF_TRY(rf_merge_prepare(faces, spec));
    rf_near near;
    RF_TRY(rf_near_make(faces->items, faces->n, spec->plus_one, &near));
    rf_status status = RF_OK;
    size_t kept = 0, left = near.n, keep = spec->keep ? spec->keep : SIZE_MAX;
    for (size_t r = 0; r < near.n && kept < keep; r++) {
        size_t p = near.place[r], members = 1;
        if (near.gone[p]) continue;
        near.gone[p] = true;
        rf_face best = faces->items[r];
        vote sum;
        vote_begin(&sum);
        vote_add(&sum, &best);
        size_t candidates = rf_near_find(&near, p, (double)spec->iou);
        for (size_t k = 0; k < candidates; k++) {
            size_t i = near.found[k];
            if (rf_box_iou(near.box[p], near.box[i], spec->plus_one) < spec->iou ||
                !rf_merge_meet(spec, &best, &faces->items[near.item[i]]))
                continue;
            near.gone[i] = true;
            vote_add(&sum, &faces->items[near.item[i]]);
            members++;
        }
        left -= members;
        if (members > 1 && (status = vote_result(&sum, &faces->store, &best)) != RF_OK) break;
        /* Places up to r are spent, so the results can be written over them. */
        if (members > 1 || !spec->drop_singletons || left == 0) faces->items[kept++] = best;
    }
    faces->n = kept;
    rf_near_free(&near);
    return status;
}
