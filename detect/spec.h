/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to the plain structs of geometry. */
#ifndef RF_DETECT_SPEC_H
#define RF_DETECT_SPEC_H

#include "settings/settings.h"
#include "core/status.h"
#include "detect/anchors.h"
#include "detect/codec.h"
#include "detect/match.h"
#include "detect/nms.h"

enum { RF_MAX_STAGES = 4 }; /* cascade.stages */

typedef struct rf_detect_spec {
    rf_anchor_spec anchors;
    rf_codec codec;
    rf_point_flip flip;
    rf_match_spec
        match[RF_MAX_STAGES]; /* of each stage of heads: [match], with the IoUs of [cascade] if it has stages */
    int n_stages;
    float drop_below; /* logit of face under which a stage drops an anchor for the stages after it; -INFINITY: none */
    float level_scores[RF_MAX_LEVELS]; /* factors of the scores */
    float level_least[RF_MAX_LEVELS];  /* lowest scores, before the factors, of maps with at least least_cells cells */
    long least_cells;
    size_t level_top_k; /* detections of a level before the merge; 0: all */
    const rf_merger *merger;
    rf_merge_spec merge; /* [eval] iou, top_k, keep; IoU with plus_one; voting drops singletons unless told otherwise */
} rf_detect_spec;

/* The logit that cascade.drop means. */
float rf_detect_drop_below(const rf_config *config);

/* Reads [model] strides, [anchors], [match], [cascade], [eval] and the points of [data]. RF_ERR_USER names the key when
 * sizes are not levels x k numbers, strides do not ascend, or negative_iou is above positive_iou. */
rf_status rf_detect_spec_from_config(const rf_config *config, rf_detect_spec *out);

#endif
