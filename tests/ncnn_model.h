/* SPDX-License-Identifier: Apache-2.0 */
/* Models with random weights for the tests of exporters, and what our own engine and codec make of an image. */
#ifndef RF_TESTS_NCNN_MODEL_H
#define RF_TESTS_NCNN_MODEL_H

#include "detect/spec.h"
#include "export/export.h"
#include "layers/detector.h"
#include "tests/ncnn_run.h"

/* Every array of every model differs from its start, so that a forgotten or misplaced one shows. */
typedef struct random_model {
    rf_config config;
    rf_params *params;
    rf_export_model model;
} random_model;
void random_model_make(random_model *m, const char *ini);
void random_model_free(random_model *m);

/* The detector's decoded faces of one image: all anchors, in their order, unsuppressed. */
typedef struct own_faces {
    rf_detect_spec spec;
    rf_anchor_set anchors;
    rf_face_list list;
    const rf_face *faces; /* [anchors.count] of the list */
    bool *dropped;        /* an earlier stage of heads is surer of background than cascade.drop */
} own_faces;
/* input: [3][h][w], as the network takes it. */
void own_faces_make(own_faces *own, const rf_export_model *model, const float *input, int h, int w);
void own_faces_free(own_faces *own);

/* Largest differences: of probabilities; of corners and landmarks, as a share of the larger of the face's side and one
 * pixel; of corners and landmarks of anchors with a probability over a half, in pixels. */
typedef struct difference {
    double score, place, pixels;
    size_t dropped; /* anchors that an earlier stage drops; both sides must agree which */
} difference;

/* Raises the differences to those of a level. scales: what ncnn's sample sets for it, its anchors' sizes / 16. */
void compare_level(const ncnn_run *run, const own_faces *own, int level, const float *scales, difference *d);

#endif
