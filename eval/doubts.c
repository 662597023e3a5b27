/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/doubts.h"

#include <math.h>

#include "core/mem.h"
#include "detect/box.h"

typedef enum reading {
    AS_GIVEN,
    CORNERS,
    CENTRES,
    EXCHANGED,
    EXCHANGED_CORNERS,
    SCORE_FIRST,
    SCORE_FIRST_CORNERS,
    READINGS
} reading;

static const char *const reading_words[READINGS] = {
    "x y w h",       "corners x1 y1 x2 y2", "the centre and the size, cx cy w h", "y x h w", "corners y1 x1 y2 x2",
    "score x y w h", "score x1 y1 x2 y2"};

typedef struct tally {
    size_t images;         /* with a face and a detection */
    size_t hits[READINGS]; /* images whose best detection lies on a face */
    size_t rows, small;    /* detections; whose numbers lie within -0.5 .. 2 */
} tally;

/* Corners of a detection whose five numbers are read in another way. */
static void read_as(reading how, const rf_face *face, float out[4]) {
    const float *box = face->box;
    float a = box[0], b = box[1], c = box[2] - box[0], d = box[3] - box[1], e = face->score;
    const float ways[READINGS][4] = {{a, b, a + c, b + d}, {a, b, c, d}, {a - c / 2, b - d / 2, a + c / 2, b + d / 2},
                                     {b, a, b + d, a + c}, {b, a, d, c}, {b, c, b + d, c + e},
                                     {b, c, d, e}};
    for (int k = 0; k < 4; k++) out[k] = ways[how][k];
}

static void add_image(const float (*faces)[4], size_t n, const rf_face_list *list, tally *t) {
    if (!n || !list->n) return;
    const rf_face *best = &list->items[0], *first = best; /* by the last number, by the first */
    for (size_t i = 0; i < list->n; i++) {
        const rf_face *f = &list->items[i];
        if (f->score > best->score) best = f;
        if (f->box[0] > first->box[0]) first = f;
        bool small = true;
        for (int k = 0; k < 4; k++) small &= f->box[k] >= -0.5f && f->box[k] <= 2.0f;
        t->small += small;
    }
    t->rows += list->n;
    t->images++;
    for (int r = 0; r < READINGS; r++) {
        float box[4], most = 0;
        read_as((reading)r, r < SCORE_FIRST ? best : first, box);
        for (size_t f = 0; f < n; f++) most = fmaxf(most, rf_box_iou(box, faces[f], false));
        t->hits[r] += most >= 0.5f;
    }
}

static void tell(const tally *t, rf_text *out) {
    int best = AS_GIVEN;
    for (int r = 0; r < READINGS; r++)
        if (t->hits[r] > t->hits[best]) best = r;
    if (t->rows && t->small * 10 >= t->rows * 9 && t->hits[AS_GIVEN] * 4 <= t->images) {
        rf_text_printf(
            out,
            "%zu of %zu boxes lie between 0 and 1: shares of the picture? Pixels are expected: multiply them by "
            "the picture's width and height",
            t->small, t->rows);
    } else if (best != AS_GIVEN && t->hits[best] > 3 * t->hits[AS_GIVEN] && t->hits[best] * 10 >= t->images * 3) {
        rf_text_printf(
            out,
            "the best detection lies on a face in %zu of %zu images as x y w h, but in %zu if the rows hold %s: "
            "write x y w h score",
            t->hits[AS_GIVEN], t->images, t->hits[best], reading_words[best]);
    }
}

rf_status rf_doubts_wider(const rf_wider_gt *gt, const rf_face_list *detections, rf_text *out) {
    tally t = {0};
    float(*faces)[4] = rf_alloc(gt->n_boxes, sizeof *faces);
    if (!faces) return RF_ERR_NOMEM;
    for (size_t i = 0; i < gt->n_boxes; i++) { /* from x y w h to corners */
        const float *b = gt->boxes[i];
        const float corners[4] = {b[0], b[1], b[0] + b[2], b[1] + b[3]};
        for (int k = 0; k < 4; k++) faces[i][k] = corners[k];
    }
    for (size_t i = 0; i < gt->n_images; i++)
        add_image((const float(*)[4])faces + gt->images[i].first_box, gt->images[i].n_boxes, &detections[i], &t);
    rf_free(faces);
    tell(&t, out);
    return RF_OK;
}

rf_status rf_doubts(const rf_dataset *truth, const rf_face_list *detections, rf_text *out) {
    tally t = {0};
    float(*faces)[4] = rf_alloc(truth->n_faces, sizeof *faces);
    if (!faces) return RF_ERR_NOMEM;
    for (size_t i = 0; i < truth->n_faces; i++)
        for (int k = 0; k < 4; k++) faces[i][k] = truth->faces[i].box[k];
    for (size_t i = 0; i < truth->n_samples; i++)
        add_image((const float(*)[4])faces + truth->samples[i].first_face, truth->samples[i].n_faces, &detections[i],
                  &t);
    rf_free(faces);
    tell(&t, out);
    return RF_OK;
}
