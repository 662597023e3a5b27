/* SPDX-License-Identifier: Apache-2.0 */
/* From the layers of the evaluation graph to those of ncnn. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "export/graph.h"
#include "core/half.h"
#include "export/ncnn.h"

typedef struct builder {
    const rf_export_model *model;
    const rf_export_options *options;
    rf_detect_spec spec;
    rf_export_net source;
    rf_ncnn_net net; /* blobs may have several readers until split_blobs */
    int *blobs;      /* [values] the blob of a value */
} builder;

/* A layer that reads blobs[] and makes one blob of the given name; NULL when memory is out. */
static rf_ncnn_layer *add(builder *b, rf_ncnn_type type, const char *name, const char *blob, const int *blobs, int n) {
    rf_ncnn_layer *layer = rf_ncnn_layer_add(&b->net, type, name);
    int out = layer ? rf_ncnn_blob_add(&b->net, blob) : -1;
    if (out < 0) return NULL;
    for (int i = 0; i < n; i++) layer->in[layer->n_in++] = blobs[i];
    layer->out[layer->n_out++] = out;
    return layer;
}

static int last_blob(const builder *b) {
    return b->net.n_blobs - 1;
}

/* ---- convolutions ---- */

static void give_shape(rf_ncnn_layer *layer, const rf_export_layer *conv) {
    rf_ncnn_give(layer, 0, conv->channels_out);
    rf_ncnn_give(layer, 1, conv->kernel_w);
    if (conv->kernel_h != conv->kernel_w) rf_ncnn_give(layer, 11, conv->kernel_h);
    rf_ncnn_give(layer, 3, conv->stride_w);
    if (conv->stride_h != conv->stride_w) rf_ncnn_give(layer, 13, conv->stride_h);
    rf_ncnn_give(layer, 4, conv->pad_w);
    if (conv->pad_h != conv->pad_w) rf_ncnn_give(layer, 14, conv->pad_h);
    rf_ncnn_give(layer, 5, 1);
    rf_ncnn_give(layer, 6, (double)rf_export_weight_count(conv));
    if (conv->groups > 1) rf_ncnn_give(layer, 7, conv->groups);
    if (conv->residual != RF_NONE || conv->slope == 1) return;
    rf_ncnn_give(layer, 9, conv->slope == 0 ? 1 : 2);
    if (conv->slope != 0) rf_ncnn_give(layer, 10, (double)conv->slope);
}

