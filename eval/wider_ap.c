#include "eval/wider_ap.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "core/parallel.h"
#include "eval/average.h"

enum { IMAGES_A_CHUNK = 64 };

/* Sums over some images: at threshold t, detections that count and faces found. */
typedef struct tally {
    size_t proposals[RF_WIDER_SUBSETS][RF_WIDER_BINS], found[RF_WIDER_SUBSETS][RF_WIDER_BINS];
    rf_status status;
    char message[256]; /* of a thread that is not the caller's */
} tally;

typedef struct job {
    const rf_wider_gt *gt;
    const rf_face_list *detections;
    double lowest, range; /* of all scores */
    tally *tallies;       /* one a chunk */
} job;

/* The detections of an image in falling order of score, each with its best face. */
typedef struct scored {
    size_t n;
    double *score; /* normalised */
    size_t *face;  /* best face of the image, SIZE_MAX when its IoU is below 0.5 */
    bool *counts;  /* is a proposal */
    size_t *found; /* faces matched by this and all better detections */
    uint32_t *order;
    float *keys;
    bool *matched; /* [faces] */
} scored;

static void scored_free(scored *s) {
    rf_free(s->score);
    rf_free(s->face);
    rf_free(s->counts);
    rf_free(s->found);
    rf_free(s->order);
    rf_free(s->keys);
    rf_free(s->matched);
}

static rf_status scored_alloc(size_t n, size_t n_faces, scored *s) {
    *s = (scored){.n = n,
                  .score = rf_alloc(n, sizeof *s->score),
                  .face = rf_alloc(n, sizeof *s->face),
                  .counts = rf_alloc(n, sizeof *s->counts),
                  .found = rf_alloc(n, sizeof *s->found),
                  .order = rf_alloc(n, sizeof *s->order),
                  .keys = rf_alloc(n, sizeof *s->keys),
                  .matched = rf_alloc(n_faces, sizeof *s->matched)};
    if (s->score && s->face && s->counts && s->found && s->order && s->keys && s->matched) return RF_OK;
    scored_free(s);
    return RF_ERR_NOMEM;
}

/* First of the faces with the highest IoU, if that is at least 0.5. Pixels are counted inclusively. */
static size_t best_face(const float detection[4], const float (*faces)[4], size_t n) {
    double x1 = (double)detection[0], y1 = (double)detection[1], x2 = (double)detection[2], y2 = (double)detection[3];
    double area = (x2 - x1 + 1) * (y2 - y1 + 1), best = 0;
    size_t face = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        double fx1 = (double)faces[i][0], fy1 = (double)faces[i][1];
        double fx2 = fx1 + (double)faces[i][2], fy2 = fy1 + (double)faces[i][3];
        double w = fmin(x2, fx2) - fmax(x1, fx1) + 1, h = fmin(y2, fy2) - fmax(y1, fy1) + 1;
        if (w <= 0 || h <= 0) continue;
        double inter = w * h, iou = inter / (area + (fx2 - fx1 + 1) * (fy2 - fy1 + 1) - inter);
        if (iou > best) {
            best = iou;
            face = i;
        }
    }
    return best >= 0.5 ? face : SIZE_MAX;
}

/* Matches greedily by score: a detection on an ignored face does not count, a second one on a face is a false positive.
 */
static void match_subset(const uint8_t *subsets, size_t n_faces, int subset, scored *s) {
    size_t found = 0;
    memset(s->matched, 0, n_faces * sizeof *s->matched);
    for (size_t i = 0; i < s->n; i++) {
        size_t face = s->face[i];
        s->counts[i] = true;
        if (face != SIZE_MAX && !(subsets[face] >> subset & 1)) {
            s->counts[i] = false;
        } else if (face != SIZE_MAX && !s->matched[face]) {
            s->matched[face] = true;
            found++;
        }
        s->found[i] = found;
    }
}

static void add_thresholds(const scored *s, size_t *proposals, size_t *found) {
    size_t i = 0, counted = 0;
    for (int t = 0; t < RF_WIDER_BINS; t++) {
        double threshold = 1 - (double)(t + 1) / RF_WIDER_BINS;
        for (; i < s->n && s->score[i] >= threshold; i++) counted += s->counts[i];
        proposals[t] += counted;
        if (i > 0) found[t] += s->found[i - 1];
    }
}

