/* SPDX-License-Identifier: Apache-2.0 */
#include "export/onnx_net.h"

#include <string.h>

#include "core/half.h"
#include "core/mem.h"

/* ---- weights ---- */

/* A constant of `count` floats; half precision in the file when asked for, turned back by a node. */
static const char *weights_add(rf_onnx_build *b, const char *name, const int64_t *dims, int n_dims, const float *data,
                               size_t count) {
    if (!b->options->fp16)
        return rf_onnx_tensor_add(b->onnx, name, RF_ONNX_FLOAT, dims, n_dims, data, count * sizeof *data);
    uint16_t *half = rf_onnx_alloc(b->onnx, count, sizeof *half);
    for (size_t i = 0; half && i < count; i++) {
        half[i] = rf_half_from_float(data[i]);
        if ((half[i] & 0x7c00u) == 0x7c00u)
            rf_onnx_fail(b->onnx, rf_fail(RF_ERR_USER, "%s holds %g, which half precision cannot: leave --fp16 out",
                                          name, (double)data[i]));
    }
    const char *stored = rf_onnx_tensor_add(b->onnx, rf_onnx_text(b->onnx, "%s.half", name), RF_ONNX_HALF, dims, n_dims,
                                            half, count * sizeof *half);
    return rf_onnx_node_add(b->onnx, "Cast", name, RF_ONNX_IN(stored), "to=%d", RF_ONNX_FLOAT);
}

/* The name of a constant; the parts of a maxout are made of the same. */
static const char *constant_name(rf_onnx_build *b, const rf_export_layer *layer, rf_value id) {
    const char *name = b->net->names[id];
    return layer->part ? rf_onnx_text(b->onnx, "%s.%d", name, layer->part) : name;
}

/* Weights and biases of a layer as constants, once for layers that share them. */
static void add_parameters(rf_onnx_build *b, const rf_export_layer *layer) {
    rf_onnx_model *m = b->onnx;
    if (layer->part) b->names[layer->weight_id] = b->names[layer->bias_id] = NULL;
    if (!b->names[layer->weight_id]) {
        size_t count = rf_export_weight_count(layer);
        float *data = rf_onnx_alloc(m, count, sizeof *data);
        if (data) rf_export_weights_oihw(layer, data);
        int64_t dims[] = {layer->channels_out, layer->channels_in / layer->groups, layer->kernel_h, layer->kernel_w};
        b->names[layer->weight_id] = weights_add(b, constant_name(b, layer, layer->weight_id), dims, 4, data, count);
    }
    if (layer->biases && !b->names[layer->bias_id]) {
        int64_t count = layer->channels_out;
        float *data = rf_onnx_alloc(m, (size_t)count, sizeof *data);
        if (data) memcpy(data, layer->biases, (size_t)count * sizeof *data);
        b->names[layer->bias_id] =
            weights_add(b, constant_name(b, layer, layer->bias_id), &count, 1, data, (size_t)count);
    }
}

/* ---- layers ---- */

/* What comes after a sum: nothing, ReLU or leaky ReLU; its output is called `name`. */
static void add_activation(rf_onnx_build *b, float slope, const char *x, const char *name) {
    if (slope == 0)
        rf_onnx_node_add(b->onnx, "Relu", name, RF_ONNX_IN(x), "%s", "");
    else
        rf_onnx_node_add(b->onnx, "LeakyRelu", name, RF_ONNX_IN(x), "alpha=%.9e", (double)slope);
}