/* Weights [O][rest] and biases of a convolution. */
static rf_status copy_weights(const builder *b, const rf_export_layer *conv, rf_ncnn_layer *layer) {
    rf_export_weights_oihw(conv, layer->weight);
    for (size_t i = 0; conv->biases && i < layer->n_bias; i++) layer->bias[i] = conv->biases[i];
    bool swap = b->options->preprocess && b->model->config->input.colour == RF_COLOUR_BGR;
    if (conv->in[0] != b->source.detector.input || !swap) return RF_OK;
    /* The input is RGB, the weights are for BGR. */
    size_t taps = (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    for (size_t o = 0; o < (size_t)conv->channels_out; o++)
        for (size_t t = 0; t < taps; t++) {
            float *first = layer->weight + o * 3 * taps + t, *last = first + 2 * taps, kept = *first;
            *first = *last;
            *last = kept;
        }
    return RF_OK;
}

/* Rows of a head in the sample's order, scaled and shifted. */
static rf_status fold_head(const builder *b, const rf_output *at, rf_ncnn_layer *layer) {
    bool moved = rf_ncnn_moved(&b->source, at->head_stage, at->level);
    size_t outs = layer->n_bias, row = layer->n_weight / outs;
    float *weight = rf_alloc(layer->n_weight, sizeof *weight), *bias = rf_alloc(outs, sizeof *bias);
    rf_ncnn_channel *channels = rf_alloc(outs, sizeof *channels);
    rf_status status = weight && bias && channels ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_ncnn_head_channels(&b->spec, at, moved, channels);
    if (status == RF_OK) {
        memcpy(weight, layer->weight, layer->n_weight * sizeof *weight);
        memcpy(bias, layer->bias, outs * sizeof *bias);
        for (size_t o = 0; o < outs; o++) {
            const rf_ncnn_channel c = channels[o];
            const float *from = weight + (size_t)c.source * row;
            for (size_t i = 0; i < row; i++) layer->weight[o * row + i] = (float)((double)from[i] * c.scale);
            layer->bias[o] = (float)((double)bias[c.source] * c.scale + c.shift);
        }
    }
    rf_free(channels);
    rf_free(weight);
    rf_free(bias);
    return status;
}

static rf_status round_to_half(rf_ncnn_layer *layer) {
    layer->half = true;
    for (size_t i = 0; i < layer->n_weight; i++) {
        float value = rf_half_to_float(rf_half_from_float(layer->weight[i]));
        if (!isfinite(value))
            return rf_fail(RF_ERR_USER, "%s has a weight of %g, half precision ends at 65504: leave --fp16 out",
                           layer->name, (double)layer->weight[i]);
        layer->weight[i] = value;
    }
    return RF_OK;
}

/* at: what it predicts; NULL: not a head. */
static rf_status add_conv(builder *b, const rf_export_layer *conv, const char *name, const rf_output *at) {
    rf_ncnn_type type = conv->groups > 1 ? RF_NCNN_ConvolutionDepthWise : RF_NCNN_Convolution;
    rf_ncnn_layer *layer = add(b, type, name, name, &b->blobs[conv->in[0]], 1);
    if (!layer) return RF_ERR_NOMEM;
    give_shape(layer, conv);
    rf_ncnn_layer_finish(layer);
    RF_TRY(rf_ncnn_layer_allocate(layer));
    RF_TRY(copy_weights(b, conv, layer));
    if (at) RF_TRY(fold_head(b, at, layer));
    return b->options->fp16 ? round_to_half(layer) : RF_OK;
}

/* ---- the other layers ---- */

enum { OP_ADD = 0, OP_MAX = 4 }; /* of BinaryOp */

static rf_status add_binary(builder *b, const char *name, int op, int x, int y) {
    rf_ncnn_layer *layer = add(b, RF_NCNN_BinaryOp, name, name, (const int[]){x, y}, 2);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, op);
    return RF_OK;
}

static rf_status add_sum(builder *b, const char *layer, int x, int y) {
    char name[2 * RF_NAME_BYTES + 8];
    snprintf(name, sizeof name, "%s.add", layer);
    return add_binary(b, name, OP_ADD, x, y);
}

/* The convolutions of a maxout's parts, at NULL: as they are, and the largest of them, which is called `name`. */
static rf_status add_maxout(builder *b, const rf_export_layer *maxout, const char *name, const rf_output *at) {
    char text[2 * RF_NAME_BYTES + 24];
    int parts = rf_export_maxout_parts(maxout), most = -1;
    for (int i = 1; i <= parts; i++) {
        rf_export_layer part;
        RF_TRY(rf_export_maxout_part(maxout, i, &part));
        snprintf(text, sizeof text, "%s.part%d", name, i);
        rf_status status = add_conv(b, &part, text, at);
        rf_free(part.made);
        RF_TRY(status);
        snprintf(text, sizeof text, "%s.max%d", name, i);
        if (i > 1) RF_TRY(add_binary(b, i < parts ? text : name, OP_MAX, most, last_blob(b)));
        most = last_blob(b);
    }
    return RF_OK;
}

static rf_status add_any_conv(builder *b, const rf_export_layer *conv, const char *name, const rf_output *at) {
    return conv->kind == RF_LAYER_MAXOUT ? add_maxout(b, conv, name, at) : add_conv(b, conv, name, at);
}

