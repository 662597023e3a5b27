/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files through protobuf-c: the plain model to messages and back. */
#include <limits.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "export/onnx_model.h"
#include "onnx.pb-c.h"

static const char property[] = "rf.config";

/* Arrays of pointers to messages, as protobuf-c wants them: `count` zeroed messages in `scratch`. */
static void **messages(rf_onnx_model *scratch, size_t count, size_t size) {
    void **list = rf_onnx_alloc(scratch, count, sizeof *list);
    char *all = list ? rf_onnx_alloc(scratch, count, size) : NULL;
    for (size_t i = 0; all && i < count; i++) list[i] = all + i * size;
    return all ? list : NULL;
}

static char *text(const char *s) {
    return (char *)s; /* messages that are only packed are never written to */
}

/* ---- the model as messages ---- */

static bool fill_value(rf_onnx_model *scratch, const rf_onnx_value *v, RfOnnx__ValueInfo *out) {
    RfOnnx__Type **type = (RfOnnx__Type **)messages(scratch, 1, sizeof **type);
    RfOnnx__TensorType **tensor = (RfOnnx__TensorType **)messages(scratch, 1, sizeof **tensor);
    RfOnnx__Shape **shape = (RfOnnx__Shape **)messages(scratch, 1, sizeof **shape);
    RfOnnx__Dimension **dims = (RfOnnx__Dimension **)messages(scratch, RF_ONNX_DIMS, sizeof **dims);
    if (!type || !tensor || !shape || !dims) return false;
    rf_onnx__value_info__init(out);
    rf_onnx__type__init(*type);
    rf_onnx__tensor_type__init(*tensor);
    rf_onnx__shape__init(*shape);
    out->name = text(v->name);
    out->type = *type;
    (*type)->tensor_type = *tensor;
    (*tensor)->elem_type = v->type;
    (*tensor)->shape = *shape;
    (*shape)->n_dim = (size_t)v->n_dims;
    (*shape)->dim = dims;
    for (int i = 0; i < v->n_dims; i++) {
        rf_onnx__dimension__init(dims[i]);
        dims[i]->value_case =
            v->dims[i].name ? RF_ONNX__DIMENSION__VALUE_DIM_PARAM : RF_ONNX__DIMENSION__VALUE_DIM_VALUE;
        if (v->dims[i].name)
            dims[i]->dim_param = text(v->dims[i].name);
        else
            dims[i]->dim_value = v->dims[i].value;
    }
    return true;
}

static RfOnnx__ValueInfo **fill_values(rf_onnx_model *scratch, const rf_onnx_value *values, int n) {
    RfOnnx__ValueInfo **list = (RfOnnx__ValueInfo **)messages(scratch, (size_t)n, sizeof **list);
    for (int i = 0; list && i < n; i++)
        if (!fill_value(scratch, &values[i], list[i])) return NULL;
    return list;
}

static void fill_attr(const rf_onnx_attr *a, RfOnnx__Attribute *out) {
    rf_onnx__attribute__init(out);
    out->name = text(a->name);
    out->type = (int32_t)a->kind;
    out->f = a->f;
    out->i = a->i;
    if (a->s) out->s = (ProtobufCBinaryData){strlen(a->s), (uint8_t *)text(a->s)};
    out->n_ints = (size_t)a->n_ints;
    out->ints = (int64_t *)a->ints;
}

static RfOnnx__Node **fill_nodes(rf_onnx_model *scratch, const rf_onnx_model *m) {
    RfOnnx__Node **list = (RfOnnx__Node **)messages(scratch, (size_t)m->n_nodes, sizeof **list);
    for (int i = 0; list && i < m->n_nodes; i++) {
        const rf_onnx_node *node = &m->nodes[i];
        RfOnnx__Node *out = list[i];
        char **names = rf_onnx_alloc(scratch, 1, sizeof *names);
        RfOnnx__Attribute **attrs = (RfOnnx__Attribute **)messages(scratch, (size_t)node->n_attrs, sizeof **attrs);
        if (!names || !attrs) return NULL;
        rf_onnx__node__init(out);
        out->n_input = (size_t)node->n_inputs;
        out->input = (char **)node->inputs;
        names[0] = text(node->output);
        out->n_output = 1;
        out->output = names;
        out->name = text(node->output);
        out->op_type = text(node->op);
        out->n_attribute = (size_t)node->n_attrs;
        out->attribute = attrs;
        for (int k = 0; k < node->n_attrs; k++) fill_attr(&node->attrs[k], attrs[k]);
    }
    return list;
}

