/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of predictions and what was odd about their files. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "eval/predictions.h"

const char *const rf_prediction_note_names[RF_NOTE_COUNT] = {
#define RF_NOTE(name, words) #name,
#include "eval/prediction_notes.def"
#undef RF_NOTE
};

const char *const rf_prediction_note_words[RF_NOTE_COUNT] = {
#define RF_NOTE(name, words) words,
#include "eval/prediction_notes.def"
#undef RF_NOTE
};

void rf_prediction_notes_add(rf_prediction_notes *notes, rf_prediction_note note, const char *fmt, ...) {
    if (notes->n[note]++) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(notes->first[note], sizeof notes->first[note], fmt, args);
    va_end(args);
}

rf_status rf_prediction_notes_check(const char *path, const rf_prediction_notes *notes) {
    static const rf_prediction_note why[] = {RF_NOTE_bad_rows, RF_NOTE_bad_scores, RF_NOTE_other_categories};
    for (size_t i = 0; notes->rows == 0 && i < sizeof why / sizeof *why; i++)
        if (notes->n[why[i]])
            return rf_fail(RF_ERR_FORMAT, "%s: not one row can be used; %s: %zu (first: %s)", path,
                           rf_prediction_note_words[why[i]], notes->n[why[i]], notes->first[why[i]]);
    return RF_OK;
}

rf_status rf_prediction_set_make(size_t n, rf_prediction_set *out) {
    *out = (rf_prediction_set){.n = n,
                               .lists = rf_alloc(n, sizeof *out->lists),
                               .scores = rf_alloc(n, sizeof(double *)),
                               .ellipses = rf_alloc(n, sizeof(rf_ellipse *)),
                               .matlab_rows = rf_alloc(n, sizeof *out->matlab_rows)};
    if (out->lists && out->scores && out->ellipses && out->matlab_rows) return RF_OK;
    rf_prediction_set_free(out);
    return RF_ERR_NOMEM;
}

void rf_prediction_set_free(rf_prediction_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        if (set->lists) rf_face_list_free(&set->lists[i]);
        if (set->scores) rf_free(set->scores[i]);
        if (set->ellipses) rf_free(set->ellipses[i]);
    }
    rf_free(set->lists);
    rf_free(set->scores);
    rf_free(set->ellipses);
    rf_free(set->matlab_rows);
    *set = (rf_prediction_set){0};
}

/* Room for one more in the arrays beside the list, which grow with it. */
static rf_status grow(rf_prediction_set *set, size_t image, bool shapes) {
    rf_face_list *list = &set->lists[image];
    size_t old = list->capacity;
    RF_TRY(rf_face_list_reserve(list, list->n + 1));
    if (list->capacity == old && set->scores[image] && (!shapes || set->ellipses[image])) return RF_OK;
    double *scores = rf_realloc(set->scores[image], set->scores[image] ? list->n : 0, list->capacity, sizeof *scores);
    if (!scores) goto fail;
    set->scores[image] = scores;
    if (!shapes) return RF_OK;
    rf_ellipse *grown =
        rf_realloc(set->ellipses[image], set->ellipses[image] ? list->n : 0, list->capacity, sizeof *grown);
    if (!grown) goto fail;
    set->ellipses[image] = grown;
    return RF_OK;
fail:
    list->capacity = old; /* so that the next try makes room again */
    return RF_ERR_NOMEM;
}

rf_status rf_prediction_set_add(rf_prediction_set *set, size_t image, const rf_face *face, double score,
                                const rf_ellipse *shape) {
    rf_face_list *list = &set->lists[image];
    RF_TRY(grow(set, image, shape != NULL));
    set->scores[image][list->n] = score;
    if (shape) set->ellipses[image][list->n] = *shape;
    list->items[list->n] = *face;
    list->items[list->n++].score = (float)score;
    set->notes.rows++;
    return RF_OK;
}

bool rf_prediction_face(const double v[5], const char *where, int line, rf_prediction_notes *notes, rf_face *out) {
    if (!isfinite(v[4]) || !isfinite((float)v[4])) {
        rf_prediction_notes_add(notes, RF_NOTE_bad_scores, "%s:%d", where, line);
        return false;
    }
    *out =
        (rf_face){.box = {(float)v[0], (float)v[1], (float)(v[0] + v[2]), (float)(v[1] + v[3])}, .score = (float)v[4]};
    if (!isfinite(out->box[0]) || !isfinite(out->box[1]) || !isfinite(out->box[2]) || !isfinite(out->box[3])) {
        rf_prediction_notes_add(notes, RF_NOTE_not_finite, "%s:%d", where, line);
        for (int k = 0; k < 4; k++) out->box[k] = -1e6f; /* no area, beside every picture */
    } else if (v[2] <= 0 || v[3] <= 0) {
        rf_prediction_notes_add(notes, RF_NOTE_no_area, "%s:%d", where, line);
    }
    return true;
}
