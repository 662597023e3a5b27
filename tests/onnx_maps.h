/* SPDX-License-Identifier: Apache-2.0 */
/* Operators of tests/onnx_eval.c that work on maps, and what all its operators share. */
#ifndef RF_TESTS_ONNX_MAPS_H
#define RF_TESTS_ONNX_MAPS_H

#include "tests/onnx_eval.h"

/* What an operator sees. */
typedef struct onnx_call {
    const rf_onnx_node *node;
    const onnx_array *in[RF_ONNX_INPUTS]; /* NULL: left out */
    onnx_array *out;
    int opset;
} onnx_call;

/* Allocates an array of n dimensions; returns it. */
onnx_array *onnx_make(onnx_array *a, int n, const int *d);
/* Attribute by name; the test fails when it is missing. */
const rf_onnx_attr *onnx_attr(const onnx_call *c, const char *name);
int onnx_whole(const onnx_array *a, size_t i);

void onnx_conv(const onnx_call *c);
void onnx_deform_conv(const onnx_call *c);
void onnx_max_pool(const onnx_call *c);
void onnx_resize(const onnx_call *c);

#endif