/* The node of a deformable convolution: offsets and masks are cut from one map. */
static void add_deform_node(rf_onnx_build *b, const rf_export_layer *l, const char *y, const char *bias) {
    rf_onnx_model *m = b->onnx;
    int taps = l->kernel_h * l->kernel_w;
    const char *map = b->names[l->in[1]], *offset = map, *mask = NULL, *axis = RF_ONNX_INTS(m, 1);
    if (l->masked) {
        const char *begin = RF_ONNX_INTS(m, 0), *middle = RF_ONNX_INTS(m, 2 * taps), *end = RF_ONNX_INTS(m, 3 * taps);
        offset = rf_onnx_node_add(m, "Slice", rf_onnx_text(m, "%s.offset", y), RF_ONNX_IN(map, begin, middle, axis),
                                  "%s", "");
        mask = rf_onnx_node_add(m, "Slice", rf_onnx_text(m, "%s.cut", y), RF_ONNX_IN(map, middle, end, axis), "%s", "");
        mask = rf_onnx_node_add(m, "Sigmoid", rf_onnx_text(m, "%s.sigmoid", y), RF_ONNX_IN(mask), "%s", "");
        mask =
            rf_onnx_node_add(m, "Mul", rf_onnx_text(m, "%s.mask", y), RF_ONNX_IN(mask, rf_onnx_number(m, 2)), "%s", "");
    }
    rf_onnx_node_add(m, "DeformConv", y, RF_ONNX_IN(b->names[l->in[0]], b->names[l->weight_id], offset, bias, mask),
                     "dilations=[1,1] group=1 kernel_shape=[%d,%d] offset_group=1 pads=[%d,%d,%d,%d] strides=[%d,%d]",
                     l->kernel_h, l->kernel_w, l->pad_h, l->pad_w, l->pad_h, l->pad_w, l->stride_h, l->stride_w);
}

static void add_conv(rf_onnx_build *b, const rf_export_layer *l, const char *name) {
    rf_onnx_model *m = b->onnx;
    bool acts = l->slope != 1, adds = l->residual != RF_NONE;
    add_parameters(b, l);
    const char *bias = l->biases ? b->names[l->bias_id] : NULL;
    const char *y = acts || adds ? rf_onnx_text(m, "%s.conv", name) : name;
    if (l->kind == RF_LAYER_DEFORM_CONV)
        add_deform_node(b, l, y, bias);
    else
        rf_onnx_node_add(m, "Conv", y, RF_ONNX_IN(b->names[l->in[0]], b->names[l->weight_id], bias),
                         "dilations=[1,1] group=%d kernel_shape=[%d,%d] pads=[%d,%d,%d,%d] strides=[%d,%d]", l->groups,
                         l->kernel_h, l->kernel_w, l->pad_h, l->pad_w, l->pad_h, l->pad_w, l->stride_h, l->stride_w);
    if (adds) {
        const char *sum = acts ? rf_onnx_text(m, "%s.sum", name) : name;
        y = rf_onnx_node_add(m, "Add", sum, RF_ONNX_IN(y, b->names[l->residual]), "%s", "");
    }
    if (acts) add_activation(b, l->slope, y, name);
}

/* Four sizes of a map, batch and channels of `b`, rows and columns of `a`, computed in the graph. */
static const char *sizes_of(rf_onnx_build *b, const char *a, const char *from, const char *name) {
    rf_onnx_model *m = b->onnx;
    const char *zero = RF_ONNX_INTS(m, 0), *two = RF_ONNX_INTS(m, 2), *four = RF_ONNX_INTS(m, 4);
    const char *target = rf_onnx_node_add(m, "Shape", rf_onnx_text(m, "%s.target", name), RF_ONNX_IN(a), "%s", "");
    const char *source = rf_onnx_node_add(m, "Shape", rf_onnx_text(m, "%s.source", name), RF_ONNX_IN(from), "%s", "");
    const char *nc =
        rf_onnx_node_add(m, "Slice", rf_onnx_text(m, "%s.nc", name), RF_ONNX_IN(source, zero, two, zero), "%s", "");
    const char *hw =
        rf_onnx_node_add(m, "Slice", rf_onnx_text(m, "%s.hw", name), RF_ONNX_IN(target, two, four, zero), "%s", "");
    return rf_onnx_node_add(m, "Concat", rf_onnx_text(m, "%s.sizes", name), RF_ONNX_IN(nc, hw), "axis=0");
}

/* Before operator set 13 the inputs that are not used are there, but empty. */
static const char *no_input(rf_onnx_model *m) {
    static const char name[] = "none";
    static const float nothing[1];
    if (m->opset >= 13) return "";
    for (int i = 0; i < m->n_tensors; i++)
        if (strcmp(m->tensors[i].name, name) == 0) return name;
    return rf_onnx_tensor_add(m, name, RF_ONNX_FLOAT, &(int64_t){0}, 1, nothing, 0);
}