static rf_status add_residual(builder *b, const rf_export_layer *conv) {
    char name[2 * RF_NAME_BYTES + 8];
    RF_TRY(add_sum(b, conv->name, last_blob(b), b->blobs[conv->residual]));
    if (conv->slope == 1) return RF_OK;
    snprintf(name, sizeof name, "%s.relu", conv->name);
    rf_ncnn_layer *relu = add(b, RF_NCNN_ReLU, name, name, (const int[]){last_blob(b)}, 1);
    if (!relu) return RF_ERR_NOMEM;
    rf_ncnn_give(relu, 0, (double)conv->slope);
    return RF_OK;
}

/* The size comes from the second input. Several versions of ncnn compute the nearest source from the scales all the
 * same: with 2 it is i / 2, which is floor(i * h1 / h0) for every h1 = ceil(h0 / 2), as the levels of a pyramid have
 * it. Bilinear sources come from the sizes, with pixel centres at i + 0.5 (align_corner 0, the default). */
static rf_status add_upsample(builder *b, const rf_export_layer *up) {
    int x = b->blobs[up->in[0]], y = b->blobs[up->in[1]];
    rf_shape large = rf_graph_shape(b->source.graph, up->in[0]), small = rf_graph_shape(b->source.graph, up->in[1]);
    if (!up->bilinear && (small.d[1] != (large.d[1] + 1) / 2 || small.d[2] != (large.d[2] + 1) / 2))
        return rf_fail(RF_ERR_USER, "%s enlarges %dx%d to %dx%d, the ncnn writer knows doubling only", up->name,
                       small.d[1], small.d[2], large.d[1], large.d[2]);
    rf_ncnn_layer *layer = add(b, RF_NCNN_Interp, up->name, up->name, (const int[]){y, x}, 2);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, up->bilinear ? 2 : 1);
    rf_ncnn_give(layer, 1, 2);
    rf_ncnn_give(layer, 2, 2);
    rf_ncnn_give(layer, 5, 1);
    return add_sum(b, up->name, x, last_blob(b));
}

static rf_status add_pool(builder *b, const rf_export_layer *pool) {
    rf_ncnn_layer *layer = add(b, RF_NCNN_Pooling, pool->name, pool->name, &b->blobs[pool->in[0]], 1);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, 0);
    rf_ncnn_give(layer, 1, pool->kernel_w);
    rf_ncnn_give(layer, 2, pool->stride_w);
    rf_ncnn_give(layer, 3, pool->pad_w);
    rf_ncnn_give(layer, 5, 1);
    return RF_OK;
}

static rf_status add_concat(builder *b, const rf_export_layer *concat) {
    int blobs[RF_MAX_INPUTS];
    for (int i = 0; i < concat->n_in; i++) blobs[i] = b->blobs[concat->in[i]];
    rf_ncnn_layer *layer = add(b, RF_NCNN_Concat, concat->name, concat->name, blobs, concat->n_in);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, 0);
    return RF_OK;
}

static rf_status add_clamp(builder *b, const rf_export_layer *clamp) {
    rf_ncnn_layer *layer = add(b, RF_NCNN_Clip, clamp->name, clamp->name, &b->blobs[clamp->in[0]], 1);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, (double)clamp->least);
    rf_ncnn_give(layer, 1, (double)clamp->most);
    return RF_OK;
}

static rf_status add_reshape(builder *b, const char *name, int channels) {
    rf_ncnn_layer *layer = add(b, RF_NCNN_Reshape, name, name, (const int[]){last_blob(b)}, 1);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, 0);
    rf_ncnn_give(layer, 1, -1);
    rf_ncnn_give(layer, 2, channels);
    return RF_OK;
}

/* "face_rpn_bbox_pred_stride32", of later stages with "_stage2" behind it. */
static void name_head(const builder *b, const rf_output *at, const char *part, char text[64]) {
    int stride = b->spec.anchors.strides[at->level];
    if (at->head_stage)
        snprintf(text, 64, "face_rpn_%.24s_stride%d_stage%d", part, stride, at->head_stage + 1);
    else
        snprintf(text, 64, "face_rpn_%.24s_stride%d", part, stride);
}

