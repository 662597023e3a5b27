/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's detection metric (cocodataset.org, #detection-eval): the best 100 detections an image, IoU 0.5, 0.55 ... 0.95,
 * precision at 101 recalls, also for faces of small, medium and large area. Ignored faces are treated as COCO's crowds:
 * overlap is a share of the detection, and any number of detections may lie on one. Several kinds of objects are scored
 * one by one, the best 100 of each, and every figure is the mean over those that it can be told of. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "eval/class_part.h"
#include "eval/protocol.h"

enum { BEST = 100, THRESHOLDS = 10, RECALLS = 101, NO_FACE = -1 };

typedef struct range {
    double least, most; /* square pixels */
} range;

/* A detection after matching. */
typedef struct mark {
    double score;
    bool hit, ignored;
} mark;

typedef struct tally {
    mark *marks; /* [all detections] image by image, by falling score */
    size_t n, faces;
    uint32_t *order;
    double *keys;
} tally;

/* Detections of a picture by falling score. */
typedef struct ranked {
    rf_face_list list;
    double *scores;
} ranked;

static double area_of(const float b[4]) {
    return ((double)b[2] - (double)b[0]) * ((double)b[3] - (double)b[1]);
}

static double overlap(const float *detection, const rf_face *face) {
    const float *g = face->box;
    double w = fmin((double)detection[2], (double)g[2]) - fmax((double)detection[0], (double)g[0]);
    double h = fmin((double)detection[3], (double)g[3]) - fmax((double)detection[1], (double)g[1]);
    if (!(w > 0 && h > 0)) return 0;
    double whole = face->ignore ? area_of(detection) : area_of(detection) + area_of(g) - w * h;
    return w * h / whole;
}

static bool outside(double area, const range *r) {
    return area < r->least || area > r->most;
}

/* The best free face, the last of equals; one that counts goes before one that does not, whatever the overlap. */
static long best_face(const rf_face *faces, size_t n, const bool *taken, const float *box, double least,
                      const range *r) {
    long best = NO_FACE;
    for (int pass = 0; pass < 2 && best == NO_FACE; pass++) {
        double iou = least;
        for (size_t f = 0; f < n; f++) {
            bool uncounted = faces[f].ignore || outside(area_of(faces[f].box), r);
            if (uncounted != (pass == 1) || (taken[f] && !faces[f].ignore)) continue;
            double o = overlap(box, &faces[f]);
            if (o < iou) continue;
            iou = o;
            best = (long)f;
        }
    }
    return best;
}

static void match_image(const rf_face *faces, size_t n_faces, bool *taken, const ranked *found, double least,
                        const range *r, tally *t) {
    const rf_face_list *list = &found->list;
    for (size_t f = 0; f < n_faces; f++) {
        taken[f] = false;
        t->faces += !faces[f].ignore && !outside(area_of(faces[f].box), r);
    }
    size_t n = list->n < BEST ? list->n : BEST;
    for (size_t k = 0; k < n; k++) {
        const rf_face *d = &list->items[k];
        long f = best_face(faces, n_faces, taken, d->box, fmin(least, 1 - 1e-10), r);
        mark m = {.score = found->scores[k], .hit = f != NO_FACE};
        m.ignored = f == NO_FACE ? outside(area_of(d->box), r) : faces[f].ignore || outside(area_of(faces[f].box), r);
        if (f != NO_FACE) taken[f] = true;
        t->marks[t->n++] = m;
    }
}

/* Precision at 0, 0.01 ... 1 and the highest recall; false when there is no face. */
static rf_status accumulate(tally *t, double precision[RECALLS], double *recall) {
    size_t hits = 0, misses = 0;
    for (size_t i = 0; i < t->n; i++) t->keys[i] = t->marks[i].score;
    RF_TRY(rf_order_descending_double(t->keys, t->n, t->order));
    for (int r = 0; r < RECALLS; r++) precision[r] = 0;
    for (size_t i = 0; i < t->n; i++) {
        const mark *m = &t->marks[t->order[i]];
        if (m->ignored) continue;
        hits += m->hit;
        misses += !m->hit;
        double p = (double)hits / (double)(hits + misses);
        for (int r = (int)floor(100 * (double)hits / (double)t->faces + 1e-9); m->hit && r >= 0; r--) {
            if (precision[r] >= p) continue;
            precision[r] = p;
        }
    }
    *recall = (double)hits / (double)t->faces;
    return RF_OK;
}

