/* SPDX-License-Identifier: Apache-2.0 */
#include "export/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "layers/output_kind.h"

/* The layer a node belongs to: "body.conv1.conv_act" -> "body.conv1"; nodes without weights keep their op's name. */
static rf_status name_layer(rf_export_net *net, const char *node, rf_export_layer *layer) {
    char text[2 * RF_NAME_BYTES], stem[2 * RF_NAME_BYTES - 16];
    const char *dot = strrchr(node, '.');
    bool weights = layer->kind == RF_LAYER_CONV || layer->kind == RF_LAYER_DEFORM_CONV;
    int length = weights && dot ? (int)(dot - node) : (int)strlen(node);
    snprintf(stem, sizeof stem, "%.*s", length, node);
    snprintf(text, sizeof text, "%s", stem);
    for (int copy = 2, taken = 1; taken; copy++) { /* shared heads come once a level */
        taken = 0;
        for (int i = 0; i < net->n_layers && !taken; i++) taken = strcmp(net->layers[i].name, text) == 0;
        if (taken) snprintf(text, sizeof text, "%s_%d", stem, copy);
    }
    layer->name = rf_strdup(text);
    return layer->name ? RF_OK : RF_ERR_NOMEM;
}

static double real_attribute(const rf_node_info *node, const char *name, double otherwise) {
    for (int i = 0; node->op->attrs[i].name; i++)
        if (strcmp(node->op->attrs[i].name, name) == 0) return node->attrs[i];
    return otherwise;
}

static int attribute(const rf_node_info *node, const char *name, int otherwise) {
    return (int)real_attribute(node, name, otherwise);
}

static rf_value input_of(const rf_node_info *node, int i) {
    return i < node->n_inputs ? node->inputs[i] : RF_NONE;
}

static void read_conv(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer) {
    bool depthwise = strncmp(node->op->name, "dw", 2) == 0;
    rf_shape x = rf_graph_shape(graph, node->inputs[0]), w = rf_graph_shape(graph, node->inputs[1]);
    int stride_w = attribute(node, "stride_w", -1), pad_w = attribute(node, "pad_w", -1);
    layer->kind = RF_LAYER_CONV;
    layer->in[layer->n_in++] = node->inputs[0];
    layer->weight_id = node->inputs[1];
    layer->bias_id = input_of(node, 2);
    layer->residual = input_of(node, 3);
    layer->weights = rf_graph_constant(graph, layer->weight_id);
    layer->biases = layer->bias_id == RF_NONE ? NULL : rf_graph_constant(graph, layer->bias_id);
    layer->kernel_h = w.d[0];
    layer->kernel_w = w.d[1];
    layer->stride_h = attribute(node, "stride", 1);
    layer->stride_w = stride_w > 0 ? stride_w : layer->stride_h;
    layer->pad_h = attribute(node, "pad", 0);
    layer->pad_w = pad_w >= 0 ? pad_w : layer->pad_h;
    layer->channels_in = x.d[3];
    layer->channels_out = w.d[3];
    layer->groups = depthwise ? x.d[3] : attribute(node, "groups", 1);
    layer->slope = (float)real_attribute(node, "slope", 1);
}

/* The node that computes a value, -1: none. */
static int producer(const rf_graph *graph, rf_value value) {
    for (int i = rf_graph_node_count(graph) - 1; i >= 0; i--)
        if (rf_graph_node(graph, i).outputs[0] == value) return i;
    return -1;
}

/* Offsets come from one map, straight or, with masks, cut from it. */
static void read_deform_conv(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer) {
    rf_shape x = rf_graph_shape(graph, node->inputs[0]), w = rf_graph_shape(graph, node->inputs[3]);
    layer->kind = RF_LAYER_DEFORM_CONV;
    layer->masked = node->inputs[2] != RF_NONE;
    layer->in[layer->n_in++] = node->inputs[0];
    layer->in[layer->n_in++] =
        layer->masked ? rf_graph_node(graph, producer(graph, node->inputs[1])).inputs[0] : node->inputs[1];
    layer->weight_id = node->inputs[3];
    layer->bias_id = node->inputs[4];
    layer->weights = rf_graph_constant(graph, layer->weight_id);
    layer->biases = rf_graph_constant(graph, layer->bias_id);
    layer->kernel_h = w.d[0];
    layer->kernel_w = w.d[1];
    layer->stride_h = layer->stride_w = attribute(node, "stride", 1);
    layer->pad_h = layer->pad_w = attribute(node, "pad", 0);
    layer->channels_in = x.d[3];
    layer->channels_out = w.d[3];
    layer->slope = (float)real_attribute(node, "slope", 1);
}

