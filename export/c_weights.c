/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "export/c_net.h"

/* Where the k-th row of weights (k = 0: the biases) of output o lies in an array of panels. */
static size_t panel_place(size_t k, size_t o, size_t rows) {
    return (o / RF_C_PANEL * rows + k) * RF_C_PANEL + o % RF_C_PANEL;
}

/* Stores a number, or tells whether it is there. */
static bool visit_number(float *place, float value, bool compare) {
    if (!compare) *place = value;
    return memcmp(place, &value, sizeof value) == 0;
}

static bool visit_conv(const rf_export_layer *l, float *at, bool compare) {
    size_t rows = 1 + (size_t)l->kernel_h * (size_t)l->kernel_w * (size_t)l->channels_in;
    size_t out = (size_t)l->channels_out, padded = (out + RF_C_PANEL - 1) / RF_C_PANEL * RF_C_PANEL;
    for (size_t o = 0; o < padded; o++)
        for (size_t k = 0; k < rows; k++) {
            const float *row = k ? l->weights + (k - 1) * out : l->biases;
            float value = row && o < out ? row[o] : 0;
            if (!visit_number(at + panel_place(k, o, rows), value, compare)) return false;
        }
    return true;
}

static bool visit_depthwise(const rf_export_layer *l, float *at, bool compare) {
    size_t channels = (size_t)l->channels_in, taps = (size_t)l->kernel_h * (size_t)l->kernel_w;
    for (size_t k = 0; k <= taps; k++, at += channels)
        for (size_t c = 0; c < channels; c++) {
            const float *row = k ? l->weights + (k - 1) * channels : l->biases;
            if (!visit_number(at + c, row ? row[c] : 0, compare)) return false;
        }
    return true;
}

/* G g G' of the kernel from input i to output o (export/c/winograd.c). */
static void transform(const rf_export_layer *l, size_t i, size_t o, double u[16]) {
    static const double G[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    size_t in = (size_t)l->channels_in, out = (size_t)l->channels_out;
    for (int k = 0; k < 16; k++) {
        u[k] = 0;
        for (int tap = 0; tap < 9; tap++)
            u[k] += G[k / 4][tap / 3] * G[k % 4][tap % 3] * (double)l->weights[((size_t)tap * in + i) * out + o];
    }
}

/* The bias belongs to product (1,1). */
static bool visit_winograd(const rf_export_layer *l, float *at, bool compare) {
    size_t in = (size_t)l->channels_in, out = (size_t)l->channels_out, rows = 1 + in;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i <= in; i++) {
            double u[16] = {0};
            if (i)
                transform(l, i - 1, o, u);
            else if (l->biases)
                u[5] = (double)l->biases[o];
            for (size_t k = 0; k < 16; k++)
                if (!visit_number(at + k * out * rows + panel_place(i, o, rows), (float)u[k], compare)) return false;
        }
    return true;
}

/* NULL, or the first layer that differs. */
static const rf_export_layer *visit(const rf_c_net *net, float *array, bool compare) {
    for (int i = 0; i < net->n_steps; i++) {
        const rf_c_step *s = &net->steps[i];
        if (s->layer->kind != RF_LAYER_CONV) continue;
        if (s->before && !visit_depthwise(s->before, array + s->before_weights, compare)) return s->before;
        if (!(s->winograd ? visit_winograd : visit_conv)(s->layer, array + s->weights, compare)) return s->layer;
    }
    return NULL;
}

void rf_c_weights_pack(const rf_c_net *net, float *to) {
    memset(to, 0, net->weights * sizeof *to);
    visit(net, to, false);
}

rf_status rf_c_weights_compare(const rf_c_net *net, float *packed, const char *path) {
    const rf_export_layer *differs = visit(net, packed, true);
    if (!differs) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: layer %s holds other numbers than the model", path, differs->name);
}
