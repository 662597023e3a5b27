/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a network that the ncnn reader made, with plain loops in double precision, as ncnn's layers are documented, and
 * decodes its outputs the way ncnn's sample examples/retinaface.cpp does. Nothing here knows the model. */
#ifndef RF_TESTS_NCNN_RUN_H
#define RF_TESTS_NCNN_RUN_H

#include "export/ncnn_net.h"

/* ncnn's Mat: channels, rows, columns. */
typedef struct ncnn_blob {
    int c, h, w;
    float *data;
} ncnn_blob;

typedef struct ncnn_run {
    const rf_ncnn_net *net;
    ncnn_blob *blobs; /* of every blob that was computed */
} ncnn_run;

/* Computes every blob for an input [3][h][w]. Fails the test when a layer gets what it cannot take. */
void ncnn_run_make(ncnn_run *run, const rf_ncnn_net *net, const float *input, int h, int w);
void ncnn_run_free(ncnn_run *run);
/* Output "face_rpn_PART_strideS", of later stages (from 0) "face_rpn_PART_strideS_stage2"; NULL when there is none. */
const ncnn_blob *ncnn_output(const ncnn_run *run, const char *part, int stride, int stage);

/* What the sample makes of one anchor, before thresholds: rect x y width height, landmarks, probability. */
typedef struct ncnn_face {
    float rect[4], points[10], prob;
    float sure; /* largest probability of background of the stages before the one that gives `prob`; 0: none */
} ncnn_face;

/* What the heads of a stage say at a level; NULL: nothing. */
typedef struct ncnn_heads {
    const ncnn_blob *score, *box, *points;
} ncnn_heads;

/* The blobs of a level; returns the number of stages, up to 4. */
int ncnn_stages(const ncnn_run *run, int stride, ncnn_heads stages[4]);

/* generate_proposals of the sample for one level: base size 16, ratio 1, `scales`; appends nothing, fills
 * faces[n_scales * h * w] in its order: anchor, row, column. With several stages (docs/deploy.md) each goes on from the
 * box of the one before, and the last that has scores gives them. */
void ncnn_decode(const ncnn_heads *stages, int n_stages, int stride, const float *scales, int n_scales,
                 ncnn_face *faces);

#endif