static rf_status score_image(const job *j, size_t index, tally *sums) {
    const rf_wider_image *image = &j->gt->images[index];
    const rf_face_list *list = &j->detections[index];
    /* As in the official code, an image that has no face at all is passed over. */
    if (list->n == 0 || image->n_boxes == 0) return RF_OK;
    scored s;
    RF_TRY(scored_alloc(list->n, image->n_boxes, &s));
    for (size_t i = 0; i < list->n; i++) s.keys[i] = list->items[i].score;
    rf_status status = rf_order_descending(s.keys, s.n, s.order);
    if (status != RF_OK) goto fail;
    const float(*faces)[4] = (const float(*)[4])j->gt->boxes + image->first_box;
    for (size_t i = 0; i < s.n; i++) {
        const rf_face *detection = &list->items[s.order[i]];
        s.score[i] = j->range > 0 ? ((double)detection->score - j->lowest) / j->range : 1;
        s.face[i] = best_face(detection->box, faces, image->n_boxes);
    }
    for (int subset = 0; subset < RF_WIDER_SUBSETS; subset++) {
        match_subset(j->gt->subsets + image->first_box, image->n_boxes, subset, &s);
        add_thresholds(&s, sums->proposals[subset], sums->found[subset]);
    }
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

/* Lowest score and range over all detections; refuses numbers that are none. */
static rf_status find_range(job *j, rf_wider_result *out) {
    double lowest = INFINITY, highest = -INFINITY;
    for (size_t i = 0; i < j->gt->n_images; i++) {
        for (size_t k = 0; k < j->detections[i].n; k++) {
            const rf_face *face = &j->detections[i].items[k];
            const float *box = face->box;
            if (!isfinite(face->score) || !isfinite(box[0]) || !isfinite(box[1]) || !isfinite(box[2]) ||
                !isfinite(box[3]))
                return rf_fail(RF_ERR_NONFINITE, "detection %zu of %s is not finite: box %g %g %g %g, score %g", k + 1,
                               j->gt->images[i].name, (double)box[0], (double)box[1], (double)box[2], (double)box[3],
                               (double)face->score);
            lowest = fmin(lowest, (double)face->score);
            highest = fmax(highest, (double)face->score);
        }
        out->n_detections += j->detections[i].n;
    }
    j->lowest = lowest;
    j->range = highest - lowest;
    return RF_OK;
}

static void count_faces(const rf_wider_gt *gt, rf_wider_result *out) {
    for (size_t i = 0; i < gt->n_images; i++)
        for (size_t b = 0; b < gt->images[i].n_boxes; b++)
            for (int s = 0; s < RF_WIDER_SUBSETS; s++)
                out->n_faces[s] += gt->subsets[gt->images[i].first_box + b] >> s & 1;
}

static void fill_result(const tally *tallies, size_t n, rf_wider_result *out) {
    for (int s = 0; s < RF_WIDER_SUBSETS; s++) {
        for (int t = 0; t < RF_WIDER_BINS; t++) {
            size_t proposals = 0, found = 0;
            for (size_t c = 0; c < n; c++) {
                proposals += tallies[c].proposals[s][t];
                found += tallies[c].found[s][t];
            }
            out->precision[s][t] = proposals ? (double)found / (double)proposals : 0;
            out->recall[s][t] = out->n_faces[s] ? (double)found / (double)out->n_faces[s] : 0;
        }
        out->ap[s] = rf_average_precision(out->recall[s], out->precision[s], RF_WIDER_BINS);
    }
}

rf_status rf_wider_ap(const rf_wider_gt *gt, const rf_face_list *detections, rf_wider_result *out) {
    memset(out, 0, sizeof *out);
    job j = {.gt = gt, .detections = detections};
    RF_TRY(find_range(&j, out));
    count_faces(gt, out);
    size_t chunks = (gt->n_images + IMAGES_A_CHUNK - 1) / IMAGES_A_CHUNK;
    j.tallies = rf_alloc(chunks, sizeof *j.tallies);
    if (!j.tallies) return RF_ERR_NOMEM;
    rf_parallel_for(gt->n_images, IMAGES_A_CHUNK, score_range, &j);
    rf_status status = RF_OK;
    for (size_t c = 0; c < chunks && status == RF_OK; c++)
        if (j.tallies[c].status != RF_OK) status = rf_fail(j.tallies[c].status, "%s", j.tallies[c].message);
    if (status == RF_OK) fill_result(j.tallies, chunks, out);
    rf_free(j.tallies);
    return status;
}