static void read_pool(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer) {
    layer->kind = RF_LAYER_MAX_POOL;
    layer->in[layer->n_in++] = node->inputs[0];
    layer->kernel_h = layer->kernel_w = attribute(node, "k", 2);
    layer->stride_h = layer->stride_w = attribute(node, "stride", 2);
    layer->pad_h = layer->pad_w = attribute(node, "pad", 0);
    layer->channels_in = layer->channels_out = rf_graph_shape(graph, node->inputs[0]).d[3];
}

static void read_clamp(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer) {
    layer->kind = RF_LAYER_CLAMP;
    layer->in[layer->n_in++] = node->inputs[0];
    layer->least = (float)real_attribute(node, "min", 0);
    layer->most = (float)real_attribute(node, "max", 0);
    layer->channels_in = layer->channels_out = rf_graph_shape(graph, node->inputs[0]).d[3];
}

static void read_maxout(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer) {
    layer->kind = RF_LAYER_MAXOUT;
    layer->in[layer->n_in++] = node->inputs[0];
    layer->background = attribute(node, "background", 1);
    layer->face = attribute(node, "face", 1);
    layer->channels_in = rf_graph_shape(graph, node->inputs[0]).d[3];
    layer->channels_out = rf_graph_shape(graph, node->outputs[0]).d[3];
}

/* Concatenations of channels, and of other things: the rows of the heads. */
static bool joins_channels(const rf_graph *graph, const rf_node_info *node) {
    int axis = attribute(node, "axis", -1), n = rf_graph_shape(graph, node->outputs[0]).n;
    return n == 4 && (axis == 3 || axis == -1);
}

/* Fills *layer; *skip when the node comes after the maps and is left to the exporters, or is part of a deformable
 * convolution's masks. */
static rf_status read_node(const rf_graph *graph, const rf_node_info *node, rf_export_layer *layer, bool *skip) {
    const char *op = node->op ? node->op->name : "a host function";
    *skip = false;
    *layer = (rf_export_layer){.residual = RF_NONE,
                               .weight_id = RF_NONE,
                               .bias_id = RF_NONE,
                               .slope = 1,
                               .groups = 1,
                               .least = -INFINITY,
                               .most = INFINITY};
    layer->out = node->outputs[0];
    if (strcmp(op, "conv_act") == 0 || strcmp(op, "conv2d") == 0 || strcmp(op, "dwconv_act") == 0 ||
        strcmp(op, "dwconv2d") == 0) {
        read_conv(graph, node, layer);
    } else if (strcmp(op, "max_pool") == 0) {
        read_pool(graph, node, layer);
    } else if (strcmp(op, "clamp") == 0) {
        read_clamp(graph, node, layer);
    } else if (strcmp(op, "deform_conv_act") == 0) {
        read_deform_conv(graph, node, layer);
    } else if (strcmp(op, "maxout") == 0) {
        read_maxout(graph, node, layer);
    } else if (strcmp(op, "upsample_add") == 0 || strcmp(op, "upsample_bilinear_add") == 0 || strcmp(op, "add") == 0 ||
               (strcmp(op, "concat") == 0 && joins_channels(graph, node))) {
        layer->kind = *op == 'u' ? RF_LAYER_UPSAMPLE_ADD : *op == 'a' ? RF_LAYER_ADD : RF_LAYER_CONCAT;
        layer->bilinear = strcmp(op, "upsample_bilinear_add") == 0;
        for (int i = 0; i < node->n_inputs; i++) layer->in[layer->n_in++] = node->inputs[i];
    } else if (strcmp(op, "reshape") == 0 || strcmp(op, "concat") == 0 || strstr(node->name, "conv_offset.")) {
        *skip = true;
    } else {
        return rf_fail(RF_ERR_USER,
                       "node %s is of the op '%s', which the exporters do not know; they know convolutions, max_pool, "
                       "add, upsample_add, upsample_bilinear_add, concat, clamp and maxout",
                       node->name, op);
    }
    return RF_OK;
}

/* The layer before, which must be a head that `node` reads. */
static rf_status find_head(const rf_export_net *net, const rf_node_info *node, rf_export_layer **out) {
    rf_export_layer *l = *out = &net->layers[net->n_layers - 1];
    if (net->n_layers > 0 && l->out == node->inputs[0] && l->kind == RF_LAYER_CONV && l->slope == 1 && l->biases)
        return RF_OK;
    return rf_fail(RF_ERR_USER, "node %s does not follow a convolution with a bias, which the exporters expect",
                   node->name);
}

