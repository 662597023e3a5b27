/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/wider_ap.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "eval/average.h"

enum { IMAGES_A_CHUNK = 64 };

const char *const rf_wider_rule_names[RF_WIDER_RULES] = {"python", "matlab"};

/* Sums over some images: detections that count and faces found first at threshold t. */
typedef struct tally {
    size_t proposals[RF_WIDER_RULES][RF_WIDER_SUBSETS][RF_WIDER_BINS];
    size_t found[RF_WIDER_RULES][RF_WIDER_SUBSETS][RF_WIDER_BINS];
    rf_status status;
    char message[256]; /* of a thread that is not the caller's */
} tally;

typedef struct job {
    const rf_wider_gt *gt;
    const rf_wider_input *input;
    double lowest[RF_WIDER_RULES], highest[RF_WIDER_RULES]; /* of all scores */
    tally *tallies;                                         /* one a chunk */
} job;

/* The detections of an image in falling order of score, each with its face by each rule. */
typedef struct scored {
    size_t n;
    double *keys;
    uint32_t *order;
    size_t *face[RF_WIDER_RULES]; /* of the image, SIZE_MAX: none */
    bool *matched;                /* [faces] */
} scored;

static void scored_free(scored *s) {
    rf_free(s->keys);
    rf_free(s->order);
    for (int r = 0; r < RF_WIDER_RULES; r++) rf_free(s->face[r]);
    rf_free(s->matched);
}

static rf_status scored_alloc(size_t n, size_t n_faces, scored *s) {
    *s = (scored){.n = n,
                  .keys = rf_alloc(n, sizeof *s->keys),
                  .order = rf_alloc(n, sizeof *s->order),
                  .face = {rf_alloc(n, sizeof(size_t)), rf_alloc(n, sizeof(size_t))},
                  .matched = rf_alloc(n_faces, sizeof *s->matched)};
    if (s->keys && s->order && s->face[0] && s->face[1] && s->matched) return RF_OK;
    scored_free(s);
    return RF_ERR_NOMEM;
}

static double score_of(const job *j, size_t image, size_t k) {
    const rf_wider_input *in = j->input;
    return in->scores && in->scores[image] ? in->scores[image][k] : (double)in->detections[image].items[k].score;
}

/* Whether the MATLAB tool reads detection k. */
static bool matlab_reads(const job *j, size_t image, size_t k) {
    return !j->input->matlab_rows || k < j->input->matlab_rows[image];
}

/* Corners of an intersection, and the sum of both areas. */
typedef struct overlap {
    double x1, y1, x2, y2, areas;
} overlap;

/* IoU from 0.5 on as MATLAB has it for an int32 box and one in doubles: every operation's result is rounded. */
static bool matlab_hit(const overlap *o) {
    double w = round(o->x2) - round(o->x1) + 1, h = round(o->y2) - round(o->y1) + 1;
    return w > 0 && h > 0 && 2 * w * h >= fmin(round(o->areas), INT32_MAX) - w * h;
}

/* python: first of the faces with the highest IoU, if that is at least 0.5; matlab: the first face from 0.5 on. Pixels
 * are counted inclusively. */
static void find_faces(const float detection[4], const float (*faces)[4], size_t n, size_t face[RF_WIDER_RULES]) {
    double x1 = (double)detection[0], y1 = (double)detection[1], x2 = (double)detection[2], y2 = (double)detection[3];
    double area = (x2 - x1 + 1) * (y2 - y1 + 1), best = 0;
    size_t python = SIZE_MAX, matlab = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        double fx1 = (double)faces[i][0], fy1 = (double)faces[i][1];
        double fx2 = fx1 + (double)faces[i][2], fy2 = fy1 + (double)faces[i][3];
        overlap o = {
            .x1 = x1 > fx1 ? x1 : fx1, .y1 = y1 > fy1 ? y1 : fy1, .x2 = x2 < fx2 ? x2 : fx2, .y2 = y2 < fy2 ? y2 : fy2};
        double w = o.x2 - o.x1 + 1, h = o.y2 - o.y1 + 1;
        if (w <= -1 || h <= -1) continue; /* rounding adds less than 1 */
        o.areas = area + (fx2 - fx1 + 1) * (fy2 - fy1 + 1);
        if (matlab == SIZE_MAX && matlab_hit(&o)) matlab = i;
        if (w <= 0 || h <= 0) continue;
        double iou = w * h / (o.areas - w * h);
        if (iou > best) {
            best = iou;
            python = i;
        }
    }
    face[RF_WIDER_PYTHON] = best >= 0.5 ? python : SIZE_MAX;
    face[RF_WIDER_MATLAB] = matlab;
}