/* Soft-max over the two classes: the maps of a class lie one below the other meanwhile. */
static rf_status add_class(builder *b, const rf_export_layer *conv, const rf_output *at) {
    char name[64];
    name_head(b, at, "cls_score", name);
    RF_TRY(add_any_conv(b, conv, name, at));
    name_head(b, at, "cls_score_reshape", name);
    RF_TRY(add_reshape(b, name, at->width));
    name_head(b, at, "cls_prob", name);
    rf_ncnn_layer *softmax = add(b, RF_NCNN_Softmax, name, name, (const int[]){last_blob(b)}, 1);
    if (!softmax) return RF_ERR_NOMEM;
    rf_ncnn_give(softmax, 0, 0);
    rf_ncnn_give(softmax, 1, 1);
    name_head(b, at, "cls_prob_reshape", name);
    return add_reshape(b, name, conv->channels_out);
}

/* The output whose map a value is, NULL: none. */
static const rf_output *find_head(const builder *b, rf_value value) {
    const rf_output_list *outputs = &b->source.detector.outputs;
    for (const rf_output *o = outputs->v; o < outputs->v + outputs->n; o++)
        if (o->map == value) return o;
    return NULL;
}

/* A head that later stages read too (cascade.body = predictions) comes a second time, as it is. */
static rf_status add_head(builder *b, const rf_export_layer *conv, const rf_output *at) {
    char name[64], part[48];
    if (b->source.uses[conv->out] > 1) {
        RF_TRY(add_any_conv(b, conv, conv->name, NULL));
        b->blobs[conv->out] = last_blob(b);
    }
    if (strcmp(at->name, "cls") == 0) return add_class(b, conv, at);
    rf_ncnn_part(at, part);
    name_head(b, at, part, name);
    return add_conv(b, conv, name, at);
}

static rf_status add_plain_layer(builder *b, const rf_export_layer *layer) {
    if (layer->kind == RF_LAYER_UPSAMPLE_ADD) return add_upsample(b, layer);
    if (layer->kind == RF_LAYER_MAX_POOL) return add_pool(b, layer);
    if (layer->kind == RF_LAYER_CONCAT) return add_concat(b, layer);
    if (layer->kind == RF_LAYER_ADD) return add_sum(b, layer->name, b->blobs[layer->in[0]], b->blobs[layer->in[1]]);
    if (layer->kind == RF_LAYER_CLAMP) return add_clamp(b, layer);
    RF_TRY(add_conv(b, layer, layer->name, NULL));
    return layer->residual == RF_NONE ? RF_OK : add_residual(b, layer);
}

static rf_status add_layer(builder *b, const rf_export_layer *layer) {
    const rf_output *at;
    if (layer->candidates) return RF_OK; /* they come with the maxout */
    if ((at = find_head(b, layer->out))) return add_head(b, layer, at);
    RF_TRY(add_plain_layer(b, layer));
    b->blobs[layer->out] = last_blob(b);
    return RF_OK;
}

/* The input, and with --preprocess (value - mean) / std of its channels, which are red, green, blue. */
static rf_status add_input(builder *b) {
    const rf_real_list *mean = &b->model->config->input.mean, *std = &b->model->config->input.std;
    rf_ncnn_layer *layer = add(b, RF_NCNN_Input, "data", "data", NULL, 0);
    if (!layer) return RF_ERR_NOMEM;
    if (b->options->h > 0 && b->options->w > 0) {
        rf_ncnn_give(layer, 0, b->options->w);
        rf_ncnn_give(layer, 1, b->options->h);
        rf_ncnn_give(layer, 2, 3);
    }
    if (!b->options->preprocess) return RF_OK;
    if (mean->n != 3 || std->n != 3)
        return rf_fail(RF_ERR_USER, "input.mean has %d numbers and input.std %d, expected three each", mean->n, std->n);
    layer = add(b, RF_NCNN_Scale, "normalise", "normalise", (const int[]){last_blob(b)}, 1);
    if (!layer) return RF_ERR_NOMEM;
    rf_ncnn_give(layer, 0, 3);
    rf_ncnn_give(layer, 1, 1);
    rf_ncnn_layer_finish(layer);
    RF_TRY(rf_ncnn_layer_allocate(layer));
    bool bgr = b->model->config->input.colour == RF_COLOUR_BGR;
    for (int c = 0; c < 3; c++) {
        int ours = bgr ? 2 - c : c;
        layer->weight[c] = (float)(1 / std->v[ours]);
        layer->bias[c] = (float)(-mean->v[ours] / std->v[ours]);
    }
    return RF_OK;
}

