/* SPDX-License-Identifier: Apache-2.0 */
/* FDDB (Jain and Learned-Miller 2010): at every score of a picture the detections are matched one to one with the
 * annotated ellipses so that the sum of IoU is the largest; a match counts 1 when its IoU is above 0.5 (discrete), or
 * its IoU (continuous). Pixels are those that the official program draws (eval/mask.h). */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "eval/hungarian.h"
#include "eval/mask.h"
#include "eval/protocol.h"

/* What changes when the threshold passes a score. */
typedef struct step {
    double score;
    double hits, overlap, misses;
} step;

/* One picture: detections by falling score, their overlaps [n,faces]. */
typedef struct picture {
    size_t n, faces;
    uint32_t *order;
    double *scores;
    double *iou;
    size_t *match;
} picture;

static void picture_free(picture *p) {
    rf_free(p->order);
    rf_free(p->scores);
    rf_free(p->iou);
    rf_free(p->match);
}

static rf_status detection_mask(const rf_protocol_input *in, size_t image, size_t k, const int size[2], rf_mask *out) {
    if (in->ellipses && in->ellipses[image]) return rf_mask_of_ellipse(&in->ellipses[image][k], size[0], size[1], out);
    *out = rf_mask_of_box(in->detections[image].items[k].box, size[0], size[1]);
    return RF_OK;
}

/* Overlaps of the detections, in their order of score, with the faces of the picture. */
static rf_status measure(const rf_protocol_input *in, size_t image, picture *p) {
    const rf_sample *sample = &in->truth->samples[image];
    const int none[2] = {0, 0}, *size = in->sizes ? in->sizes[image] : none;
    rf_mask *faces = rf_alloc(p->faces, sizeof *faces);
    rf_status status = faces ? RF_OK : RF_ERR_NOMEM;
    for (size_t f = 0; f < p->faces && status == RF_OK; f++)
        status = rf_mask_of_ellipse(&in->truth->ellipses[sample->first_face + f], size[0], size[1], &faces[f]);
    for (size_t k = 0; k < p->n && status == RF_OK; k++) {
        rf_mask mask;
        status = detection_mask(in, image, p->order[k], size, &mask);
        for (size_t f = 0; f < p->faces && status == RF_OK; f++)
            p->iou[k * p->faces + f] = rf_mask_iou(&mask, &faces[f]);
        if (status == RF_OK) rf_mask_free(&mask);
    }
    for (size_t f = 0; faces && f < p->faces; f++) rf_mask_free(&faces[f]);
    rf_free(faces);
    return status;
}

static rf_status picture_make(const rf_protocol_input *in, size_t image, picture *p) {
    const rf_sample *sample = &in->truth->samples[image];
    const rf_face_list *list = &in->detections[image];
    *p = (picture){.n = list->n,
                   .faces = sample->n_faces,
                   .order = rf_alloc(list->n, sizeof *p->order),
                   .scores = rf_alloc(list->n, sizeof *p->scores),
                   .match = rf_alloc(list->n, sizeof *p->match)};
    if (!p->order || !p->scores || !p->match) return RF_ERR_NOMEM;
    if (sample->n_faces && list->n > SIZE_MAX / sizeof(double) / sample->n_faces) return RF_ERR_NOMEM;
    p->iou = rf_alloc(list->n * sample->n_faces, sizeof *p->iou);
    if (!p->iou) return RF_ERR_NOMEM;
    for (size_t k = 0; k < list->n; k++) p->scores[k] = rf_protocol_score(in, image, k);
    RF_TRY(rf_order_descending_double(p->scores, list->n, p->order));
    for (size_t k = 0; k < list->n; k++) p->scores[k] = rf_protocol_score(in, image, p->order[k]);
    return measure(in, image, p);
}

static bool touches(const picture *p, size_t k) {
    for (size_t f = 0; f < p->faces; f++)
        if (p->iou[k * p->faces + f] > 0) return true;
    return false;
}

