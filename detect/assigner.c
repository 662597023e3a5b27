/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/assigner.h"

#include "core/mem.h"

/* ---- the grid ---- */

static void match_grid(const rf_assign_image *image, rf_match *out) {
    rf_match_faces(image->grid, image->spec, image->faces, image->n_faces, out);
}

static const rf_assigner rf_assigner_max_iou = {
    .name = "max_iou",
    .doc =
        "an anchor of the grid belongs to the face that it overlaps most, by thresholds; the best one of a face may be "
        "forced (RetinaFace, SSD)",
    .run = match_grid,
};

/* ---- boxes anywhere ---- */

static rf_status make_bins(const rf_anchor_set *grid, void **scratch) {
    rf_box_bins *bins = *scratch = rf_alloc(1, sizeof *bins);
    return bins ? rf_box_bins_alloc(grid->count, bins) : RF_ERR_NOMEM;
}

static void free_bins(void *scratch) {
    if (scratch) rf_box_bins_free(scratch);
    rf_free(scratch);
}

static void match_moved(const rf_assign_image *image, rf_match *out) {
    const rf_anchor_set *grid = image->grid;
    rf_match_boxes(image->boxes, grid->height, grid->width, grid->plus_one, image->spec, image->faces, image->n_faces,
                   image->scratch, out);
}

static const rf_assigner rf_assigner_max_iou_moved = {
    .name = "max_iou_moved",
    .doc = "the same for boxes that steps before have moved; none is forced (selective two-step regression, cascades)",
    .make = make_bins,
    .free = free_bins,
    .run = match_moved,
};

/* ---- the registry ---- */

static const void *const assigners[] = {
#define RF_ASSIGNER(name) &rf_assigner_##name,
#include "detect/assigners.def"
#undef RF_ASSIGNER
};

RF_REGISTRY_DEFINE(assigner, rf_assigner, assigners, e->doc && e->run && !e->make == !e->free, .what = "assigner")
