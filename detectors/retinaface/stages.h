/* SPDX-License-Identifier: Apache-2.0 */
/* From the maps of the pyramid to predictions: context modules and heads, once or, in a cascade, in several stages that
 * refine each other's boxes (RetinaFace, CVPR 2020 version; insightface, rcnn/symbol/symbol_common.py with CASCADE). */
#ifndef RF_DETECTORS_RETINAFACE_STAGES_H
#define RF_DETECTORS_RETINAFACE_STAGES_H

#include "layers/context.h"
#include "layers/detector.h"
#include "layers/heads.h"
#include "layers/output_kind.h"

/* What the configuration says, checked. */
typedef struct rf_stages {
    const rf_context *context;
    rf_deform context_deform;
    double slope; /* of the activations of pyramid and context */
    int n, cell_anchors;
    rf_stage_body body;
    bool cls_at[RF_NET_STAGES][RF_NET_LEVELS], box_at[RF_NET_STAGES][RF_NET_LEVELS];
    int points;  /* of a face */
    int classes; /* logits of an anchor: the background and the kinds of objects */
    const rf_coder *box_coder, *point_coder;
    int box_width, points_width; /* numbers of a row */
    bool share_heads, landmarks[RF_NET_STAGES];
    rf_extras extras; /* beside kinds, boxes and points */
    rf_maxout maxout;
    bool towers, enhanced; /* heads are towers (layers/tower.h), with rfe */
} rf_stages;

/* Reads [model] and [cascade], all but cell_anchors. RF_ERR_USER names the key that is wrong. */
rf_status rf_stages_plan(const rf_config *config, const int *strides, int n_levels, rf_stages *out);

/* Which levels the stages before the last predict at: their maps are what rf_stages_build wants in step1. */
void rf_stages_step1(const rf_stages *stages, int n_levels, bool *wanted);

/* Appends context modules and heads to the pyramid's maps [N,h,w,C] of out->n_levels levels and lists the outputs in
 * *out, whose levels are known. Parameters of stage k > 1 are below "stage<k>.", "stage2.ssh1.conv3X3.0.weight"; towers
 * are one for all. step1: the maps that all stages but the last read with RF_BODY_BACKBONE. */
rf_status rf_stages_build(rf_net *net, const rf_stages *stages, const rf_value *step1, const rf_value *pyramid,
                          rf_detector *out);

#endif
