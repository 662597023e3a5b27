/* SPDX-License-Identifier: Apache-2.0 */
/* Normalised mean error of the vertices of face meshes. */
#include <math.h>

#include "core/mem.h"
#include "data/mesh_table.h"
#include "detect/box.h"
#include "eval/assign.h"
#include "eval/metric.h"

/* Mean distance of a detection's vertices from the annotated ones / sqrt(w h); NaN when either has none. */
static double error_of(const rf_mesh_table *table, const rf_face *face, const rf_face_list *list,
                       const rf_face *detection) {
    if (face->ignore || !face->mesh || !detection->mesh || !rf_box_valid(face->box, false)) return NAN;
    size_t n = table->n_vertices;
    const float *a = table->xy + 2 * n * (face->mesh - 1), *b = list->vertices + 2 * n * (detection->mesh - 1);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += hypot((double)a[2 * i] - (double)b[2 * i], (double)a[2 * i + 1] - (double)b[2 * i + 1]);
    double size = sqrt((double)rf_box_width(face->box, false) * (double)rf_box_height(face->box, false));
    return sum / (double)n / size;
}

/* The list that a detection is an item of; items tell the sample of their face. */
static const rf_face_list *list_of(const rf_dataset *truth, const rf_face_list *lists, size_t face) {
    size_t lo = 0, hi = truth->n_samples;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (truth->samples[mid].first_face <= face)
            lo = mid;
        else
            hi = mid;
    }
    return &lists[lo];
}

static rf_status mesh_error(const rf_dataset *truth, const rf_face_list *detections, double *value) {
    *value = NAN;
    if (!truth->mesh) return RF_OK;
    rf_assigned *items = NULL;
    size_t count, n = 0;
    double sum = 0;
    RF_TRY(rf_assign(truth, detections, &items, &count));
    bool *found = rf_alloc(truth->n_faces, sizeof *found);
    rf_status status = found ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < count && status == RF_OK; i++) {
        size_t face = items[i].face;
        if (items[i].iou < 0.5f || found[face]) continue;
        const rf_face_list *list = list_of(truth, detections, face);
        if (!list->vertices || list->n_vertices != truth->mesh->n_vertices) continue;
        double error = error_of(truth->mesh, &truth->faces[face], list, items[i].detection);
        if (isnan(error)) continue;
        if (!isfinite(error))
            status = rf_fail(RF_ERR_NONFINITE, "the mesh of a detection at %g,%g is not finite",
                             (double)items[i].detection->box[0], (double)items[i].detection->box[1]);
        found[face] = true;
        sum += error;
        n++;
    }
    if (n && status == RF_OK) *value = sum / (double)n;
    rf_free(found);
    rf_free(items);
    return status;
}

extern const rf_metric rf_metric_mesh_nme;

const rf_metric rf_metric_mesh_nme = {
    .name = "mesh_nme",
    .doc = "mean distance of the mesh's vertices / sqrt(w h) over the faces found with IoU >= 0.5",
    .best = 0,
    .worst = NAN,
    .needs_mesh = true,
    .compute = mesh_error,
};
