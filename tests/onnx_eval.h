/* SPDX-License-Identifier: Apache-2.0 */
/* A plain interpreter of ONNX models, for tests: every operator that rf-export writes, by its definition, in double
 * precision and without any thought of speed. */
#ifndef RF_TESTS_ONNX_EVAL_H
#define RF_TESTS_ONNX_EVAL_H

#include "export/onnx_model.h"

enum { ONNX_EVAL_VALUES = 1024 };

/* Whole numbers are doubles too. */
typedef struct onnx_array {
    const char *name;
    int n;
    int d[4];
    size_t count;
    double *v;
} onnx_array;

typedef struct onnx_eval {
    onnx_array arrays[ONNX_EVAL_VALUES];
    int n;
} onnx_eval;

/* Runs the model on one input; all values are found by name afterwards. Anything wrong fails the cmocka test. */
void onnx_eval_run(onnx_eval *e, const rf_onnx_model *model, const onnx_array *input);
const onnx_array *onnx_eval_find(const onnx_eval *e, const char *name);
void onnx_eval_free(onnx_eval *e);

#endif
