/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and losses of one stage of heads. Internal to the multi-task loss.
 * A host node gives every anchor its label, weight and targets. In a cascade (RetinaFace, CVPR 2020 version;
 * insightface, rcnn/PY_OP/cascade_refine.py) the anchors of a later stage are the boxes that the stage before decodes,
 * matched anew with IoUs of their own and mined by the stage's own logits; no gradient flows through the decoding. */
#ifndef RF_DETECT_LOSS_STAGE_H
#define RF_DETECT_LOSS_STAGE_H

#include "detect/assigner.h"
#include "detect/row_loss.h"
#include "detect/sampler.h"
#include "detect/spec.h"
#include "detect/loss/loss.h"
#include "detect/loss/loss_norm.h"
#include "detect/loss/side_loss.h"

/* An assigner with the scratch memory of a batch. */
typedef struct rf_assign_state {
    const rf_assigner *kind;
    void **scratch; /* [n] */
} rf_assign_state;

/* What the stages of a loss share. */
typedef struct rf_loss_common {
    rf_config config;
    rf_detect_spec spec;
    rf_sample_spec sampling;
    /* The parts that the loss is made of: */
    rf_assign_state assign[2]; /* of the first step, of those after it */
    const rf_sampler *sampler;
    const rf_row_loss *cls_loss, *box_loss;
    const rf_loss_norm *norm;
    int n; /* images of a batch */
    bool random_level;
    int level; /* the only one that trains in this batch; -1: all do */
    rf_anchor_set anchors;
    uint64_t *keys; /* [n][A] scratch of the sampler */
    rf_loss_batch batch;
} rf_loss_common;

enum {
    RF_TARGET_LABEL,
    RF_TARGET_CLS_WEIGHT,
    RF_TARGET_LOC,
    RF_TARGET_BOX_WEIGHT,
    RF_TARGET_POINTS,
    RF_TARGET_POINTS_WEIGHT,
    RF_TARGET_MARGIN,
    RF_TARGET_COUNT
};

/* What refining the examples does, summed up since the last rf_loss_stage_facts: over anchors that the stage before
 * classifies too, and over positives whose boxes it moves. */
typedef struct rf_stage_sums {
    size_t positives, negatives, kept; /* negatives: before, kept: after those that it is sure of are dropped */
    size_t moved;                      /* positives with a moved box */
    double iou_grid, iou_moved;        /* with their faces: of the anchors of the grid, of the moved ones */
} rf_stage_sums;

typedef struct rf_loss_stage {
    rf_loss_common *common;
    const rf_loss_batch *batch;         /* whose faces are the targets: common's, unless it is set to another one */
    const struct rf_loss_stage *before; /* whose decoded boxes are the anchors; NULL: the grid is */
    int index;                          /* from 0 */
    rf_output_rows cls, loc, points;    /* the predictions, and which levels have them */
    rf_match *matches;                  /* [n] */
    float *boxes;                       /* [n][A,4] cx cy w h; NULL: the grid */
    int8_t *labels;                     /* [n][A] scratch */
    /* Inputs of the node: logits, loc where the assigner reads it, loc and logits of the stage before; -1: none. */
    int in_cls, in_loc, in_moves, in_before;
    int slot[RF_TARGET_COUNT];           /* outputs of the node; -1: none */
    rf_value targets;                    /* its first output */
    const rf_call *call;                 /* while the node runs */
    rf_loss_counts counts;               /* of the last run */
    rf_loss_share shares[RF_MAX_LEVELS]; /* weights of a level's anchors */
    rf_side_state sides[RF_SIDE_LOSSES];
    rf_stage_sums *sums; /* [n] */
} rf_loss_stage;

/* Memory for a stage; common and before outlive it. Free in every case. */
rf_status rf_loss_stage_make(rf_loss_common *common, const rf_loss_stage *before, rf_loss_stage *out);
void rf_loss_stage_free(rf_loss_stage *stage);

/* Appends the targets and losses of what the stage with the same index predicts under the names `prefix` + "cls",
 * "loc", "points" and those of side losses; stages are built in order, and their nodes run in that order. */
rf_status rf_loss_stage_build(rf_loss_stage *stage, rf_graph *graph, const rf_output_list *outputs, const char *prefix,
                              rf_loss_parts *out);

/* The anchors of an image in a stage, [A,4] cx cy w h, once its node has run. */
const float *rf_loss_stage_boxes(const rf_loss_stage *stage, size_t image);

/* Adds up the sums of the images and clears them. */
rf_stage_sums rf_loss_stage_facts(rf_loss_stage *stage);

#endif
