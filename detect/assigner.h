/* SPDX-License-Identifier: Apache-2.0 */
/* Assigners: which anchors of an image are to find which face, which are background, and which are neither. */
#ifndef RF_DETECT_ASSIGNER_H
#define RF_DETECT_ASSIGNER_H

#include "autograd/real.h"
#include "core/registry.h"
#include "detect/match.h"

/* What an assigner works on: one image, in one step of heads. Borrowed. */
typedef struct rf_assign_image {
    const rf_anchor_set *grid;
    const float *boxes; /* [A,4] cx cy w h where the anchors are by now: those of the grid, or what steps before made */
    const rf_match_spec *spec; /* the step's IoUs */
    const rf_face *faces;
    size_t n_faces;
    void *scratch; /* what `make` made, for this image alone */
    /* What the step predicts, for assigners that read it, by level: logits [anchors of the level,2] (background, face)
     * and encoded boxes [anchors,width of the coder]; NULL: not predicted there. */
    const rf_real *cls[RF_MAX_LEVELS], *loc[RF_MAX_LEVELS];
} rf_assign_image;

/* One entry of assigners.def. */
typedef struct rf_assigner {
    const char *name, *doc;
    /* Scratch memory for an image. NULL: none is needed. */
    rf_status (*make)(const rf_anchor_set *grid, void **scratch);
    void (*free)(void *scratch);
    /* Fills out, whose arrays are there (rf_match_alloc). Allocates nothing; thread safe for different images. */
    void (*run)(const rf_assign_image *image, rf_match *out);
    bool reads_predictions; /* rf_assign_image.cls and loc */
} rf_assigner;

/* The assigners by name. */
RF_REGISTRY_DECLARE(assigner, rf_assigner)

#endif
