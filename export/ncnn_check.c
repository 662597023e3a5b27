/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "export/ncnn_net.h"

/* What is known of the blobs while the layers are gone through. */
typedef struct blob_state {
    const rf_ncnn_layer *producer, *consumer;
    int channels;
} blob_state;

static rf_status bad(const char *path, const rf_ncnn_layer *layer, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "%s: layer '%s' (%s): %s", path, layer->name, rf_ncnn_schemas[layer->type].name,
                   what);
}

static rf_status check_params(const char *path, const rf_ncnn_layer *layer) {
    char text[160];
    for (size_t i = 0; i < rf_ncnn_param_count; i++) {
        const rf_ncnn_param *p = &rf_ncnn_params[i];
        double v = layer->value[p->id];
        if (p->type != layer->type) continue;
        if (layer->type == RF_NCNN_Input && !layer->given) continue; /* any size */
        if (v >= p->least && v <= p->most) continue;
        snprintf(text, sizeof text, "%s (id %d) is %.9g, expected %.9g to %.9g", p->name, p->id, v, p->least, p->most);
        return bad(path, layer, text);
    }
    bool conv = layer->type == RF_NCNN_Convolution || layer->type == RF_NCNN_ConvolutionDepthWise;
    if (conv && (layer->value[9] == 2) != (layer->given >> 10 & 1))
        return bad(path, layer, "activation_params (id 10) goes with activation_type 2 (leaky ReLU) and only with it");
    return RF_OK;
}

static rf_status check_ends(const char *path, const rf_ncnn_net *net, const rf_ncnn_layer *layer, blob_state *blobs) {
    const rf_ncnn_schema *schema = &rf_ncnn_schemas[layer->type];
    char text[2 * RF_NCNN_NAME + 64];
    if (layer->n_in < schema->in_least || layer->n_in > schema->in_most || layer->n_out < schema->out_least ||
        layer->n_out > schema->out_most) {
        snprintf(text, sizeof text, "%d inputs and %d outputs, expected %d to %d and %d to %d", layer->n_in,
                 layer->n_out, schema->in_least, schema->in_most, schema->out_least, schema->out_most);
        return bad(path, layer, text);
    }
    for (int i = 0; i < layer->n_in; i++) {
        blob_state *b = &blobs[layer->in[i]];
        const char *wrong = !b->producer  ? "is not the output of a layer before it"
                            : b->consumer ? "is read by a second layer, which takes a Split"
                                          : NULL;
        if (wrong) {
            snprintf(text, sizeof text, "its input '%s' %s", net->blobs[layer->in[i]], wrong);
            return bad(path, layer, text);
        }
        b->consumer = layer;
    }
    for (int i = 0; i < layer->n_out; i++) {
        blob_state *b = &blobs[layer->out[i]];
        if (b->producer) {
            snprintf(text, sizeof text, "its output '%s' is also that of '%s'", net->blobs[layer->out[i]],
                     b->producer->name);
            return bad(path, layer, text);
        }
        b->producer = layer;
    }
    return RF_OK;
}

static rf_status check_conv(const char *path, const rf_ncnn_layer *layer, int channels) {
    char text[128];
    int groups = layer->type == RF_NCNN_ConvolutionDepthWise ? (int)layer->value[7] : 1, outs = (int)layer->value[0];
    if (channels % groups || outs % groups) return bad(path, layer, "group (id 7) does not divide its channels");
    double expected = layer->value[0] * (channels / groups) * layer->value[1] * layer->value[11];
    if (layer->value[6] == expected) return RF_OK;
    snprintf(text, sizeof text, "weight_data_size (id 6) is %.0f, its shape and %d input channels make %.0f",
             layer->value[6], channels, expected);
    return bad(path, layer, text);
}