static void add_upsample(rf_onnx_build *b, const rf_export_layer *l, const char *name) {
    rf_onnx_model *m = b->onnx;
    const char *a = b->names[l->in[0]], *from = b->names[l->in[1]], *none = no_input(m);
    rf_shape to = rf_graph_shape(b->net->graph, l->in[0]), x = rf_graph_shape(b->net->graph, l->in[1]);
    bool doubles = to.d[1] == 2 * x.d[1] && to.d[2] == 2 * x.d[2];
    const char *resized = rf_onnx_text(m, "%s.resized", name), *scales = none, *sizes = NULL;
    if (!b->dynamic && doubles) { /* the form that every consumer knows */
        float *data = rf_onnx_alloc(m, 4, sizeof *data);
        if (data) memcpy(data, (float[]){1, 1, 2, 2}, 4 * sizeof *data);
        scales = rf_onnx_tensor_add(m, rf_onnx_text(m, "%s.scales", name), RF_ONNX_FLOAT, &(int64_t){4}, 1, data,
                                    4 * sizeof *data);
    } else if (!b->dynamic && b->options->batch > 0) {
        sizes = RF_ONNX_INTS(m, to.d[0], to.d[3], to.d[1], to.d[2]);
    } else {
        sizes = sizes_of(b, a, from, name);
    }
    rf_onnx_node_add(m, "Resize", resized, RF_ONNX_IN(from, none, scales, sizes),
                     l->bilinear ? "coordinate_transformation_mode=half_pixel mode=linear%s"
                                 : "coordinate_transformation_mode=asymmetric mode=nearest nearest_mode=floor%s",
                     "");
    rf_onnx_node_add(m, "Add", name, RF_ONNX_IN(a, resized), "%s", "");
}

static void add_clamp(rf_onnx_build *b, const rf_export_layer *l, const char *name) {
    const char *least = rf_onnx_number(b->onnx, l->least), *most = rf_onnx_number(b->onnx, l->most);
    rf_onnx_node_add(b->onnx, "Clip", name, RF_ONNX_IN(b->names[l->in[0]], least, most), "%s", "");
}

static void add_maxout(rf_onnx_build *b, const rf_export_layer *l, const char *name) {
    const char *parts[RF_MAX_INPUTS + 1] = {NULL};
    for (int i = 0; i < rf_export_maxout_parts(l); i++) {
        rf_export_layer part;
        rf_onnx_fail(b->onnx, rf_export_maxout_part(l, i + 1, &part));
        parts[i] = rf_onnx_text(b->onnx, "%s.%d", name, i + 1);
        if (part.made) add_conv(b, &part, parts[i]);
        rf_free(part.made);
    }
    rf_onnx_node_add(b->onnx, "Max", name, parts, "%s", "");
}

static void add_layer(rf_onnx_build *b, const rf_export_layer *l) {
    if (l->candidates) return; /* they come with the maxout */
    if (!b->names[l->out]) b->names[l->out] = b->net->names[l->out];
    const char *name = b->names[l->out], *in[RF_MAX_INPUTS + 1] = {NULL};
    switch (l->kind) {
    case RF_LAYER_CONV:
    case RF_LAYER_DEFORM_CONV:
        add_conv(b, l, name);
        break;
    case RF_LAYER_UPSAMPLE_ADD:
        add_upsample(b, l, name);
        break;
    case RF_LAYER_ADD:
        rf_onnx_node_add(b->onnx, "Add", name, RF_ONNX_IN(b->names[l->in[0]], b->names[l->in[1]]), "%s", "");
        break;
    case RF_LAYER_MAX_POOL:
        rf_onnx_node_add(b->onnx, "MaxPool", name, RF_ONNX_IN(b->names[l->in[0]]),
                         "kernel_shape=[%d,%d] pads=[%d,%d,%d,%d] strides=[%d,%d]", l->kernel_h, l->kernel_w, l->pad_h,
                         l->pad_w, l->pad_h, l->pad_w, l->stride_h, l->stride_w);
        break;
    case RF_LAYER_CONCAT:
        for (int i = 0; i < l->n_in; i++) in[i] = b->names[l->in[i]];
        rf_onnx_node_add(b->onnx, "Concat", name, in, "axis=1");
        break;
    case RF_LAYER_CLAMP:
        add_clamp(b, l, name);
        break;
    case RF_LAYER_MAXOUT:
        add_maxout(b, l, name);
        break;
    }
}

/* ---- input ---- */