/* Mean over thresholds; curve (NULL allowed) gets the precision at threshold 0. */
typedef struct scores {
    double ap, ap50, ap75, recall;
    double curve[2][RECALLS]; /* IoU 0.5 and 0.75 */
} scores;

static rf_status score_range(const rf_dataset *truth, const ranked *sorted, const range *r, tally *t, bool *taken,
                             scores *out) {
    *out = (scores){.ap = NAN, .ap50 = NAN, .ap75 = NAN, .recall = NAN};
    double sum = 0, recalls = 0;
    for (int i = 0; i < THRESHOLDS; i++) {
        double precision[RECALLS], recall, mean = 0;
        t->n = t->faces = 0;
        for (size_t s = 0; s < truth->n_samples; s++) {
            const rf_sample *sample = &truth->samples[s];
            match_image(truth->faces + sample->first_face, sample->n_faces, taken, &sorted[s], 0.5 + 0.05 * i, r, t);
        }
        if (!t->faces) return RF_OK;
        RF_TRY(accumulate(t, precision, &recall));
        for (int k = 0; k < RECALLS; k++) mean += precision[k] / RECALLS;
        sum += mean;
        recalls += recall;
        if (i == 0) out->ap50 = mean;
        if (i == 5) out->ap75 = mean;
        if (i == 0 || i == 5) memcpy(out->curve[i == 5], precision, sizeof precision);
    }
    out->ap = sum / THRESHOLDS;
    out->recall = recalls / THRESHOLDS;
    return RF_OK;
}

static rf_status put_curve(const char *name, const double *precision, rf_protocol_result *out) {
    rf_protocol_curve *curve;
    RF_TRY(rf_protocol_new_curve(out, name, RECALLS, &curve));
    for (int k = 0; k < RECALLS; k++) {
        curve->x[k] = k / 100.0;
        curve->y[k] = precision[k];
    }
    curve->n = RECALLS;
    return RF_OK;
}

/* What is told of a kind of object, or of all faces. */
enum { AP, AP50, AP75, AP_SMALL, AP_MEDIUM, AP_LARGE, AR, FIGURES };
typedef struct figures {
    double v[FIGURES];
    double curve[2][RECALLS];
} figures;

static rf_status score_all(const rf_dataset *truth, const ranked *sorted, tally *t, bool *taken, figures *out) {
    static const range ranges[] = {{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};
    scores all, part;
    RF_TRY(score_range(truth, sorted, &ranges[0], t, taken, &all));
    out->v[AP] = all.ap;
    out->v[AP50] = all.ap50;
    out->v[AP75] = all.ap75;
    out->v[AR] = all.recall;
    memcpy(out->curve, all.curve, sizeof out->curve);
    for (int i = 1; i < 4; i++) {
        RF_TRY(score_range(truth, sorted, &ranges[i], t, taken, &part));
        out->v[AP_SMALL + i - 1] = part.ap;
    }
    return RF_OK;
}

static rf_status put_figures(const figures *f, rf_protocol_result *out) {
    static const char *const names[FIGURES] = {"ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar100"};
    for (int i = 0; i < FIGURES; i++) rf_protocol_put(out, names[i], f->v[i]);
    RF_TRY(put_curve("IoU 0.5", f->curve[0], out));
    return put_curve("IoU 0.75", f->curve[1], out);
}

/* The mean of each figure over the n kinds that have it. */
static void average(const figures *of, int n, figures *out) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < FIGURES; i++) {
        int known = 0;
        for (int k = 0; k < n; k++) {
            if (isnan(of[k].v[i])) continue;
            out->v[i] += of[k].v[i];
            known++;
        }
        out->v[i] = known ? out->v[i] / known : NAN;
    }
    for (int r = 0; r < 2 * RECALLS; r++) {
        int known = 0;
        for (int k = 0; k < n; k++) known += !isnan(of[k].v[AP]);
        for (int k = 0; k < n; k++)
            if (!isnan(of[k].v[AP]))
                out->curve[r / RECALLS][r % RECALLS] += of[k].curve[r / RECALLS][r % RECALLS] / known;
    }
}

