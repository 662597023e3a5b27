/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "export/onnx_model.h"

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_value(const rf_onnx_value *a, const rf_onnx_value *b) {
    bool same = same_text(a->name, b->name) && a->type == b->type && a->n_dims == b->n_dims;
    for (int i = 0; same && i < a->n_dims; i++)
        same = a->dims[i].value == b->dims[i].value && same_text(a->dims[i].name, b->dims[i].name);
    return same;
}

static bool same_attr(const rf_onnx_attr *a, const rf_onnx_attr *b) {
    return same_text(a->name, b->name) && a->kind == b->kind && memcmp(&a->f, &b->f, sizeof a->f) == 0 &&
           a->i == b->i && same_text(a->s, b->s) && a->n_ints == b->n_ints &&
           memcmp(a->ints, b->ints, (size_t)a->n_ints * sizeof *a->ints) == 0;
}

static bool same_node(const rf_onnx_node *a, const rf_onnx_node *b) {
    bool same = same_text(a->op, b->op) && same_text(a->output, b->output) && a->n_inputs == b->n_inputs &&
                a->n_attrs == b->n_attrs;
    for (int i = 0; same && i < a->n_inputs; i++) same = same_text(a->inputs[i], b->inputs[i]);
    for (int i = 0; same && i < a->n_attrs; i++) same = same_attr(&a->attrs[i], &b->attrs[i]);
    return same;
}

static bool same_tensor(const rf_onnx_tensor *a, const rf_onnx_tensor *b) {
    return same_text(a->name, b->name) && a->type == b->type && a->n_dims == b->n_dims &&
           memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) == 0 && a->bytes == b->bytes &&
           (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static bool is_defined(const rf_onnx_model *m, int before, const char *name) {
    for (int i = 0; i < m->n_inputs; i++)
        if (strcmp(m->inputs[i].name, name) == 0) return true;
    for (int i = 0; i < m->n_tensors; i++)
        if (strcmp(m->tensors[i].name, name) == 0) return true;
    for (int i = before - 1; i >= 0; i--)
        if (strcmp(m->nodes[i].output, name) == 0) return true;
    return false;
}

/* Every name is defined once and before it is read. */
static rf_status check_order(const char *path, const rf_onnx_model *m) {
    for (int i = 0; i < m->n_nodes; i++) {
        const rf_onnx_node *node = &m->nodes[i];
        if (is_defined(m, i, node->output))
            return rf_fail(RF_ERR_FORMAT, "%s: two nodes compute '%s'", path, node->output);
        for (int k = 0; k < node->n_inputs; k++)
            if (*node->inputs[k] && !is_defined(m, i, node->inputs[k]))
                return rf_fail(RF_ERR_FORMAT, "%s: node '%s' reads '%s', which nothing before it computes", path,
                               node->output, node->inputs[k]);
    }
    for (int i = 0; i < m->n_outputs; i++)
        if (!is_defined(m, m->n_nodes, m->outputs[i].name))
            return rf_fail(RF_ERR_FORMAT, "%s: nothing computes the output '%s'", path, m->outputs[i].name);
    return RF_OK;
}

static rf_status differs(const char *path, const char *what, const char *name) {
    return rf_fail(RF_ERR_FORMAT, "%s: %s '%s' is not what the model has", path, what, name);
}

rf_status rf_onnx_compare(const char *path, const rf_onnx_model *want, const rf_onnx_model *have) {
    if (want->opset != have->opset || want->ir_version != have->ir_version)
        return rf_fail(RF_ERR_FORMAT, "%s: operator set %d of format %d, expected %d of %d", path, have->opset,
                       have->ir_version, want->opset, want->ir_version);
    if (want->n_inputs != have->n_inputs || want->n_outputs != have->n_outputs || want->n_nodes != have->n_nodes ||
        want->n_tensors != have->n_tensors)
        return rf_fail(RF_ERR_FORMAT,
                       "%s: %d inputs, %d outputs, %d nodes and %d constants, expected %d, %d, %d and %d", path,
                       have->n_inputs, have->n_outputs, have->n_nodes, have->n_tensors, want->n_inputs, want->n_outputs,
                       want->n_nodes, want->n_tensors);
    if (!same_text(want->config, have->config)) return differs(path, "the property", "rf.config");
    for (int i = 0; i < want->n_inputs; i++)
        if (!same_value(&want->inputs[i], &have->inputs[i])) return differs(path, "the input", want->inputs[i].name);
    for (int i = 0; i < want->n_outputs; i++)
        if (!same_value(&want->outputs[i], &have->outputs[i]))
            return differs(path, "the output", want->outputs[i].name);
    for (int i = 0; i < want->n_nodes; i++)
        if (!same_node(&want->nodes[i], &have->nodes[i])) return differs(path, "node", want->nodes[i].output);
    for (int i = 0; i < want->n_tensors; i++)
        if (!same_tensor(&want->tensors[i], &have->tensors[i]))
            return differs(path, "the constant", want->tensors[i].name);
    return check_order(path, have);
}
