/* SPDX-License-Identifier: Apache-2.0 */
/* AFW and PASCAL faces as Mathias et al. (ECCV 2014) score them: faces with a side under 30 pixels count neither way,
 * smaller detections are dropped, IoU above 0.5, all-point AP; before that one offset and one scale for all detections
 * are fitted to the true ones, five times, since annotations of faces differ in style. */
#include <math.h>

#include "core/mem.h"
#include "eval/assign.h"
#include "eval/protocol.h"
#include "eval/protocol_voc.h"

enum { SMALLEST = 30, FITS = 5 };

/* Means over the true detections: shift of the centre in sizes of the detection, ratio of the sizes. */
typedef struct box_fit {
    double shift[2], ratio[2];
    size_t n;
} box_fit;

/* The detections that are looked at, with their scores. */
typedef struct large {
    rf_face_list *lists;
    double **scores;
} large;

static rf_status fit_boxes(const rf_dataset *truth, const large *detections, box_fit *out) {
    rf_assigned *items = NULL;
    size_t count;
    *out = (box_fit){{0}, {0}, 0};
    RF_TRY(rf_assign_scored(truth, detections->lists, (const double *const *)detections->scores, &items, &count));
    bool *found = rf_alloc(truth->n_faces, sizeof *found);
    for (size_t i = 0; found && i < count; i++) {
        if (!(items[i].iou > 0.5f)) continue;
        const rf_face *face = &truth->faces[items[i].face];
        if (face->ignore || found[items[i].face]) continue;
        found[items[i].face] = true;
        const float *d = items[i].detection->box, *g = face->box;
        for (int k = 0; k < 2; k++) {
            double size = (double)d[k + 2] - (double)d[k];
            out->shift[k] += 0.5 * ((double)g[k] + (double)g[k + 2] - (double)d[k] - (double)d[k + 2]) / size;
            out->ratio[k] += ((double)g[k + 2] - (double)g[k]) / size;
        }
        out->n++;
    }
    rf_status status = found ? RF_OK : RF_ERR_NOMEM;
    for (int k = 0; k < 2 && out->n; k++) {
        out->shift[k] /= (double)out->n;
        out->ratio[k] /= (double)out->n;
    }
    rf_free(found);
    rf_free(items);
    return status;
}

static void apply_fit(const box_fit *fit, rf_face_list *lists, size_t n) {
    for (size_t i = 0; i < n && fit->n; i++)
        for (size_t j = 0; j < lists[i].n; j++) {
            float *box = lists[i].items[j].box;
            for (int k = 0; k < 2; k++) {
                double size = (double)box[k + 2] - (double)box[k], centre = 0.5 * ((double)box[k] + (double)box[k + 2]);
                centre += fit->shift[k] * size;
                size *= fit->ratio[k];
                box[k] = (float)(centre - 0.5 * size);
                box[k + 2] = (float)(centre + 0.5 * size);
            }
        }
}

/* The detections that are not too small: sides of at most sqrt(0.5 30 30) cannot match a face that counts. */
static rf_status copy_large(const rf_protocol_input *in, large *to) {
    double least = sqrt(0.5 * SMALLEST * SMALLEST);
    for (size_t i = 0; i < in->truth->n_samples; i++) {
        to->scores[i] = rf_alloc(in->detections[i].n, sizeof *to->scores[i]);
        if (!to->scores[i]) return RF_ERR_NOMEM;
        for (size_t k = 0; k < in->detections[i].n; k++) {
            const rf_face *face = &in->detections[i].items[k];
            if ((double)face->box[2] - (double)face->box[0] <= least &&
                (double)face->box[3] - (double)face->box[1] <= least)
                continue;
            to->scores[i][to->lists[i].n] = rf_protocol_score(in, i, k);
            RF_TRY(rf_face_list_push(&to->lists[i], face));
        }
    }
    return RF_OK;
}

static rf_status pascal_faces_run(const rf_protocol_input *in, rf_protocol_result *out) {
    size_t n = in->truth->n_samples, fitted = 0;
    rf_dataset truth = {0};
    rf_status status = RF_ERR_NOMEM;
    large kept = {rf_alloc(n, sizeof *kept.lists), rf_alloc(n, sizeof(double *))};
    const double *const *scores = (const double *const *)kept.scores;
    if (!kept.lists || !kept.scores) goto fail;
    RF_TRY_GOTO(rf_protocol_copy_truth(in->truth, &truth));
    for (size_t f = 0; f < truth.n_faces; f++) {
        rf_face *face = &truth.faces[f];
        face->ignore |= face->box[2] - face->box[0] < SMALLEST || face->box[3] - face->box[1] < SMALLEST;
    }
    RF_TRY_GOTO(copy_large(in, &kept));
    RF_TRY_GOTO(rf_protocol_add_ap(&truth, kept.lists, scores, 0.5f, true, "ap_unfitted", out));
    for (int i = 0; i < FITS; i++) {
        box_fit fit;
        RF_TRY_GOTO(fit_boxes(&truth, &kept, &fit));
        apply_fit(&fit, kept.lists, n);
        fitted = fit.n;
    }
    RF_TRY_GOTO(rf_protocol_add_ap(&truth, kept.lists, scores, 0.5f, true, "ap", out));
    rf_protocol_value unfitted = out->values[0]; /* the fitted one leads */
    out->values[0] = out->values[1];
    out->values[1] = unfitted;
    rf_protocol_put(out, "fitted_to", (double)fitted);
fail:
    for (size_t i = 0; i < n; i++) {
        if (kept.lists) rf_face_list_free(&kept.lists[i]);
        if (kept.scores) rf_free(kept.scores[i]);
    }
    rf_free(kept.lists);
    rf_free(kept.scores);
    rf_free(truth.faces);
    return status;
}

extern const rf_protocol rf_protocol_pascal_faces;

const rf_protocol rf_protocol_pascal_faces = {
    .name = "pascal_faces",
    .doc = "AFW and PASCAL faces: AP at IoU 0.5, faces from 30 px, boxes fitted globally",
    .x_label = "Recall",
    .y_label = "Precision",
    .x_max = 1,
    .best = 1,
    .worst = 0,
    .run = pascal_faces_run,
};