static rf_onnx_dim size_of(int value, const char *name) {
    return value > 0 ? (rf_onnx_dim){value, NULL} : (rf_onnx_dim){0, name};
}

/* Three numbers, one a channel, as a constant that fits NCHW. */
static const char *channel_constant(rf_onnx_build *b, const char *name, const rf_real_list *list) {
    float *data = rf_onnx_alloc(b->onnx, 3, sizeof *data);
    for (int c = 0; data && c < 3; c++) data[c] = (float)list->v[c];
    return rf_onnx_tensor_add(b->onnx, name, RF_ONNX_FLOAT, (const int64_t[]){1, 3, 1, 1}, 4, data, 3 * sizeof *data);
}

/* From 8-bit RGB pixels [N,H,W,3] to what the network reads. */
static const char *add_preprocessing(rf_onnx_build *b, const char *image) {
    const rf_config *config = b->model->config;
    rf_onnx_model *m = b->onnx;
    const char *x = rf_onnx_node_add(m, "Cast", "image.float", RF_ONNX_IN(image), "to=%d", RF_ONNX_FLOAT);
    x = rf_onnx_node_add(m, "Transpose", "image.planes", RF_ONNX_IN(x), "perm=[0,3,1,2]");
    if (config->input.colour == RF_COLOUR_BGR)
        x = rf_onnx_node_add(m, "Gather", "image.bgr", RF_ONNX_IN(x, RF_ONNX_INTS(m, 2, 1, 0)), "axis=1");
    x = rf_onnx_node_add(m, "Sub", "image.centred", RF_ONNX_IN(x, channel_constant(b, "mean", &config->input.mean)),
                         "%s", "");
    return rf_onnx_node_add(m, "Div", "input", RF_ONNX_IN(x, channel_constant(b, "std", &config->input.std)), "%s", "");
}

static const char *add_input(rf_onnx_build *b) {
    const rf_export_options *o = b->options;
    rf_onnx_dim n = size_of(o->batch, "batch"), h = size_of(o->h, "height"), w = size_of(o->w, "width");
    rf_onnx_dim c = {3, NULL};
    if (!o->preprocess) {
        rf_onnx_input_add(b->onnx, (rf_onnx_value){"input", RF_ONNX_FLOAT, 4, {n, c, h, w}});
        return "input";
    }
    rf_onnx_input_add(b->onnx, (rf_onnx_value){"image", RF_ONNX_UINT8, 4, {n, h, w, c}});
    return add_preprocessing(b, "image");
}

/* ---- the whole ---- */

static void name_maps(rf_onnx_build *b) {
    const rf_output_list *outputs = &b->net->detector.outputs;
    for (const rf_output *o = outputs->v; o < outputs->v + outputs->n; o++) {
        int stride = b->net->detector.stride[o->level];
        const char *part = rf_export_part(o);
        b->names[o->map] = o->head_stage
                               ? rf_onnx_text(b->onnx, "face_%s_stride%d_stage%d", part, stride, o->head_stage + 1)
                               : rf_onnx_text(b->onnx, "face_%s_stride%d", part, stride);
    }
}

void rf_onnx_network(rf_onnx_build *b) {
    name_maps(b);
    b->names[b->net->detector.input] = add_input(b);
    for (int i = 0; i < b->net->n_layers; i++) add_layer(b, &b->net->layers[i]);
}

void rf_onnx_raw(rf_onnx_build *b) {
    const rf_output_list *outputs = &b->net->detector.outputs;
    for (const rf_output *o = outputs->v; o < outputs->v + outputs->n; o++) {
        int stride = b->net->detector.stride[o->level];
        rf_shape s = rf_graph_shape(b->net->graph, o->map);
        rf_onnx_dim n = size_of(b->options->batch, "batch"), h = {s.d[1], NULL}, w = {s.d[2], NULL};
        if (b->dynamic) {
            h = (rf_onnx_dim){0, rf_onnx_text(b->onnx, "height%d", stride)};
            w = (rf_onnx_dim){0, rf_onnx_text(b->onnx, "width%d", stride)};
        }
        rf_onnx_output_add(b->onnx, (rf_onnx_value){b->names[o->map], RF_ONNX_FLOAT, 4, {n, {s.d[3], NULL}, h, w}});
    }
}
