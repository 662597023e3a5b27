#include "detect/nms.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "detect/box.h"

/* The detections along the x axis. Boxes that overlap much have near centres, so the partners of a box lie in a window
 * of this order around it; rank = place in the list sorted by score. */
typedef struct sweep {
    size_t n;
    float (*box)[4]; /* corners */
    float *centre;   /* x1 + x2, falling: twice the centre */
    uint32_t *rank;
    uint32_t *place; /* of each rank: inverse of `rank` */
    bool *gone;      /* by place: kept, suppressed or member of a cluster */
} sweep;

static void sweep_free(sweep *s) {
    rf_free(s->box);
    rf_free(s->centre);
    rf_free(s->rank);
    rf_free(s->place);
    rf_free(s->gone);
}

static rf_status sweep_make(const rf_face_list *faces, sweep *s) {
    size_t n = faces->n;
    *s = (sweep){.n = n,
                 .box = rf_alloc(n, sizeof *s->box),
                 .centre = rf_alloc(n, sizeof *s->centre),
                 .rank = rf_alloc(n, sizeof *s->rank),
                 .place = rf_alloc(n, sizeof *s->place),
                 .gone = rf_alloc(n, sizeof *s->gone)};
    rf_status status = RF_ERR_NOMEM;
    float *keys = rf_alloc(n, sizeof *keys);
    if (!s->box || !s->centre || !s->rank || !s->place || !s->gone || !keys) goto fail;
    for (size_t i = 0; i < n; i++) keys[i] = faces->items[i].box[0] + faces->items[i].box[2];
    RF_TRY_GOTO(rf_order_descending(keys, n, s->rank));
    for (size_t i = 0; i < n; i++) {
        s->place[s->rank[i]] = (uint32_t)i;
        s->centre[i] = keys[s->rank[i]];
        memcpy(s->box[i], faces->items[s->rank[i]].box, sizeof s->box[i]);
    }
fail:
    rf_free(keys);
    if (status != RF_OK) sweep_free(s);
    return status;
}

/* Largest distance of the centres of a box of width w and any box whose IoU with it is at least t, doubled.
 * IoU <= overlap / max(w, v) and overlap <= (w + v) / 2 - distance, so distance <= (w + v) / 2 - t max(w, v), where v
 * is from t w to w / t: at most w max(1 - t, (1 / t - 1) / 2). A little more for rounding. */
static double doubled_reach(double w, double centre, double t) {
    if (t < 1e-3) return INFINITY;
    return 2 * w * fmax(1 - t, 0.5 * (1 / t - 1)) + 1e-4 * (w + fabs(centre));
}

/* Calls `visit` for every other detection that is not gone and may reach the threshold with the one at place p. */
#define FOR_NEIGHBOURS(s, p, reach, i)                                                                                 \
    for (int side = -1; side <= 1; side += 2)                                                                          \
        for (size_t i = (p) + (size_t)side;                                                                            \
             i < (s)->n && fabs((double)(s)->centre[i] - (double)(s)->centre[p]) <= (reach); i += (size_t)side)        \
            if (!(s)->gone[i])

static double reach_of(const sweep *s, size_t p, const rf_merge_spec *spec) {
    double w = (double)rf_box_width(s->box[p], spec->plus_one);
    return doubled_reach(w, (double)s->centre[p], (double)spec->iou);
}

/* Drops boxes without an area, sorts by score and cuts to top_k. */
static rf_status prepare(rf_face_list *faces, const rf_merge_spec *spec) {
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
    RF_TRY(prepare(faces, spec));
    sweep s;
    RF_TRY(sweep_make(faces, &s));
    size_t kept = 0, keep = spec->keep ? spec->keep : SIZE_MAX;
    for (size_t r = 0; r < s.n && kept < keep; r++) {
        size_t p = s.place[r];
        if (s.gone[p]) continue;
        s.gone[p] = true;
        double reach = reach_of(&s, p, spec);
        FOR_NEIGHBOURS(&s, p, reach, i) {
            if (rf_box_iou(s.box[p], s.box[i], spec->plus_one) > spec->iou) s.gone[i] = true;
        }
        faces->items[kept++] = faces->items[r];
    }
    faces->n = kept;
    sweep_free(&s);
    return RF_OK;
}

typedef struct vote {
    double box[4], weight;
    double points[2 * RF_POINTS], points_weight;
} vote;

static void vote_add(vote *sum, const rf_face *face) {
    /* A score of 0 still has a place; it would otherwise divide 0 by 0 when alone. */
    double weight = fmax((double)face->score, 1e-12);
    sum->weight += weight;
    for (int i = 0; i < 4; i++) sum->box[i] += weight * (double)face->box[i];
    if (!face->has_points) return;
    sum->points_weight += weight;
    for (int i = 0; i < 2 * RF_POINTS; i++) sum->points[i] += weight * (double)face->points[i];
}

static rf_face vote_result(const vote *sum, const rf_face *best) {
    rf_face face = *best;
    for (int i = 0; i < 4; i++) face.box[i] = (float)(sum->box[i] / sum->weight);
    face.has_points = sum->points_weight > 0;
    if (face.has_points)
        for (int i = 0; i < 2 * RF_POINTS; i++) face.points[i] = (float)(sum->points[i] / sum->points_weight);
    return face;
}

rf_status rf_box_vote(rf_face_list *faces, const rf_merge_spec *spec) {
    RF_TRY(prepare(faces, spec));
    sweep s;
    RF_TRY(sweep_make(faces, &s));
    size_t kept = 0, left = s.n, keep = spec->keep ? spec->keep : SIZE_MAX;
    for (size_t r = 0; r < s.n && kept < keep; r++) {
        size_t p = s.place[r], members = 1;
        if (s.gone[p]) continue;
        s.gone[p] = true;
        rf_face best = faces->items[r];
        vote sum = {.weight = 0};
        vote_add(&sum, &best);
        double reach = reach_of(&s, p, spec);
        FOR_NEIGHBOURS(&s, p, reach, i) {
            if (rf_box_iou(s.box[p], s.box[i], spec->plus_one) < spec->iou) continue;
            s.gone[i] = true;
            vote_add(&sum, &faces->items[s.rank[i]]);
            members++;
        }
        left -= members;
        if (members > 1) best = vote_result(&sum, &best);
        /* Places up to r are spent, so the results can be written over them. */
        if (members > 1 || !spec->drop_singletons || left == 0) faces->items[kept++] = best;
    }
    faces->n = kept;
    sweep_free(&s);
    return RF_OK;
}