/* A Split behind layer `at`, whose output `blob` has several readers; each reader gets its own copy. */
static rf_status split_blob(rf_ncnn_net *net, int at, int blob, int readers, int number) {
    char name[3 * RF_NAME_BYTES];
    if (readers > RF_NCNN_ENDS)
        return rf_fail(RF_ERR_USER, "%d layers read %s, the ncnn writer splits into %d at most", readers,
                       net->blobs[blob], RF_NCNN_ENDS);
    snprintf(name, sizeof name, "splitncnn_%d", number);
    rf_ncnn_layer *last = rf_ncnn_layer_add(net, RF_NCNN_Split, name);
    if (!last) return RF_ERR_NOMEM;
    rf_ncnn_layer split = *last;
    memmove(&net->layers[at + 2], &net->layers[at + 1], (size_t)(net->n_layers - at - 2) * sizeof split);
    net->layers[at + 1] = split;
    rf_ncnn_layer *layer = &net->layers[at + 1];
    layer->in[layer->n_in++] = blob;
    for (int i = at + 2; i < net->n_layers; i++)
        for (int k = 0; k < net->layers[i].n_in; k++) {
            if (net->layers[i].in[k] != blob) continue;
            snprintf(name, sizeof name, "%s_splitncnn_%d", net->blobs[blob], layer->n_out);
            int copy = rf_ncnn_blob_add(net, name);
            if (copy < 0) return RF_ERR_NOMEM;
            layer->out[layer->n_out++] = copy;
            net->layers[i].in[k] = copy;
        }
    return RF_OK;
}

static rf_status split_blobs(rf_ncnn_net *net) {
    for (int i = 0, splits = 0; i < net->n_layers; i++) {
        if (net->layers[i].type == RF_NCNN_Split) continue;
        int blob = net->layers[i].out[0], readers = 0;
        for (int k = i + 1; k < net->n_layers; k++)
            for (int j = 0; j < net->layers[k].n_in; j++) readers += net->layers[k].in[j] == blob;
        if (readers > 1) RF_TRY(split_blob(net, i, blob, readers, splits++));
    }
    return RF_OK;
}

static rf_status build(builder *b) {
    int n, h, w;
    rf_export_options one = *b->options;
    one.batch = 1;
    rf_export_sample_size(b->model, &one, &n, &h, &w);
    RF_TRY(rf_detect_spec_from_config(b->model->config, &b->spec));
    RF_TRY(rf_export_net_make(b->model, n, h, w, &b->source));
    RF_TRY(rf_export_refuse_deform(&b->source, "ncnn"));
    b->blobs = rf_alloc((size_t)rf_graph_value_count(b->source.graph), sizeof *b->blobs);
    if (!b->blobs) return RF_ERR_NOMEM;
    RF_TRY(add_input(b));
    b->blobs[b->source.detector.input] = last_blob(b);
    for (int i = 0; i < b->source.n_layers; i++) RF_TRY(add_layer(b, &b->source.layers[i]));
    RF_TRY(split_blobs(&b->net));
    for (int i = 0; i < b->net.n_layers; i++) rf_ncnn_layer_finish(&b->net.layers[i]);
    return rf_ncnn_check("the ncnn network", &b->net);
}

rf_status rf_ncnn_build(const rf_export_model *model, const rf_export_options *options, rf_ncnn_net *out) {
    builder b = {.model = model, .options = options};
    rf_status status = build(&b);
    rf_free(b.blobs);
    rf_export_net_free(&b.source);
    *out = b.net;
    return status;
}