/* Channels of the outputs from those of the inputs. */
static rf_status check_channels(const char *path, const rf_ncnn_layer *layer, blob_state *blobs) {
    int c = layer->n_in ? blobs[layer->in[0]].channels : 3;
    switch (layer->type) {
    case RF_NCNN_Input:
        if (layer->given && layer->value[2] != 3) return bad(path, layer, "c (id 2) is not 3");
        break;
    case RF_NCNN_Scale:
        if ((int)layer->value[0] != c) return bad(path, layer, "scale_data_size (id 0) is not its channels");
        break;
    case RF_NCNN_Convolution:
    case RF_NCNN_ConvolutionDepthWise:
        RF_TRY(check_conv(path, layer, c));
        c = (int)layer->value[0];
        break;
    case RF_NCNN_BinaryOp:
        if (blobs[layer->in[1]].channels != c) return bad(path, layer, "its inputs have different channels");
        if (layer->value[0] != 0 && layer->value[0] != 4)
            return bad(path, layer, "op_type (id 0) is neither 0 (sum) nor 4 (maximum)");
        break;
    case RF_NCNN_Concat:
        for (int i = 1; i < layer->n_in; i++) c += blobs[layer->in[i]].channels;
        break;
    case RF_NCNN_Reshape:
        c = (int)layer->value[2];
        break;
    default:
        break;
    }
    for (int i = 0; i < layer->n_out; i++) blobs[layer->out[i]].channels = c;
    return RF_OK;
}

static rf_status check_names(const char *path, const rf_ncnn_net *net) {
    for (int i = 0; i < net->n_layers; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(net->layers[i].name, net->layers[k].name) == 0)
                return bad(path, &net->layers[i], "another layer has this name");
    return RF_OK;
}

rf_status rf_ncnn_check(const char *path, const rf_ncnn_net *net) {
    rf_status status = RF_OK;
    blob_state *blobs = rf_alloc((size_t)net->n_blobs, sizeof *blobs);
    if (!blobs) return RF_ERR_NOMEM;
    RF_TRY_GOTO(check_names(path, net));
    for (int i = 0; i < net->n_layers; i++) {
        const rf_ncnn_layer *layer = &net->layers[i];
        RF_TRY_GOTO(check_params(path, layer));
        RF_TRY_GOTO(check_ends(path, net, layer, blobs));
        RF_TRY_GOTO(check_channels(path, layer, blobs));
    }
fail:
    rf_free(blobs);
    return status;
}

static rf_status differs(const char *path, const rf_ncnn_layer *layer, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "%s: layer '%s': %s; the file is not of this model", path, layer->name, what);
}

static rf_status compare_layer(const char *path, const rf_ncnn_net *expected, const rf_ncnn_net *got, int index) {
    const rf_ncnn_layer *e = &expected->layers[index], *g = &got->layers[index];
    if (e->type != g->type || strcmp(e->name, g->name) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: layer %d is '%s', expected '%s'; the file is not of this model", path,
                       index + 1, g->name, e->name);
    if (e->n_in != g->n_in || e->n_out != g->n_out) return differs(path, g, "other numbers of inputs or outputs");
    for (int i = 0; i < e->n_in + e->n_out; i++) {
        int a = i < e->n_in ? e->in[i] : e->out[i - e->n_in], b = i < e->n_in ? g->in[i] : g->out[i - e->n_in];
        if (strcmp(expected->blobs[a], got->blobs[b]) != 0) return differs(path, g, "other inputs or outputs");
    }
    for (int id = 0; id < RF_NCNN_IDS; id++)
        if (e->value[id] != g->value[id]) return differs(path, g, "other parameters");
    if (e->given != g->given) return differs(path, g, "other parameters are written out");
    if (e->n_weight != g->n_weight || e->n_bias != g->n_bias || e->half != g->half)
        return differs(path, g, "weights of another size or precision");
    if (e->n_weight && memcmp(e->weight, g->weight, e->n_weight * sizeof *e->weight) != 0)
        return differs(path, g, "other weights");
    if (e->n_bias && memcmp(e->bias, g->bias, e->n_bias * sizeof *e->bias) != 0)
        return differs(path, g, "another bias");
    return RF_OK;
}

rf_status rf_ncnn_compare(const char *path, const rf_ncnn_net *expected, const rf_ncnn_net *got) {
    if (expected->n_layers != got->n_layers || expected->n_blobs != got->n_blobs)
        return rf_fail(RF_ERR_FORMAT,
                       "%s has %d layers and %d blobs, expected %d and %d; the file is not of this model", path,
                       got->n_layers, got->n_blobs, expected->n_layers, expected->n_blobs);
    for (int i = 0; i < expected->n_layers; i++) RF_TRY(compare_layer(path, expected, got, i));
    return RF_OK;
}
