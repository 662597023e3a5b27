/* SPDX-License-Identifier: Apache-2.0 */
/* A network of random weights, two pictures, and its exported form, run by the interpreter (onnx_eval.h). */
#ifndef RF_TESTS_ONNX_SUBJECT_H
#define RF_TESTS_ONNX_SUBJECT_H

#include "autograd/exec.h"
#include "data/image.h"
#include "detect/faces.h"
#include "export/graph.h"
#include "tests/onnx_eval.h"

typedef struct onnx_subject {
    rf_config config;
    rf_params *params;
    rf_export_model model;
    rf_export_options options;
    rf_export_net net; /* of the same size, which gives the numbers to expect */
    rf_exec *exec;
    rf_image image[2];
    rf_onnx_model onnx; /* read back from the file */
    onnx_eval eval;
} onnx_subject;

/* The network that an INI text describes, run on one picture of w x h, or two unless options.batch is 1. */
void onnx_subject_open(const char *ini, rf_export_options options, int h, int w, onnx_subject *s);
/* Exports it and reads the file back. */
void onnx_subject_export(onnx_subject *s, const char *path);
/* Runs what was read on the same pictures. */
void onnx_subject_run(onnx_subject *s);
void onnx_subject_close(onnx_subject *s);

/* Largest difference relative to the largest number; a map that is the same everywhere would show little. */
void onnx_check_near(const onnx_array *have, const double *want);
/* All maps of all levels; returns how many there are. */
int onnx_check_maps(onnx_subject *s);
void onnx_check_rows(onnx_subject *s, const char *name, rf_value rows, bool softmax);
/* Every wanted face of an image is among the faces that the model returned; counts them. */
void onnx_check_faces(const onnx_subject *s, int image, const rf_face_list *want, size_t *checked);

/* A score that about 25 anchors reach, in the middle of the widest gap thereabouts. */
double onnx_threshold_of(const onnx_subject *s);

#endif
