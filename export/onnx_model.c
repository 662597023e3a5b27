/* SPDX-License-Identifier: Apache-2.0 */
#include "export/onnx_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

void rf_onnx_fail(rf_onnx_model *model, rf_status status) {
    if (model->status != RF_OK || status == RF_OK) return;
    model->status = status;
    snprintf(model->error, sizeof model->error, "%s", rf_error_message());
}

rf_status rf_onnx_status(const rf_onnx_model *model) {
    return model->status == RF_OK ? RF_OK : rf_fail(model->status, "%s", model->error);
}

void rf_onnx_free(rf_onnx_model *model) {
    if (!model) return;
    for (size_t i = 0; i < model->n_blocks; i++) rf_free(model->blocks[i]);
    rf_free(model->blocks);
    rf_free(model->nodes);
    rf_free(model->tensors);
    rf_free(model->inputs);
    rf_free(model->outputs);
    memset(model, 0, sizeof *model);
}

/* Room for one more element of an array that doubles: capacities are the powers of two. NULL after a failure. */
static void *grown(rf_onnx_model *model, void *array, size_t count, size_t size) {
    if (model->status != RF_OK) return NULL;
    if (count & (count - 1) || (count && count < 8)) return array; /* not full */
    if (count == 0) return rf_alloc(8, size);
    return rf_realloc(array, count, 2 * count, size);
}

/* Stores the grown array; false after a failure. */
#define GROW(model, array, count)                                                                                      \
    (grow_to(model, (void **)&(model)->array,                                                                          \
             grown(model, (model)->array, (size_t)(model)->count, sizeof *(model)->array)))

static bool grow_to(rf_onnx_model *model, void **array, void *to) {
    if (!to) {
        rf_onnx_fail(model, RF_ERR_NOMEM);
        return false;
    }
    *array = to;
    return true;
}

void *rf_onnx_alloc(rf_onnx_model *model, size_t count, size_t size) {
    if (!GROW(model, blocks, n_blocks)) return NULL;
    void *block = rf_alloc(count, size);
    if (!block) {
        rf_onnx_fail(model, RF_ERR_NOMEM);
        return NULL;
    }
    model->blocks[model->n_blocks++] = block;
    return block;
}

static const char *text_of(rf_onnx_model *model, const char *text, size_t length) {
    char *copy = rf_onnx_alloc(model, length + 1, 1);
    if (!copy) return "";
    memcpy(copy, text, length);
    return copy;
}

const char *rf_onnx_text(rf_onnx_model *model, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return text_of(model, text, strlen(text));
}

/* ---- nodes ---- */

static void read_list(const char *text, rf_onnx_attr *attr) {
    attr->kind = RF_ONNX_INTS;
    for (text++; *text && *text != ']' && attr->n_ints < RF_ONNX_LIST; text += *text == ',') {
        char *end;
        attr->ints[attr->n_ints++] = strtoll(text, &end, 10);
        text = end;
    }
}

static void read_attribute(rf_onnx_model *model, const char *word, size_t length, rf_onnx_attr *attr) {
    const char *equals = memchr(word, '=', length), *value = equals + 1;
    size_t rest = length - (size_t)(value - word);
    attr->name = text_of(model, word, (size_t)(equals - word));
    if (*value == '[') {
        read_list(value, attr);
    } else if ((*value < '0' || *value > '9') && *value != '-') {
        attr->kind = RF_ONNX_S;
        attr->s = text_of(model, value, rest);
    } else if (memchr(value, '.', rest) || memchr(value, 'e', rest)) {
        attr->kind = RF_ONNX_F;
        attr->f = strtof(value, NULL);
    } else {
        attr->kind = RF_ONNX_I;
        attr->i = strtoll(value, NULL, 10);
    }
}

const char *rf_onnx_node_add(rf_onnx_model *model, const char *op, const char *output, const char *const *inputs,
                             const char *attrs, ...) {
    char text[256];
    va_list args;
    va_start(args, attrs);
    vsnprintf(text, sizeof text, attrs, args);
    va_end(args);
    if (!GROW(model, nodes, n_nodes)) return "";
    rf_onnx_node node = {.op = op, .output = text_of(model, output, strlen(output))};
    for (; *inputs; inputs++) {
        if (node.n_inputs == RF_ONNX_INPUTS) {
            rf_onnx_fail(model, rf_fail(RF_ERR_USER, "node %s has more than %d inputs", output, RF_ONNX_INPUTS));
            return "";
        }
        node.inputs[node.n_inputs++] = text_of(model, *inputs, strlen(*inputs));
    }
    for (const char *word = text; *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        read_attribute(model, word, length, &node.attrs[node.n_attrs++]);
        word += length;
    }
    model->nodes[model->n_nodes++] = node;
    return node.output;
}

/* ---- constants and ends ---- */

static const char *find_tensor(const rf_onnx_model *model, const char *name) {
    for (int i = 0; i < model->n_tensors; i++)
        if (strcmp(model->tensors[i].name, name) == 0) return model->tensors[i].name;
    return NULL;
}

const char *rf_onnx_tensor_add(rf_onnx_model *model, const char *name, rf_onnx_type type, const int64_t *dims,
                               int n_dims, const void *data, size_t bytes) {
    if (!GROW(model, tensors, n_tensors)) return "";
    rf_onnx_tensor tensor = {
        .name = text_of(model, name, strlen(name)), .type = type, .n_dims = n_dims, .data = data, .bytes = bytes};
    for (int i = 0; i < n_dims; i++) tensor.dims[i] = dims[i];
    model->tensors[model->n_tensors++] = tensor;
    return tensor.name;
}

const char *rf_onnx_ints(rf_onnx_model *model, int n, const int64_t *values) {
    char name[128];
    size_t used = (size_t)snprintf(name, sizeof name, n < 0 ? "whole" : "list"), count = n < 0 ? 1 : (size_t)n;
    for (size_t i = 0; i < count && used < 96; i++)
        used += (size_t)snprintf(name + used, sizeof name - used, "_%lld", (long long)values[i]);
    const char *known = find_tensor(model, name);
    if (known) return known;
    int64_t *data = rf_onnx_alloc(model, count, sizeof *data), length = (int64_t)count;
    if (!data) return "";
    memcpy(data, values, count * sizeof *data);
    return rf_onnx_tensor_add(model, name, RF_ONNX_INT64, &length, n < 0 ? 0 : 1, data, count * sizeof *data);
}

const char *rf_onnx_number(rf_onnx_model *model, float value) {
    char name[48];
    snprintf(name, sizeof name, "number_%.9g", (double)value);
    const char *known = find_tensor(model, name);
    if (known) return known;
    float *data = rf_onnx_alloc(model, 1, sizeof *data);
    if (!data) return "";
    *data = value;
    return rf_onnx_tensor_add(model, name, RF_ONNX_FLOAT, NULL, 0, data, sizeof *data);
}

void rf_onnx_input_add(rf_onnx_model *model, rf_onnx_value value) {
    if (GROW(model, inputs, n_inputs)) model->inputs[model->n_inputs++] = value;
}

void rf_onnx_output_add(rf_onnx_model *model, rf_onnx_value value) {
    if (GROW(model, outputs, n_outputs)) model->outputs[model->n_outputs++] = value;
}