/* Appends one step for each different score; only a detection that touches a face can change the matching. */
static rf_status picture_steps(const picture *p, step *steps, size_t *n_steps) {
    step total = {0};
    bool changed = false;
    for (size_t k = 0; k < p->n; k++) {
        changed |= touches(p, k);
        if (k + 1 < p->n && p->scores[k + 1] == p->scores[k]) continue;
        step now = {.score = p->scores[k], .hits = total.hits, .overlap = total.overlap};
        if (changed) {
            RF_TRY(rf_hungarian(p->iou, k + 1, p->faces, p->match));
            now.hits = now.overlap = 0;
            for (size_t i = 0; i <= k; i++) {
                if (p->match[i] == SIZE_MAX) continue;
                double iou = p->iou[i * p->faces + p->match[i]];
                now.hits += iou > 0.5;
                now.overlap += iou;
            }
            changed = false;
        }
        now.misses = (double)(k + 1) - now.hits;
        steps[(*n_steps)++] =
            (step){now.score, now.hits - total.hits, now.overlap - total.overlap, now.misses - total.misses};
        total = now;
    }
    return RF_OK;
}

/* Largest rate at which no more than `limit` false positives occur. */
static double rate_at(const rf_protocol_curve *curve, double limit) {
    double best = 0;
    for (size_t i = 0; i < curve->n; i++)
        if (curve->x[i] <= limit && curve->y[i] > best) best = curve->y[i];
    return best;
}

static rf_status draw(const step *steps, size_t n, size_t faces, rf_protocol_result *out) {
    rf_protocol_curve *discrete, *continuous;
    rf_status status = RF_ERR_NOMEM;
    uint32_t *order = rf_alloc(n, sizeof *order);
    double *keys = rf_alloc(n, sizeof *keys);
    if (!order || !keys) goto fail;
    for (size_t i = 0; i < n; i++) keys[i] = steps[i].score;
    RF_TRY_GOTO(rf_order_descending_double(keys, n, order));
    RF_TRY_GOTO(rf_protocol_new_curve(out, "discrete", n, &discrete));
    RF_TRY_GOTO(rf_protocol_new_curve(out, "continuous", n, &continuous));
    status = RF_ERR_NOMEM;
    discrete->score = rf_alloc(n, sizeof *discrete->score);
    continuous->score = rf_alloc(n, sizeof *continuous->score);
    if (!discrete->score || !continuous->score) goto fail;
    status = RF_OK;
    double hits = 0, overlap = 0, misses = 0;
    for (size_t i = 0; i < n; i++) {
        const step *s = &steps[order[i]];
        hits += s->hits;
        overlap += s->overlap;
        misses += s->misses;
        if (i + 1 < n && steps[order[i + 1]].score == s->score) continue;
        size_t at = discrete->n++;
        continuous->n++;
        discrete->x[at] = continuous->x[at] = misses;
        discrete->score[at] = continuous->score[at] = s->score;
        discrete->y[at] = faces ? hits / (double)faces : 0;
        continuous->y[at] = faces ? overlap / (double)faces : 0;
    }
    rf_protocol_put(out, "discrete_tpr_1000", faces ? rate_at(discrete, 1000) : NAN);
    rf_protocol_put(out, "continuous_tpr_1000", faces ? rate_at(continuous, 1000) : NAN);
    rf_protocol_put(out, "discrete_tpr_2000", faces ? rate_at(discrete, 2000) : NAN);
    rf_protocol_put(out, "discrete_tpr_100", faces ? rate_at(discrete, 100) : NAN);
    rf_protocol_put(out, "discrete_tpr_500", faces ? rate_at(discrete, 500) : NAN);
    rf_protocol_put(out, "continuous_tpr_100", faces ? rate_at(continuous, 100) : NAN);
    rf_protocol_put(out, "continuous_tpr_500", faces ? rate_at(continuous, 500) : NAN);
    rf_protocol_put(out, "continuous_tpr_2000", faces ? rate_at(continuous, 2000) : NAN);
    rf_protocol_put(out, "false_positives", misses);
    rf_protocol_put(out, "faces", (double)faces);
fail:
    rf_free(order);
    rf_free(keys);
    return status;
}

