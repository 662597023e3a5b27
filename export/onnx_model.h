/* SPDX-License-Identifier: Apache-2.0 */
/* An ONNX model in plain structs (internal to the ONNX exporter): built node by node, written, read back, compared. All
 * texts and arrays belong to the model. Building is sticky: after a failure every call does nothing and
 * rf_onnx_status tells the first one, so that the code that builds has no checks. */
#ifndef RF_EXPORT_ONNX_MODEL_H
#define RF_EXPORT_ONNX_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { RF_ONNX_DIMS = 4, RF_ONNX_INPUTS = 24, RF_ONNX_ATTRS = 8, RF_ONNX_LIST = 8 };

typedef enum rf_onnx_type { RF_ONNX_FLOAT = 1, RF_ONNX_UINT8 = 2, RF_ONNX_INT64 = 7, RF_ONNX_HALF = 10 } rf_onnx_type;

/* One size of a tensor: a number, or a name for one that is open. */
typedef struct rf_onnx_dim {
    int64_t value;
    const char *name; /* NULL: value counts */
} rf_onnx_dim;

typedef struct rf_onnx_value {
    const char *name;
    rf_onnx_type type;
    int n_dims;
    rf_onnx_dim dims[RF_ONNX_DIMS];
} rf_onnx_value;

typedef struct rf_onnx_tensor {
    const char *name;
    rf_onnx_type type;
    int n_dims;
    int64_t dims[RF_ONNX_DIMS];
    const void *data;
    size_t bytes;
} rf_onnx_tensor;

typedef enum rf_onnx_attr_kind { RF_ONNX_F = 1, RF_ONNX_I = 2, RF_ONNX_S = 3, RF_ONNX_INTS = 7 } rf_onnx_attr_kind;

typedef struct rf_onnx_attr {
    const char *name;
    rf_onnx_attr_kind kind;
    float f;
    int64_t i;
    const char *s;
    int64_t ints[RF_ONNX_LIST];
    int n_ints;
} rf_onnx_attr;

typedef struct rf_onnx_node {
    const char *op, *output; /* every node here has one output and is called like it */
    const char *inputs[RF_ONNX_INPUTS];
    int n_inputs;
    rf_onnx_attr attrs[RF_ONNX_ATTRS];
    int n_attrs;
} rf_onnx_node;

typedef struct rf_onnx_model {
    int opset, ir_version;
    const char *graph_name, *config; /* config: kept as the property "rf.config" */
    rf_onnx_node *nodes;
    rf_onnx_tensor *tensors;
    rf_onnx_value *inputs, *outputs;
    int n_nodes, n_tensors, n_inputs, n_outputs;
    void **blocks; /* what belongs to the model */
    size_t n_blocks;
    rf_status status;
    char error[256];
} rf_onnx_model;

/* Start from a zeroed model with opset set; free in every case. */
void rf_onnx_free(rf_onnx_model *model);
/* The first failure (its message is set again), or RF_OK. */
rf_status rf_onnx_status(const rf_onnx_model *model);

/* Makes this thread's message the model's failure, unless there is one. */
void rf_onnx_fail(rf_onnx_model *model, rf_status status);

/* A text of the model's own; "" after a failure. */
const char *rf_onnx_text(rf_onnx_model *model, const char *fmt, ...) RF_PRINTF(2, 3);
/* Zeroed memory of the model's own; NULL after a failure. */
void *rf_onnx_alloc(rf_onnx_model *model, size_t count, size_t size);

/* Adds a node with one output and returns its name. `inputs` ends with NULL. `attrs` is printf text of NAME=VALUE
 * words: axis=1 (whole), alpha=0.1 (with a point or exponent), mode=nearest (text), perm=[0,2,3,1] (list of whole
 * numbers). */
const char *rf_onnx_node_add(rf_onnx_model *model, const char *op, const char *output, const char *const *inputs,
                             const char *attrs, ...) RF_PRINTF(5, 6);
#define RF_ONNX_IN(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Constants; they return the name. `data` belongs to the model already (rf_onnx_alloc). */
const char *rf_onnx_tensor_add(rf_onnx_model *model, const char *name, rf_onnx_type type, const int64_t *dims,
                               int n_dims, const void *data, size_t bytes);
/* A list (n >= 0) or scalar (n = -1) of whole numbers; equal lists are one constant. */
const char *rf_onnx_ints(rf_onnx_model *model, int n, const int64_t *values);
#define RF_ONNX_INTS(model, ...)                                                                                       \
    rf_onnx_ints(model, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})
/* One number as a scalar, equal numbers are one constant. */
const char *rf_onnx_number(rf_onnx_model *model, float value);

void rf_onnx_input_add(rf_onnx_model *model, rf_onnx_value value);
void rf_onnx_output_add(rf_onnx_model *model, rf_onnx_value value);

/* Files (onnx_file.c, the only place that knows protobuf). Written atomically. Reading refuses what is no ONNX model
 * and what does not fit the structs above (RF_ERR_FORMAT). */
rf_status rf_onnx_write(const rf_onnx_model *model, const char *path);
rf_status rf_onnx_read(const char *path, rf_onnx_model *out);
/* Bytes and CRC-32 of the file that rf_onnx_write would write. */
rf_status rf_onnx_measure(const rf_onnx_model *model, size_t *bytes, uint32_t *crc);

/* Whether `have`, read from `path`, is `want`; RF_ERR_FORMAT names the first input, output, node or constant that
 * differs. Also checks that every node reads only what comes before it. */
rf_status rf_onnx_compare(const char *path, const rf_onnx_model *want, const rf_onnx_model *have);

#endif