/* The pairs (0, logit) after a convolution become its own: one with a column of zeros before each of its columns. */
static rf_status join_pair(rf_export_net *net, const rf_node_info *node) {
    rf_export_layer *l;
    RF_TRY(find_head(net, node, &l));
    size_t outputs = (size_t)l->channels_out, weights = rf_export_weight_count(l);
    l->made = rf_alloc(2 * (weights + outputs), sizeof *l->made);
    if (!l->made) return RF_ERR_NOMEM;
    for (size_t i = 0; i < weights; i++) l->made[2 * i + 1] = l->weights[i];
    for (size_t i = 0; i < outputs; i++) l->made[2 * (weights + i) + 1] = l->biases[i];
    l->weights = l->made;
    l->biases = l->made + 2 * weights;
    l->channels_out *= 2;
    l->out = node->outputs[0];
    return RF_OK;
}

static rf_status read_layers(rf_export_net *net) {
    int nodes = rf_graph_node_count(net->graph);
    net->layers = rf_alloc((size_t)nodes, sizeof *net->layers);
    if (!net->layers) return RF_ERR_NOMEM;
    for (int i = 0; i < nodes; i++) {
        rf_node_info node = rf_graph_node(net->graph, i);
        rf_export_layer layer, *head;
        bool skip;
        if (node.op && strcmp(node.op->name, "logit_pair") == 0) {
            RF_TRY(join_pair(net, &node));
            continue;
        }
        RF_TRY(read_node(net->graph, &node, &layer, &skip));
        if (skip) continue;
        if (layer.kind == RF_LAYER_MAXOUT) {
            RF_TRY(find_head(net, &node, &head));
            head->candidates = true;
        }
        RF_TRY(name_layer(net, node.name, &layer));
        net->layers[net->n_layers++] = layer;
    }
    return RF_OK;
}

/* Exporters write maps: what is cut from the map of a wider head has none. */
static rf_status check_maps(const rf_export_net *net) {
    const rf_output_list *outputs = &net->detector.outputs;
    for (const rf_output *o = outputs->v; o < outputs->v + outputs->n; o++)
        if (o->map == RF_NONE)
            return rf_fail(RF_ERR_USER, "the output %s is not the rows of %d maps; exporters expect reshape and concat",
                           o->name, net->detector.n_levels);
    return RF_OK;
}

static void use(rf_export_net *net, rf_value value) {
    if (value != RF_NONE) net->uses[value]++;
}

static rf_status read_values(rf_export_net *net) {
    size_t values = (size_t)rf_graph_value_count(net->graph);
    net->names = rf_alloc(values, sizeof *net->names);
    net->uses = rf_alloc(values, sizeof *net->uses);
    if (!net->names || !net->uses) return RF_ERR_NOMEM;
    for (size_t i = 0; i < values; i++)
        if (rf_graph_kind(net->graph, (rf_value)i) != RF_VALUE_ACT)
            net->names[i] = rf_graph_value_name(net->graph, (rf_value)i);
    for (int i = 0; i < net->n_layers; i++) {
        const rf_export_layer *layer = &net->layers[i];
        net->names[layer->out] = layer->name;
        for (int k = 0; k < layer->n_in; k++) use(net, layer->in[k]);
        use(net, layer->residual);
    }
    for (int i = 0; i < net->detector.outputs.n; i++) use(net, net->detector.outputs.v[i].map);
    return RF_OK;
}

/* What the formats have no place for. */
static rf_status refuse_settings(const rf_config *config) {
    rf_extras extras;
    char text[RF_EXTRA_TEXT];
    RF_TRY(rf_extras_of(config, &extras));
    if (extras.n)
        return rf_fail(RF_ERR_USER,
                       "%s: exported networks say kind, box and landmarks of a face and nothing else; run this model "
                       "with rf-detect "
                       "or train it without",
                       rf_extra_asked(&extras.v[0], text));
    if (config->anchors.dense)
        return rf_fail(
            RF_ERR_USER,
            "anchors.dense = yes: the decoders of exported networks place the anchors of a cell at one point; "
            "run this model with rf-detect or train it without");
    return RF_OK;
}

