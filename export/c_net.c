/* SPDX-License-Identifier: Apache-2.0 */
#include "export/c_net.h"

#include <string.h>

#include "core/mem.h"

enum { WINOGRAD_PRODUCTS = 16, WINOGRAD_LIMIT = 1 << 16 };

static bool is_depthwise(const rf_export_layer *l) {
    return l->kind == RF_LAYER_CONV && l->groups > 1 && l->groups == l->channels_in && l->groups == l->channels_out;
}

static rf_status check_kernel(const rf_export_layer *l) {
    if (l->kind == RF_LAYER_CLAMP)
        return rf_fail(RF_ERR_USER,
                       "layer %s: the C source clamps only what a convolution without activation gives, from 0 on: "
                       "export to onnx or ncnn",
                       l->name);
    if (l->kind != RF_LAYER_CONV && l->kind != RF_LAYER_MAX_POOL) return RF_OK;
    if (l->stride_h != l->stride_w)
        return rf_fail(RF_ERR_USER, "layer %s: the C source has one stride for rows and columns, this one has %dx%d",
                       l->name, l->stride_h, l->stride_w);
    if (l->kernel_h > RF_C_MAX_KERNEL || l->kernel_w > RF_C_MAX_KERNEL || l->pad_h >= l->kernel_h ||
        l->pad_w >= l->kernel_w)
        return rf_fail(RF_ERR_USER,
                       "layer %s: the C source has kernels of up to %d and less padding, this one is %dx%d with %dx%d",
                       l->name, RF_C_MAX_KERNEL, l->kernel_h, l->kernel_w, l->pad_h, l->pad_w);
    if (l->groups != 1 && !is_depthwise(l))
        return rf_fail(RF_ERR_USER, "layer %s: the C source has no convolutions in %d groups", l->name, l->groups);
    return RF_OK;
}

/* The only layer that reads a value, NULL when there are more or it is an output. */
static const rf_export_layer *only_reader(const rf_export_net *net, rf_value value) {
    if (net->uses[value] != 1) return NULL;
    for (int i = 0; i < net->n_layers; i++)
        for (int k = 0; k < net->layers[i].n_in; k++)
            if (net->layers[i].in[k] == value) return &net->layers[i];
    return NULL;
}

static int new_map(rf_c_net *c, int channels) {
    c->map_channels[c->n_maps] = channels;
    return c->n_maps++;
}

/* ReLU6 becomes part of its convolution: clamps from 0 on that are alone in reading one. */
static void fold_clamps(rf_export_net *net) {
    int kept = 0;
    for (int i = 0; i < net->n_layers; i++) {
        rf_export_layer *clamp = &net->layers[i], *conv = kept ? &net->layers[kept - 1] : NULL;
        if (clamp->kind == RF_LAYER_CLAMP && conv && conv->kind == RF_LAYER_CONV && conv->out == clamp->in[0] &&
            net->uses[conv->out] == 1 && conv->slope == 1 && clamp->least == 0 && clamp->most > 0) {
            conv->slope = 0;
            conv->most = clamp->most;
            conv->out = clamp->out;
            net->names[conv->out] = conv->name;
            rf_free(clamp->name);
        } else {
            net->layers[kept++] = *clamp;
        }
    }
    net->n_layers = kept;
}

/* Whether a concatenation's input can be written straight into its place: nothing else reads it. */
static bool written_in_place(const rf_c_net *c, rf_value value) {
    const rf_export_layer *from = NULL;
    for (int i = 0; i < c->net.n_layers; i++)
        if (c->net.layers[i].out == value) from = &c->net.layers[i];
    return from && c->net.uses[value] == 1 &&
           ((from->kind == RF_LAYER_CONV && !is_depthwise(from)) || from->kind == RF_LAYER_ADD);
}

/* Concatenations cost nothing where their inputs are written where they belong; the others are copied. */
static void map_concat(rf_c_net *c, const rf_export_layer *l) {
    int channels = 0, map = new_map(c, rf_graph_shape(c->net.graph, l->out).d[3]);
    c->map_of[l->out] = map;
    for (int k = 0; k < l->n_in; k++) {
        if (written_in_place(c, l->in[k])) {
            c->map_of[l->in[k]] = map;
            c->channel_of[l->in[k]] = channels;
        }
        channels += rf_graph_shape(c->net.graph, l->in[k]).d[3];
    }
}