/* All scores equal: there is nothing to divide by, and all count as the best. */
static double normalised(const job *j, int rule, double score) {
    double lowest = j->lowest[rule], highest = j->highest[rule];
    if (!(highest > lowest)) return 1;
    if (rule == RF_WIDER_PYTHON) return (score - lowest) / (highest - lowest);
    float above = (float)(score - (double)(float)lowest), range = fmaxf((float)highest, FLT_MIN) - (float)lowest;
    return range > 0 ? (double)(above / range) : 1;
}

static double threshold(int t) {
    return 1 - (double)(t + 1) / RF_WIDER_BINS;
}

/* The first threshold that a score reaches, RF_WIDER_BINS: none. */
static int first_threshold(double score) {
    double guess = floor((1 - score) * RF_WIDER_BINS) - 2;
    int t = guess > 0 ? (guess < RF_WIDER_BINS ? (int)guess : RF_WIDER_BINS) : 0;
    while (t < RF_WIDER_BINS && !(score >= threshold(t))) t++;
    return t;
}

/* Matches greedily by score: a detection on an ignored face does not count, a second one on a face is a false positive.
 */
static void match_subset(const job *j, size_t image, int rule, int subset, scored *s, tally *sums) {
    const rf_wider_image *truth = &j->gt->images[image];
    const uint8_t *subsets = j->gt->subsets + truth->first_box;
    memset(s->matched, 0, truth->n_boxes * sizeof *s->matched);
    for (size_t i = 0; i < s->n; i++) {
        size_t k = s->order[i], face = s->face[rule][i];
        if (rule == RF_WIDER_MATLAB && !matlab_reads(j, image, k)) continue;
        int t = first_threshold(normalised(j, rule, s->keys[k]));
        if (t == RF_WIDER_BINS) return;
        if (face != SIZE_MAX && !(subsets[face] >> subset & 1)) continue;
        sums->proposals[rule][subset][t]++;
        if (face == SIZE_MAX || s->matched[face]) continue;
        s->matched[face] = true;
        sums->found[rule][subset][t]++;
    }
}

static rf_status score_image(const job *j, size_t index, tally *sums) {
    const rf_wider_image *image = &j->gt->images[index];
    const rf_face_list *list = &j->input->detections[index];
    /* As in the official code, an image that has no face at all is passed over. */
    if (list->n == 0 || image->n_boxes == 0) return RF_OK;
    scored s;
    RF_TRY(scored_alloc(list->n, image->n_boxes, &s));
    for (size_t i = 0; i < list->n; i++) s.keys[i] = score_of(j, index, i);
    rf_status status = rf_order_descending_double(s.keys, s.n, s.order);
    if (status != RF_OK) goto fail;
    const float(*faces)[4] = (const float(*)[4])j->gt->boxes + image->first_box;
    for (size_t i = 0; i < s.n; i++) {
        size_t face[RF_WIDER_RULES];
        find_faces(list->items[s.order[i]].box, faces, image->n_boxes, face);
        for (int rule = 0; rule < RF_WIDER_RULES; rule++) s.face[rule][i] = face[rule];
    }
    for (int rule = 0; rule < RF_WIDER_RULES; rule++)
        for (int subset = 0; subset < RF_WIDER_SUBSETS; subset++) match_subset(j, index, rule, subset, &s, sums);
fail:
    scored_free(&s);
    return status;
}

static void score_range(void *ctx, size_t begin, size_t end) {
    const job *j = ctx;
    tally *sums = &j->tallies[begin / IMAGES_A_CHUNK];
    for (size_t i = begin; i < end && sums->status == RF_OK; i++) sums->status = score_image(j, i, sums);
    if (sums->status != RF_OK) strncpy(sums->message, rf_error_message(), sizeof sums->message - 1);
}