rf_status rf_export_net_make(const rf_export_model *model, int n, int h, int w, rf_export_net *out) {
    memset(out, 0, sizeof *out);
    RF_TRY(refuse_settings(model->config));
    out->graph = rf_graph_new();
    if (!out->graph) return RF_ERR_NOMEM;
    RF_TRY(rf_detector_build(out->graph, model->params, model->config, n, h, w, RF_EVAL, &out->detector));
    RF_TRY(read_layers(out));
    RF_TRY(check_maps(out));
    return read_values(out);
}

void rf_export_net_free(rf_export_net *net) {
    if (!net) return;
    for (int i = 0; i < net->n_layers; i++) {
        rf_free(net->layers[i].name);
        rf_free(net->layers[i].made);
    }
    rf_free(net->layers);
    rf_free(net->names);
    rf_free(net->uses);
    rf_graph_free(net->graph);
    memset(net, 0, sizeof *net);
}

rf_value rf_export_map(const rf_export_net *net, const char *name, int head_stage, int level) {
    const rf_output *output = rf_outputs_find(&net->detector.outputs, name, head_stage, level);
    return output ? output->map : RF_NONE;
}

const char *rf_export_part(const rf_output *output) {
    static const char *const parts[][2] = {{"loc", "box"}, {"points", "landmark"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(output->name, parts[i][0]) == 0) return parts[i][1];
    return output->name;
}

int rf_export_maxout_parts(const rf_export_layer *maxout) {
    return maxout->background > maxout->face ? maxout->background : maxout->face;
}

/* The channel of the convolution that is candidate `part` of channel `o` of the maxout. */
static size_t candidate_of(const rf_export_layer *maxout, int part, int o) {
    int first = o % 2 ? maxout->background : 0, count = o % 2 ? maxout->face : maxout->background;
    int anchor = o / 2 * (maxout->background + maxout->face);
    return (size_t)(anchor + first + (part < count ? part : count) - 1);
}

rf_status rf_export_maxout_part(const rf_export_layer *maxout, int part, rf_export_layer *out) {
    const rf_export_layer *conv = maxout - 1;
    size_t from = (size_t)maxout->channels_in, to = (size_t)maxout->channels_out;
    size_t rows = rf_export_weight_count(conv) / from;
    *out = *conv;
    out->made = rf_alloc((rows + 1) * to, sizeof *out->made);
    if (!out->made) return RF_ERR_NOMEM;
    for (size_t o = 0; o < to; o++) {
        size_t at = candidate_of(maxout, part, (int)o);
        for (size_t r = 0; r < rows; r++) out->made[r * to + o] = conv->weights[r * from + at];
        out->made[rows * to + o] = conv->biases[at];
    }
    out->weights = out->made;
    out->biases = out->made + rows * to;
    out->channels_out = maxout->channels_out;
    out->part = part;
    out->out = maxout->out;
    return RF_OK;
}

rf_status rf_export_check_score(const rf_export_model *model, const rf_export_options *options) {
    double least = model->config->eval.level_least;
    if (options->score >= least) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "--score %g is below eval.level_least %g, which exported finders do not have: raise it, or set "
                   "eval.level_least = 0 in the model's configuration",
                   options->score, least);
}

rf_status rf_export_refuse_deform(const rf_export_net *net, const char *format) {
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].kind == RF_LAYER_DEFORM_CONV)
            return rf_fail(
                RF_ERR_USER,
                "%s is a deformable convolution (model.context_dcn, lateral_dcn, backbone_dcn), which %s does not "
                "have: export to onnx with --opset 19",
                net->layers[i].name, format);
    return RF_OK;
}

size_t rf_export_weight_count(const rf_export_layer *layer) {
    return (size_t)layer->kernel_h * (size_t)layer->kernel_w * (size_t)(layer->channels_in / layer->groups) *
           (size_t)layer->channels_out;
}

void rf_export_weights_oihw(const rf_export_layer *layer, float *to) {
    size_t in = (size_t)(layer->channels_in / layer->groups), out = (size_t)layer->channels_out;
    size_t taps = (size_t)layer->kernel_h * (size_t)layer->kernel_w;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t t = 0; t < taps; t++) *to++ = layer->weights[(t * in + i) * out + o];
}

void rf_export_sample_size(const rf_export_model *model, const rf_export_options *options, int *n, int *h, int *w) {
    const rf_real_list *strides = &model->config->model.strides;
    int side = strides->n > 0 ? 2 * (int)strides->v[strides->n - 1] : 64;
    *n = options->batch > 0 ? options->batch : 1;
    *h = options->h > 0 ? options->h : side;
    *w = options->w > 0 ? options->w : side;
}