static RfOnnx__Tensor **fill_tensors(rf_onnx_model *scratch, const rf_onnx_model *m) {
    RfOnnx__Tensor **list = (RfOnnx__Tensor **)messages(scratch, (size_t)m->n_tensors, sizeof **list);
    for (int i = 0; list && i < m->n_tensors; i++) {
        const rf_onnx_tensor *t = &m->tensors[i];
        rf_onnx__tensor__init(list[i]);
        list[i]->n_dims = (size_t)t->n_dims;
        list[i]->dims = (int64_t *)t->dims;
        list[i]->data_type = t->type;
        list[i]->name = text(t->name);
        list[i]->raw_data = (ProtobufCBinaryData){t->bytes, (uint8_t *)t->data};
    }
    return list;
}

static RfOnnx__Model *fill_model(rf_onnx_model *scratch, const rf_onnx_model *m) {
    RfOnnx__Model **model = (RfOnnx__Model **)messages(scratch, 1, sizeof **model);
    RfOnnx__Graph **graph = (RfOnnx__Graph **)messages(scratch, 1, sizeof **graph);
    RfOnnx__OperatorSet **set = (RfOnnx__OperatorSet **)messages(scratch, 1, sizeof **set);
    RfOnnx__Property **property_list = (RfOnnx__Property **)messages(scratch, 1, sizeof **property_list);
    if (!model || !graph || !set || !property_list) return NULL;
    rf_onnx__model__init(*model);
    rf_onnx__graph__init(*graph);
    rf_onnx__operator_set__init(*set);
    rf_onnx__property__init(*property_list);
    (*set)->version = m->opset;
    (*property_list)->key = text(property);
    (*property_list)->value = text(m->config);
    **model = (RfOnnx__Model){.base = (*model)->base,
                              .ir_version = m->ir_version,
                              .producer_name = text("rf"),
                              .producer_version = text(RF_VERSION),
                              .graph = *graph,
                              .n_opset_import = 1,
                              .opset_import = set,
                              .n_metadata_props = m->config ? 1 : 0,
                              .metadata_props = property_list};
    **graph = (RfOnnx__Graph){.base = (*graph)->base,
                              .name = text(m->graph_name),
                              .n_node = (size_t)m->n_nodes,
                              .node = fill_nodes(scratch, m),
                              .n_initializer = (size_t)m->n_tensors,
                              .initializer = fill_tensors(scratch, m),
                              .n_input = (size_t)m->n_inputs,
                              .input = fill_values(scratch, m->inputs, m->n_inputs),
                              .n_output = (size_t)m->n_outputs,
                              .output = fill_values(scratch, m->outputs, m->n_outputs)};
    return scratch->status == RF_OK ? *model : NULL;
}

/* ---- writing ---- */

/* Where packed bytes go: a file, or only their number and checksum. */
typedef struct sink {
    ProtobufCBuffer base; /* first: protobuf-c gets a pointer to it */
    rf_atomic_file *file;
    size_t bytes;
    uint32_t crc;
    rf_status status;
} sink;

static void take(ProtobufCBuffer *buffer, size_t n, const uint8_t *data) {
    sink *s = (sink *)buffer;
    s->bytes += n;
    if (!s->file)
        s->crc = rf_crc32(s->crc, data, n);
    else if (s->status == RF_OK)
        s->status = rf_atomic_write(s->file, data, n);
}