/* Those with a label, or with any for -1. */
static rf_status rank(const rf_protocol_input *in, size_t image, int label, ranked *out) {
    const rf_face_list *list = &in->detections[image];
    size_t n = list->n;
    uint32_t *order = rf_alloc(n, sizeof *order);
    double *keys = rf_alloc(n, sizeof *keys);
    rf_status status = RF_ERR_NOMEM;
    out->scores = rf_alloc(n, sizeof *out->scores);
    if (!order || !keys || !out->scores) goto fail;
    RF_TRY_GOTO(rf_face_list_reserve(&out->list, n));
    for (size_t k = 0; k < n; k++) keys[k] = rf_protocol_score(in, image, k);
    RF_TRY_GOTO(rf_order_descending_double(keys, n, order));
    for (size_t k = 0; k < n; k++) {
        if (label >= 0 && list->items[order[k]].label != label) continue;
        out->scores[out->list.n] = keys[order[k]];
        out->list.items[out->list.n++] = list->items[order[k]];
    }
fail:
    rf_free(order);
    rf_free(keys);
    return status;
}

/* Of one kind, whose faces alone are in the truth, or of all for label -1. */
static rf_status score_kind(const rf_protocol_input *in, const rf_dataset *truth, int label, figures *out) {
    size_t n = truth->n_samples, total = 0;
    rf_status status = RF_ERR_NOMEM;
    tally t = {0};
    bool *taken = rf_alloc(truth->n_faces, sizeof *taken);
    ranked *sorted = rf_alloc(n, sizeof *sorted);
    if (!taken || !sorted) goto fail;
    for (size_t i = 0; i < n; i++) {
        RF_TRY_GOTO(rank(in, i, label, &sorted[i]));
        total += sorted[i].list.n;
    }
    status = RF_ERR_NOMEM;
    t.marks = rf_alloc(total, sizeof *t.marks);
    t.keys = rf_alloc(total, sizeof *t.keys);
    t.order = rf_alloc(total, sizeof *t.order);
    if (t.marks && t.keys && t.order) status = score_all(truth, sorted, &t, taken, out);
fail:
    for (size_t i = 0; sorted && i < n; i++) {
        rf_face_list_free(&sorted[i].list);
        rf_free(sorted[i].scores);
    }
    rf_free(sorted);
    rf_free(taken);
    rf_free(t.marks);
    rf_free(t.keys);
    rf_free(t.order);
    return status;
}

static rf_status coco_run(const rf_protocol_input *in, rf_protocol_result *out) {
    const rf_classes *classes = &in->truth->classes;
    int n = classes->n;
    figures all;
    if (n < 2) {
        RF_TRY(score_kind(in, in->truth, -1, &all));
        return put_figures(&all, out);
    }
    figures *of = rf_alloc((size_t)n, sizeof *of);
    rf_status status = of ? RF_OK : RF_ERR_NOMEM;
    for (int k = 0; k < n && status == RF_OK; k++) {
        rf_class_part part;
        status = rf_class_part_make(in->truth, in->detections, k, &part);
        if (status == RF_OK) status = score_kind(in, &part.truth, k, &of[k]);
        rf_class_part_free(&part);
    }
    if (status == RF_OK) {
        average(of, n, &all);
        status = put_figures(&all, out);
    }
    for (int k = 0; k < n && status == RF_OK; k++) {
        char name[RF_METRIC_NAME];
        rf_class_metric_name("ap", classes, k, name);
        rf_protocol_put(out, name, of[k].v[AP]);
    }
    rf_free(of);
    return status;
}

extern const rf_protocol rf_protocol_coco;

const rf_protocol rf_protocol_coco = {
    .name = "coco",
    .doc = "COCO: AP at IoU 0.5:0.95 with 101 recalls and 100 detections an image",
    .x_label = "Recall",
    .y_label = "Precision",
    .x_max = 1,
    .best = 1,
    .worst = 0,
    .run = coco_run,
};