static rf_status fddb_run(const rf_protocol_input *in, rf_protocol_result *out) {
    size_t n = 0, n_steps = 0;
    for (size_t i = 0; i < in->truth->n_samples; i++) n += in->detections[i].n;
    step *steps = rf_alloc(n, sizeof *steps);
    rf_status status = steps ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < in->truth->n_samples && status == RF_OK; i++) {
        picture p;
        status = picture_make(in, i, &p);
        if (status == RF_OK) status = picture_steps(&p, steps, &n_steps);
        picture_free(&p);
    }
    if (status == RF_OK) status = draw(steps, n_steps, in->truth->n_samples ? in->truth->n_faces : 0, out);
    rf_free(steps);
    return status;
}

/* As many digits as the numbers have. */
static void write_row(const rf_protocol_input *in, size_t image, size_t k, FILE *out) {
    if (in->ellipses && in->ellipses[image]) {
        const rf_ellipse *e = &in->ellipses[image][k];
        fprintf(out, "%.17g %.17g %.17g %.17g %.17g ", e->major, e->minor, e->angle, e->x, e->y);
    } else {
        const float *box = in->detections[image].items[k].box;
        double x = (double)box[0], y = (double)box[1];
        fprintf(out, "%.9g %.9g %.9g %.9g ", x, y, (double)box[2] - x, (double)box[3] - y);
    }
    bool exact = in->scores && in->scores[image];
    fprintf(out, exact ? "%.17g\n" : "%.9g\n", rf_protocol_score(in, image, k));
}

/* What the official program reads: name without suffix, count, "x y w h score" or the ellipse and its score. */
static rf_status fddb_write(const rf_protocol_input *in, const char *dir) {
    rf_atomic_file *file = NULL;
    RF_TRY(rf_dir_make(dir));
    char *path = rf_path_join(dir, "fddb_detections.txt");
    rf_status status = path ? rf_atomic_open(path, &file) : RF_ERR_NOMEM;
    rf_free(path);
    RF_TRY(status);
    FILE *out = rf_atomic_stream(file);
    for (size_t i = 0; i < in->truth->n_samples; i++) {
        const char *name = in->truth->samples[i].name, *dot = strrchr(rf_path_base(name), '.');
        fprintf(out, "%.*s\n%zu\n", (int)(dot ? dot - name : (ptrdiff_t)strlen(name)), name, in->detections[i].n);
        for (size_t k = 0; k < in->detections[i].n; k++) write_row(in, i, k, out);
    }
    return rf_atomic_commit(file);
}

/* A line a point from the lowest score on, "rate false_positives [score]", in the six digits of C++'s streams, and last
 * the point where nothing is found. */
static rf_status write_roc(const rf_protocol_curve *curve, bool scores, const char *dir, const char *name) {
    rf_atomic_file *file = NULL;
    char *path = rf_path_join(dir, name); /* own name */
    rf_status status = path ? rf_atomic_open(path, &file) : RF_ERR_NOMEM;
    rf_free(path);
    RF_TRY(status);
    FILE *out = rf_atomic_stream(file);
    for (size_t i = curve->n; i-- > 0;) {
        fprintf(out, "%g %g", curve->y[i], curve->x[i]);
        if (scores) fprintf(out, " %g", curve->score[i]);
        fputc('\n', out);
    }
    if (scores)
        fprintf(out, "0 0 %g\n", DBL_MAX);
    else
        fputs("0 0\n", out);
    return rf_atomic_commit(file);
}

static rf_status fddb_report(const rf_protocol_result *result, const char *dir) {
    RF_TRY(write_roc(&result->curves[0], true, dir, "DiscROC.txt"));
    return write_roc(&result->curves[1], false, dir, "ContROC.txt");
}

extern const rf_protocol rf_protocol_fddb;

const rf_protocol rf_protocol_fddb = {
    .name = "fddb",
    .doc = "FDDB: true positive rate at 1000 false positives, discrete and continuous",
    .x_label = "False positives",
    .y_label = "True positive rate",
    .x_max = 2000,
    .legend_right = true,
    .best = 1,
    .worst = 0,
    .needs_ellipses = true,
    .run = fddb_run,
    .write = fddb_write,
    .report = fddb_report,
};