static rf_status add_copies(rf_c_net *c, const rf_export_layer *l) {
    int channels = 0;
    for (int k = 0; k < l->n_in; k++) {
        rf_value value = l->in[k];
        if (c->map_of[value] == 0)
            return rf_fail(RF_ERR_USER, "layer %s: the C source cannot join the picture with something", l->name);
        if (!written_in_place(c, value))
            c->steps[c->n_steps++] = (rf_c_step){.layer = l,
                                                 .value = value,
                                                 .in = c->map_of[value],
                                                 .add = -1,
                                                 .out = c->map_of[l->out],
                                                 .channel = channels};
        channels += rf_graph_shape(c->net.graph, value).d[3];
    }
    return RF_OK;
}

/* Whether the output may take the place of the first input. */
static bool in_place(const rf_c_net *c, const rf_export_layer *l) {
    return l->kind == RF_LAYER_UPSAMPLE_ADD && c->net.uses[l->in[0]] == 1 && c->channel_of[l->in[0]] == 0 &&
           l->in[0] != l->in[1];
}

static size_t panel_floats(const rf_export_layer *l) {
    return RF_C_PANEL * (1 + (size_t)l->kernel_h * (size_t)l->kernel_w * (size_t)l->channels_in);
}

/* Winograd's method takes 16/36 of the products and 16/9 of the weights: not for the widest layers. */
static bool takes_winograd(const rf_c_net *c, const rf_export_layer *l) {
    return l->kernel_h == 3 && l->kernel_w == 3 && l->stride_h == 1 && l->pad_h == 1 && l->pad_w == 1 &&
           l->channels_in % RF_C_PANEL == 0 && l->channels_out % RF_C_PANEL == 0 && c->map_of[l->in[0]] != 0 &&
           (size_t)l->channels_in * (size_t)l->channels_out <= WINOGRAD_LIMIT;
}

static size_t winograd_floats(const rf_export_layer *l) {
    return (size_t)WINOGRAD_PRODUCTS * (size_t)l->channels_out * (1 + (size_t)l->channels_in);
}

static size_t weight_floats(const rf_export_layer *l) {
    if (is_depthwise(l)) return (size_t)l->channels_in * (1 + (size_t)l->kernel_h * (size_t)l->kernel_w);
    return ((size_t)l->channels_out + RF_C_PANEL - 1) / RF_C_PANEL * panel_floats(l);
}

/* The place of a layer's weights; layers that share them share the place. */
static size_t place_weights(rf_c_net *c, const rf_export_layer *l, bool winograd) {
    for (int i = 0; i < c->n_steps; i++) {
        const rf_c_step *s = &c->steps[i];
        if (s->layer->weight_id == l->weight_id && s->layer->bias_id == l->bias_id) return s->weights;
    }
    size_t at = c->weights;
    c->weights += winograd ? winograd_floats(l) : weight_floats(l);
    return at;
}

static void count_work(rf_c_net *c, const rf_export_layer *l, bool winograd) {
    rf_shape out = rf_graph_shape(c->net.graph, l->out);
    double work = (double)out.d[1] * out.d[2] * (double)rf_export_weight_count(l);
    c->multiply_adds += work;
    c->products += winograd ? work * WINOGRAD_PRODUCTS / 36 : work;
    if (winograd && l->channels_in + l->channels_out > c->winograd_channels)
        c->winograd_channels = l->channels_in + l->channels_out;
}