static rf_status pack(const rf_onnx_model *m, sink *s) {
    rf_onnx_model scratch = {0};
    s->base.append = take;
    RfOnnx__Model *message = fill_model(&scratch, m);
    if (message && protobuf_c_message_get_packed_size(&message->base) > INT_MAX)
        s->status = rf_fail(RF_ERR_USER, "the model takes more than 2 GB, which ONNX files cannot hold");
    else if (message)
        protobuf_c_message_pack_to_buffer(&message->base, &s->base);
    rf_status status = message ? s->status : rf_onnx_status(&scratch);
    rf_onnx_free(&scratch);
    return status;
}

rf_status rf_onnx_measure(const rf_onnx_model *model, size_t *bytes, uint32_t *crc) {
    sink s = {.file = NULL};
    RF_TRY(pack(model, &s));
    *bytes = s.bytes;
    *crc = s.crc;
    return RF_OK;
}

rf_status rf_onnx_write(const rf_onnx_model *model, const char *path) {
    sink s = {.file = NULL};
    RF_TRY(rf_atomic_open(path, &s.file));
    rf_status status = pack(model, &s);
    if (status == RF_OK) return rf_atomic_commit(s.file);
    rf_atomic_abort(s.file);
    return status;
}

/* ---- reading ---- */

/* What protobuf-c allocates belongs to the model, so that names and numbers need no copies. */
static void *allocate(void *model, size_t bytes) {
    return rf_onnx_alloc(model, bytes, 1);
}

static void keep(void *model, void *block) {
    (void)model, (void)block;
}

static rf_status wrong(const char *path, const char *what, const char *name) {
    return rf_fail(RF_ERR_FORMAT, "%s: %s '%s' is not of the kind that rf writes", path, what, name);
}

static rf_status read_value(const char *path, const RfOnnx__ValueInfo *from, rf_onnx_value *to) {
    const RfOnnx__TensorType *type = from->type ? from->type->tensor_type : NULL;
    const RfOnnx__Shape *shape = type ? type->shape : NULL;
    if (!shape || shape->n_dim > RF_ONNX_DIMS) return wrong(path, "the input or output", from->name);
    *to = (rf_onnx_value){.name = from->name, .type = (rf_onnx_type)type->elem_type, .n_dims = (int)shape->n_dim};
    for (size_t i = 0; i < shape->n_dim; i++) {
        const RfOnnx__Dimension *dim = shape->dim[i];
        if (dim->value_case == RF_ONNX__DIMENSION__VALUE_DIM_PARAM)
            to->dims[i].name = dim->dim_param;
        else if (dim->value_case == RF_ONNX__DIMENSION__VALUE_DIM_VALUE)
            to->dims[i].value = dim->dim_value;
    }
    return RF_OK;
}

static size_t element_bytes(int32_t type) {
    return type == RF_ONNX_FLOAT ? 4 : type == RF_ONNX_INT64 ? 8 : type == RF_ONNX_HALF ? 2 : type == RF_ONNX_UINT8;
}

static rf_status read_tensor(const char *path, const RfOnnx__Tensor *from, rf_onnx_tensor *to) {
    size_t bytes = element_bytes(from->data_type);
    bool fits = bytes > 0 && from->n_dims <= RF_ONNX_DIMS;
    for (size_t i = 0; fits && i < from->n_dims; i++)
        fits = from->dims[i] >= 0 && rf_size_mul(bytes, (size_t)from->dims[i], &bytes);
    if (!fits || bytes != from->raw_data.len) return wrong(path, "the constant", from->name);
    *to = (rf_onnx_tensor){.name = from->name,
                           .type = (rf_onnx_type)from->data_type,
                           .n_dims = (int)from->n_dims,
                           .data = from->raw_data.data,
                           .bytes = bytes};
    for (size_t i = 0; i < from->n_dims; i++) to->dims[i] = from->dims[i];
    return RF_OK;
}

