/* SPDX-License-Identifier: Apache-2.0 */
/* Overlapping detections of one image to one detection a face. */
#ifndef RF_DETECT_NMS_H
#define RF_DETECT_NMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "core/registry.h"
#include "detect/faces.h"

typedef struct rf_merge_spec {
    float iou;            /* threshold */
    bool plus_one;        /* IoU counts pixels inclusively (the field's NMS does) */
    size_t top_k;         /* only the best top_k detections are looked at; 0: all */
    size_t keep;          /* at most so many are returned; 0: all */
    float soft_sigma;     /* soft_gaussian */
    float soft_score;     /* Soft-NMS drops what falls below this */
    bool across;          /* detections of different kinds (rf_face.label) are merged with each other, too */
    bool drop_singletons; /* voting: a detection that nothing confirms is dropped, unless it is the last one left */
} rf_merge_spec;

/* Whether two detections can be one object: of one kind, as torchvision's batched_nms has it, unless told otherwise. */
static inline bool rf_merge_meet(const rf_merge_spec *spec, const rf_face *a, const rf_face *b) {
    return a->label == b->label || spec->across;
}

/* Greedy non-maximum suppression: by descending score (equal scores: list order), a detection is kept unless its IoU
 * with a kept one of its kind (rf_merge_meet, which holds for all merges) is above the threshold. The list is replaced
 * by the kept ones, in that order. RF_ERR_NOMEM (list unchanged or sorted). Boxes that are not finite or empty are
 * dropped. Time: n log n + overlapping pairs. */
rf_status rf_nms(rf_face_list *faces, const rf_merge_spec *spec);

/* Box voting (insightface's test_widerface.py): the best detection and all with IoU at or above the threshold to it
 * form a cluster, which becomes one detection: score-weighted mean of the corners (and of the landmarks of members that
 * have them), score of the best. Repeated on the rest. */
rf_status rf_box_vote(rf_face_list *faces, const rf_merge_spec *spec);

/* Soft-NMS (Bodla et al., ICCV 2017): the detection of the highest score is taken and the scores of the rest fall by
 * their IoU with it: times 1 - IoU when that is above the threshold (linear), or times exp(-IoU^2 / soft_sigma). By
 * falling final score. Every taken one costs a pass over the rest, n^2 in all; lower top_k where that matters. */
rf_status rf_soft_linear(rf_face_list *faces, const rf_merge_spec *spec);
rf_status rf_soft_gaussian(rf_face_list *faces, const rf_merge_spec *spec);

/* Box voting after NMS (Gidaris and Komodakis, ICCV 2015): what rf_nms keeps, moved to the score-weighted mean of all
 * detections, suppressed ones of others included, whose IoU with it is at or above the threshold. */
rf_status rf_weighted_vote(rf_face_list *faces, const rf_merge_spec *spec);

/* Drops boxes without an area and NaN scores, sorts by score, cuts to top_k: what every merge begins with. */
rf_status rf_merge_prepare(rf_face_list *faces, const rf_merge_spec *spec);

/* The merges by name (detect/merges.def), as eval.merge says. */
typedef struct rf_merger {
    const char *name;
    rf_status (*run)(rf_face_list *faces, const rf_merge_spec *spec);
} rf_merger;
/* They all. */
RF_REGISTRY_DECLARE(merger, rf_merger)

#endif
