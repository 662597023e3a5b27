/* Overlapping detections of one image to one detection a face. */
#ifndef RF_DETECT_NMS_H
#define RF_DETECT_NMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "detect/faces.h"

typedef struct rf_merge_spec {
    float iou;            /* threshold */
    bool plus_one;        /* IoU counts pixels inclusively (the field's NMS does) */
    size_t top_k;         /* only the best top_k detections are looked at; 0: all */
    size_t keep;          /* at most so many are returned; 0: all */
    bool drop_singletons; /* voting: a detection that nothing confirms is dropped, unless it is the last one left */
} rf_merge_spec;

/* Greedy non-maximum suppression: by descending score (equal scores: list order), a detection is kept unless its IoU
 * with a kept one is above the threshold. The list is replaced by the kept ones, in that order. RF_ERR_NOMEM (list
 * unchanged or sorted). Boxes that are not finite or empty are dropped. Time: n log n + overlapping pairs. */
rf_status rf_nms(rf_face_list *faces, const rf_merge_spec *spec);

/* Box voting (insightface's test_widerface.py): the best detection and all with IoU at or above the threshold to it
 * form a cluster, which becomes one detection: score-weighted mean of the corners (and of the landmarks of members that
 * have them), score of the best. Repeated on the rest. */
rf_status rf_box_vote(rf_face_list *faces, const rf_merge_spec *spec);

#endif