static rf_status add_step(rf_c_net *c, const rf_export_layer *l, const rf_export_layer *before) {
    rf_value first = before ? before->in[0] : l->in[0];
    rf_c_step s = {.layer = l,
                   .before = before,
                   .value = l->out,
                   .in = c->map_of[first],
                   .add = -1,
                   .channel = c->channel_of[l->out]};
    if (l->residual != RF_NONE) s.add = c->map_of[l->residual];
    if (l->kind == RF_LAYER_UPSAMPLE_ADD || l->kind == RF_LAYER_ADD) s.add = c->map_of[l->in[1]];
    if (s.in == 0 && (l->kind != RF_LAYER_CONV || before))
        return rf_fail(RF_ERR_USER, "layer %s: in the C source only ordinary convolutions read the picture", l->name);
    if (c->channel_of[first] != 0 || s.add == 0)
        return rf_fail(RF_ERR_USER, "layer %s: the C source cannot read a part of a map", l->name);
    if (c->map_of[l->out] < 0)
        c->map_of[l->out] = in_place(c, l) ? s.in : new_map(c, rf_graph_shape(c->net.graph, l->out).d[3]);
    s.out = c->map_of[l->out];
    if (l->kind == RF_LAYER_CONV) {
        if (before) {
            s.before_weights = c->weights;
            c->weights += weight_floats(before);
            count_work(c, before, false);
        }
        s.winograd = takes_winograd(c, l);
        s.weights = place_weights(c, l, s.winograd);
        count_work(c, l, s.winograd);
    }
    c->steps[c->n_steps++] = s;
    return RF_OK;
}

static rf_status make_steps(rf_c_net *c) {
    const rf_export_layer *before = NULL;
    for (int i = 0; i < c->net.n_layers; i++) {
        const rf_export_layer *l = &c->net.layers[i];
        RF_TRY(check_kernel(l));
        if (l->kind == RF_LAYER_CONCAT) {
            RF_TRY(add_copies(c, l));
            continue;
        }
        if (is_depthwise(l)) {
            const rf_export_layer *next = only_reader(&c->net, l->out);
            if (!next || next != l + 1 || next->kind != RF_LAYER_CONV || next->groups != 1 || next->kernel_h != 1 ||
                next->kernel_w != 1 || next->pad_h != 0 || next->stride_h != 1)
                return rf_fail(RF_ERR_USER,
                               "layer %s: the C source has depth-wise convolutions only in front of a 1x1 convolution "
                               "of stride 1",
                               l->name);
            before = l;
            continue;
        }
        RF_TRY(add_step(c, l, before));
        before = NULL;
    }
    return RF_OK;
}

/* At most: one a layer, and one for each input of a concatenation. */
static size_t count_steps(const rf_export_net *net) {
    size_t n = (size_t)net->n_layers;
    for (int i = 0; i < net->n_layers; i++) n += (size_t)net->layers[i].n_in;
    return n;
}

rf_status rf_c_net_make(const rf_export_model *model, const rf_export_options *options, rf_c_net *out) {
    int n;
    memset(out, 0, sizeof *out);
    rf_export_sample_size(model, options, &n, &out->h, &out->w);
    RF_TRY(rf_export_net_make(model, 1, out->h, out->w, &out->net));
    RF_TRY(rf_export_refuse_deform(&out->net, "the C source"));
    fold_clamps(&out->net);
    size_t values = (size_t)rf_graph_value_count(out->net.graph);
    out->steps = rf_alloc(count_steps(&out->net), sizeof *out->steps);
    out->map_of = rf_alloc(values, sizeof *out->map_of);
    out->channel_of = rf_alloc(values, sizeof *out->channel_of);
    out->map_channels = rf_alloc(values, sizeof *out->map_channels);
    if (!out->steps || !out->map_of || !out->channel_of || !out->map_channels) return RF_ERR_NOMEM;
    for (size_t i = 0; i < values; i++) out->map_of[i] = -1;
    out->map_of[out->net.detector.input] = new_map(out, 3);
    for (int i = 0; i < out->net.n_layers; i++)
        if (out->net.layers[i].kind == RF_LAYER_CONCAT) map_concat(out, &out->net.layers[i]);
    return make_steps(out);
}

void rf_c_net_free(rf_c_net *net) {
    if (!net) return;
    rf_free(net->steps);
    rf_free(net->map_of);
    rf_free(net->channel_of);
    rf_free(net->map_channels);
    rf_export_net_free(&net->net);
    memset(net, 0, sizeof *net);
}