/* Lowest and highest score over all detections; refuses numbers that are none. */
static rf_status find_range(job *j, rf_wider_result *out) {
    for (int rule = 0; rule < RF_WIDER_RULES; rule++) {
        j->lowest[rule] = INFINITY;
        j->highest[rule] = -INFINITY;
    }
    for (size_t i = 0; i < j->gt->n_images; i++) {
        for (size_t k = 0; k < j->input->detections[i].n; k++) {
            const float *box = j->input->detections[i].items[k].box;
            double score = score_of(j, i, k);
            if (!isfinite(score) || !isfinite(box[0]) || !isfinite(box[1]) || !isfinite(box[2]) || !isfinite(box[3]))
                return rf_fail(RF_ERR_NONFINITE, "detection %zu of %s is not finite: box %g %g %g %g, score %g", k + 1,
                               j->gt->images[i].name, (double)box[0], (double)box[1], (double)box[2], (double)box[3],
                               score);
            for (int rule = 0; rule < RF_WIDER_RULES; rule++) {
                if (rule == RF_WIDER_MATLAB && !matlab_reads(j, i, k)) continue;
                j->lowest[rule] = fmin(j->lowest[rule], score);
                j->highest[rule] = fmax(j->highest[rule], score);
            }
        }
        out->n_detections += j->input->detections[i].n;
    }
    return RF_OK;
}

static void count_faces(const rf_wider_gt *gt, rf_wider_result *out) {
    for (size_t i = 0; i < gt->n_images; i++)
        for (size_t b = 0; b < gt->images[i].n_boxes; b++)
            for (int s = 0; s < RF_WIDER_SUBSETS; s++)
                out->n_faces[s] += gt->subsets[gt->images[i].first_box + b] >> s & 1;
}

static void fill_curve(const tally *tallies, size_t n, int rule, int s, size_t faces, rf_wider_curves *out) {
    size_t proposals = 0, found = 0;
    for (int t = 0; t < RF_WIDER_BINS; t++) {
        for (size_t c = 0; c < n; c++) {
            proposals += tallies[c].proposals[rule][s][t];
            found += tallies[c].found[rule][s][t];
        }
        out->proposals[s][t] = proposals;
        out->found[s][t] = found;
        out->precision[s][t] = proposals ? (double)found / (double)proposals : 0;
        out->recall[s][t] = faces ? (double)found / (double)faces : 0;
    }
    out->ap[s] = rf_average_precision(out->recall[s], out->precision[s], RF_WIDER_BINS);
}

rf_status rf_wider_ap(const rf_wider_gt *gt, const rf_wider_input *input, rf_wider_result *out) {
    memset(out, 0, sizeof *out);
    job j = {.gt = gt, .input = input};
    RF_TRY(find_range(&j, out));
    count_faces(gt, out);
    size_t chunks = (gt->n_images + IMAGES_A_CHUNK - 1) / IMAGES_A_CHUNK;
    j.tallies = rf_alloc(chunks, sizeof *j.tallies);
    if (!j.tallies) return RF_ERR_NOMEM;
    if (out->n_detections) {
        out->lowest = j.lowest[RF_WIDER_PYTHON];
        out->highest = j.highest[RF_WIDER_PYTHON];
    }
    rf_parallel_for(gt->n_images, IMAGES_A_CHUNK, score_range, &j);
    rf_status status = RF_OK;
    for (size_t c = 0; c < chunks && status == RF_OK; c++)
        if (j.tallies[c].status != RF_OK) status = rf_fail(j.tallies[c].status, "%s", j.tallies[c].message);
    for (int rule = 0; rule < RF_WIDER_RULES && status == RF_OK; rule++)
        for (int s = 0; s < RF_WIDER_SUBSETS; s++)
            fill_curve(j.tallies, chunks, rule, s, out->n_faces[s], &out->rules[rule]);
    rf_free(j.tallies);
    return status;
}

rf_wider_best rf_wider_best_score(const rf_wider_result *result, int subset) {
    const rf_wider_curves *c = &result->rules[RF_WIDER_PYTHON];
    rf_wider_best best = {0};
    for (int t = 0; t < RF_WIDER_BINS; t++) { /* the first of equals: the highest score */
        double p = c->precision[subset][t], r = c->recall[subset][t], f1 = p + r > 0 ? 2 * p * r / (p + r) : 0;
        if (f1 <= best.f1) continue;
        double score = result->lowest + threshold(t) * (result->highest - result->lowest);
        best = (rf_wider_best){score, f1, p, r};
    }
    return best;
}