static rf_status read_attr(const char *path, rf_onnx_model *m, const RfOnnx__Attribute *from, rf_onnx_attr *to) {
    if (from->n_ints > RF_ONNX_LIST || from->n_floats) return wrong(path, "the attribute", from->name);
    *to = (rf_onnx_attr){.name = from->name,
                         .kind = (rf_onnx_attr_kind)from->type,
                         .f = from->f,
                         .i = from->i,
                         .n_ints = (int)from->n_ints};
    if (from->type == RF_ONNX_S) {
        char *s = rf_onnx_alloc(m, from->s.len + 1, 1);
        if (!s) return rf_onnx_status(m);
        if (from->s.len) memcpy(s, from->s.data, from->s.len);
        to->s = s;
    }
    for (size_t i = 0; i < from->n_ints; i++) to->ints[i] = from->ints[i];
    return RF_OK;
}

static rf_status read_node(const char *path, rf_onnx_model *m, const RfOnnx__Node *from, rf_onnx_node *to) {
    if (from->n_output != 1 || from->n_input > RF_ONNX_INPUTS || from->n_attribute > RF_ONNX_ATTRS ||
        strcmp(from->output[0], from->name) != 0)
        return wrong(path, "the node", from->name);
    *to = (rf_onnx_node){.op = from->op_type,
                         .output = from->output[0],
                         .n_inputs = (int)from->n_input,
                         .n_attrs = (int)from->n_attribute};
    for (size_t i = 0; i < from->n_input; i++) to->inputs[i] = from->input[i];
    for (size_t i = 0; i < from->n_attribute; i++) RF_TRY(read_attr(path, m, from->attribute[i], &to->attrs[i]));
    return RF_OK;
}

static rf_status read_graph(const char *path, const RfOnnx__Graph *g, rf_onnx_model *m) {
    m->graph_name = g->name;
    m->nodes = rf_alloc(g->n_node, sizeof *m->nodes);
    m->tensors = rf_alloc(g->n_initializer, sizeof *m->tensors);
    m->inputs = rf_alloc(g->n_input, sizeof *m->inputs);
    m->outputs = rf_alloc(g->n_output, sizeof *m->outputs);
    if (!m->nodes || !m->tensors || !m->inputs || !m->outputs) return RF_ERR_NOMEM;
    for (size_t i = 0; i < g->n_node; i++) RF_TRY(read_node(path, m, g->node[i], &m->nodes[m->n_nodes++]));
    for (size_t i = 0; i < g->n_initializer; i++)
        RF_TRY(read_tensor(path, g->initializer[i], &m->tensors[m->n_tensors++]));
    for (size_t i = 0; i < g->n_input; i++) RF_TRY(read_value(path, g->input[i], &m->inputs[m->n_inputs++]));
    for (size_t i = 0; i < g->n_output; i++) RF_TRY(read_value(path, g->output[i], &m->outputs[m->n_outputs++]));
    return RF_OK;
}

rf_status rf_onnx_read(const char *path, rf_onnx_model *out) {
    uint8_t *data;
    size_t bytes;
    memset(out, 0, sizeof *out);
    RF_TRY(rf_file_read(path, 0, &data, &bytes));
    ProtobufCAllocator allocator = {allocate, keep, out};
    RfOnnx__Model *message =
        (RfOnnx__Model *)protobuf_c_message_unpack(&rf_onnx__model__descriptor, &allocator, bytes, data);
    rf_free(data);
    if (!message && out->status != RF_OK) return rf_onnx_status(out);
    if (!message || !message->graph || message->n_opset_import != 1)
        return rf_fail(RF_ERR_FORMAT, "%s is no ONNX model, or a damaged one", path);
    int64_t opset = message->opset_import[0]->version;
    if (opset < 1 || opset > 1000 || message->ir_version < 1 || message->ir_version > 1000)
        return rf_fail(RF_ERR_FORMAT, "%s: an ONNX model of operator set %lld and format %lld", path, (long long)opset,
                       (long long)message->ir_version);
    out->opset = (int)opset;
    out->ir_version = (int)message->ir_version;
    for (size_t i = 0; i < message->n_metadata_props; i++)
        if (strcmp(message->metadata_props[i]->key, property) == 0) out->config = message->metadata_props[i]->value;
    return read_graph(path, message->graph, out);
}
