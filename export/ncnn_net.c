/* SPDX-License-Identifier: Apache-2.0 */
#include "export/ncnn_net.h"

#include <string.h>

#include "core/mem.h"

const rf_ncnn_schema rf_ncnn_schemas[RF_NCNN_TYPES] = {
#define RF_NCNN_LAYER(type, in_least, in_most, out_least, out_most) {#type, in_least, in_most, out_least, out_most},
#define RF_NCNN_PARAM(...)
#define RF_NCNN_SAME(...)
#include "export/ncnn_layers.def"
#undef RF_NCNN_LAYER
#undef RF_NCNN_PARAM
#undef RF_NCNN_SAME
};

const rf_ncnn_param rf_ncnn_params[] = {
#define RF_NCNN_LAYER(...)
#define RF_NCNN_PARAM(type, id, name, kind, initial, least, most)                                                      \
    {RF_NCNN_##type, id, #name, RF_NCNN_##kind, -1, initial, least, most},
#define RF_NCNN_SAME(type, id, name, other, least, most)                                                               \
    {RF_NCNN_##type, id, #name, RF_NCNN_INT, other, 0, least, most},
#include "export/ncnn_layers.def"
#undef RF_NCNN_LAYER
#undef RF_NCNN_PARAM
#undef RF_NCNN_SAME
};
const size_t rf_ncnn_param_count = sizeof rf_ncnn_params / sizeof *rf_ncnn_params;

void rf_ncnn_net_free(rf_ncnn_net *net) {
    for (int i = 0; i < net->n_layers; i++) {
        rf_free(net->layers[i].name);
        rf_free(net->layers[i].weight);
        rf_free(net->layers[i].bias);
    }
    for (int i = 0; i < net->n_blobs; i++) rf_free(net->blobs[i]);
    rf_free(net->layers);
    rf_free(net->blobs);
    memset(net, 0, sizeof *net);
}

/* Room for one more element. */
static bool reserve(void **items, int used, int *capacity, size_t size) {
    if (used < *capacity) return true;
    int wanted = *capacity ? 2 * *capacity : 64;
    void *grown = rf_realloc(*items, (size_t)*capacity, (size_t)wanted, size);
    if (!grown) return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

int rf_ncnn_blob_add(rf_ncnn_net *net, const char *name) {
    if (!reserve((void **)&net->blobs, net->n_blobs, &net->blob_capacity, sizeof *net->blobs)) return -1;
    char *copy = rf_strdup(name);
    if (!copy) return -1;
    net->blobs[net->n_blobs] = copy;
    return net->n_blobs++;
}

int rf_ncnn_blob_find(const rf_ncnn_net *net, const char *name) {
    for (int i = net->n_blobs - 1; i >= 0; i--)
        if (strcmp(net->blobs[i], name) == 0) return i;
    return -1;
}

rf_ncnn_layer *rf_ncnn_layer_add(rf_ncnn_net *net, rf_ncnn_type type, const char *name) {
    if (!reserve((void **)&net->layers, net->n_layers, &net->layer_capacity, sizeof *net->layers)) return NULL;
    rf_ncnn_layer *layer = &net->layers[net->n_layers];
    memset(layer, 0, sizeof *layer);
    layer->type = type;
    layer->name = rf_strdup(name);
    if (!layer->name) return NULL;
    net->n_layers++;
    return layer;
}

void rf_ncnn_give(rf_ncnn_layer *layer, int id, double value) {
    layer->value[id] = value;
    layer->given |= 1u << id;
}

const rf_ncnn_param *rf_ncnn_param_find(rf_ncnn_type type, int id) {
    for (size_t i = 0; i < rf_ncnn_param_count; i++)
        if (rf_ncnn_params[i].type == type && rf_ncnn_params[i].id == id) return &rf_ncnn_params[i];
    return NULL;
}

static size_t size_of(double value) {
    return value > 0 ? (size_t)value : 0;
}

void rf_ncnn_layer_finish(rf_ncnn_layer *layer) {
    /* A parameter stands after the one that it follows, so one pass is enough. */
    for (size_t i = 0; i < rf_ncnn_param_count; i++) {
        const rf_ncnn_param *p = &rf_ncnn_params[i];
        if (p->type != layer->type || layer->given >> p->id & 1) continue;
        layer->value[p->id] = p->same_as >= 0 ? layer->value[p->same_as] : p->initial;
    }
    if (layer->type == RF_NCNN_Convolution || layer->type == RF_NCNN_ConvolutionDepthWise) {
        layer->n_weight = size_of(layer->value[6]);
        layer->n_bias = layer->value[5] != 0 ? size_of(layer->value[0]) : 0;
    } else if (layer->type == RF_NCNN_Scale) {
        layer->n_weight = size_of(layer->value[0]);
        layer->n_bias = layer->value[1] != 0 ? layer->n_weight : 0;
    }
}

rf_status rf_ncnn_layer_allocate(rf_ncnn_layer *layer) {
    if (layer->n_weight && !(layer->weight = rf_alloc(layer->n_weight, sizeof *layer->weight))) return RF_ERR_NOMEM;
    if (layer->n_bias && !(layer->bias = rf_alloc(layer->n_bias, sizeof *layer->bias))) return RF_ERR_NOMEM;
    return RF_OK;
}
