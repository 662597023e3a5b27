/* Targets and losses of one stage of heads. Internal to the multi-task loss.
 * A host node gives every anchor its label, weight and targets. In a cascade (RetinaFace, CVPR 2020 version;
 * insightface, rcnn/PY_OP/cascade_refine.py) the anchors of a later stage are the boxes that the stage before decodes,
 * matched anew with IoUs of their own and mined by the stage's own logits; no gradient flows through the decoding. */
#ifndef RF_TRAIN_LOSS_STAGE_H
#define RF_TRAIN_LOSS_STAGE_H

#include "detect/spec.h"
#include "train/loss.h"
#include "train/mining.h"

/* What the stages of a loss share. */
typedef struct rf_loss_common {
    rf_detect_spec spec;
    rf_mining_spec mining;
    double box_beta, landmark_beta;
    int n; /* images of a batch */
    rf_anchor_set anchors;
    uint64_t *keys;    /* [n][A] scratch of the mining */
    rf_box_bins *bins; /* [n] scratch of the matching; NULL without a cascade */
    rf_loss_batch batch;
} rf_loss_common;

enum {
    RF_TARGET_LABEL,
    RF_TARGET_CLS_WEIGHT,
    RF_TARGET_LOC,
    RF_TARGET_BOX_WEIGHT,
    RF_TARGET_POINTS,
    RF_TARGET_POINTS_WEIGHT,
    RF_TARGET_COUNT
};

typedef struct rf_loss_stage {
    rf_loss_common *common;
    const struct rf_loss_stage *before; /* whose decoded boxes are the anchors; NULL: the grid is */
    int index;                          /* from 0 */
    rf_stage rows;                      /* the predictions, and which levels have them */
    rf_match *matches;                  /* [n] */
    float *boxes;                       /* [n][A,4] cx cy w h; NULL: the grid */
    int8_t *labels;                     /* [n][A] scratch */
    size_t *negatives;                  /* [n] */
    int in_cls, in_loc;                 /* inputs of the node: logits, loc of the stage before; -1: none */
    int slot[RF_TARGET_COUNT];          /* outputs of the node; -1: none */
    const rf_call *call;                /* while the node runs */
    rf_loss_counts counts;              /* of the last run */
    size_t box_positives;               /* positives at the levels that have boxes */
} rf_loss_stage;

/* Memory for a stage; common and before outlive it. Free in every case. */
rf_status rf_loss_stage_make(rf_loss_common *common, const rf_loss_stage *before, rf_loss_stage *out);
void rf_loss_stage_free(rf_loss_stage *stage);

/* Appends the stage's targets and losses; stages are built in order, and their nodes run in that order. */
rf_status rf_loss_stage_build(rf_loss_stage *stage, rf_graph *graph, const rf_stage *rows, rf_loss_parts *out);

#endif
