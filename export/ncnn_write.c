/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "core/half.h"
#include "export/ncnn.h"

static const char suffix[] = ".param";

char *rf_ncnn_bin_path(const char *param_path) {
    size_t stem = strlen(param_path), n = sizeof suffix - 1;
    if (stem > n && strcmp(param_path + stem - n, suffix) == 0) stem -= n;
    char *path = rf_alloc(stem + sizeof ".bin", 1);
    if (path) snprintf(path, stem + sizeof ".bin", "%.*s.bin", (int)stem, param_path);
    return path;
}

/* ---- text ---- */

/* ncnn tells floats by their point or exponent, reads at most 15 characters and nine digits behind the point: the
 * shortest text of these that reads back to the same float. */
static void put_float(rf_text *t, double value) {
    char text[32] = "";
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == (float)value) break;
    }
    const char *point = strchr(text, '.');
    if (point && !strchr(text, 'e') && strlen(point + 1) > 9) snprintf(text, sizeof text, "%.8e", value);
    rf_text_put(t, text);
    if (!strpbrk(text, ".e")) rf_text_put(t, ".0");
}

static void put_layer(rf_text *t, const rf_ncnn_net *net, const rf_ncnn_layer *layer) {
    rf_text_printf(t, "%-24s %-40s %d %d", rf_ncnn_schemas[layer->type].name, layer->name, layer->n_in, layer->n_out);
    for (int i = 0; i < layer->n_in; i++) rf_text_printf(t, " %s", net->blobs[layer->in[i]]);
    for (int i = 0; i < layer->n_out; i++) rf_text_printf(t, " %s", net->blobs[layer->out[i]]);
    for (int id = 0; id < RF_NCNN_IDS; id++) {
        const rf_ncnn_param *p = rf_ncnn_param_find(layer->type, id);
        if (!p || !(layer->given >> id & 1)) continue;
        if (p->kind == RF_NCNN_INT) {
            rf_text_printf(t, " %d=%.0f", id, layer->value[id]);
            continue;
        }
        if (p->kind == RF_NCNN_REAL)
            rf_text_printf(t, " %d=", id);
        else
            rf_text_printf(t, " %d=1,", -23300 - id);
        put_float(t, layer->value[id]);
    }
    rf_text_put(t, "\n");
}

static rf_status write_text(const rf_ncnn_net *net, rf_atomic_file *file) {
    rf_text t = {0};
    char *text = NULL;
    size_t bytes;
    rf_text_printf(&t, "%d\n%d %d\n", RF_NCNN_MAGIC, net->n_layers, net->n_blobs);
    for (int i = 0; i < net->n_layers; i++) put_layer(&t, net, &net->layers[i]);
    RF_TRY(rf_text_finish(&t, &text, &bytes));
    rf_status status = rf_atomic_write(file, text, bytes);
    rf_free(text);
    return status;
}

/* ---- weights ---- */

/* Half precision, padded with zeros to whole words. */
static rf_status write_half(const rf_ncnn_layer *layer, rf_atomic_file *file) {
    size_t count = (layer->n_weight + 1) / 2 * 2;
    uint16_t *half = rf_alloc(count, sizeof *half);
    if (!half) return RF_ERR_NOMEM;
    for (size_t i = 0; i < layer->n_weight; i++) half[i] = rf_half_from_float(layer->weight[i]);
    rf_status status = rf_atomic_write(file, half, count * sizeof *half);
    rf_free(half);
    return status;
}

static rf_status write_weights(const rf_ncnn_net *net, rf_atomic_file *file) {
    for (int i = 0; i < net->n_layers; i++) {
        const rf_ncnn_layer *layer = &net->layers[i];
        uint32_t flag = layer->half ? RF_NCNN_FLAG_HALF : RF_NCNN_FLAG_FLOAT;
        if (layer->n_weight && layer->type != RF_NCNN_Scale) RF_TRY(rf_atomic_write(file, &flag, sizeof flag));
        if (layer->half)
            RF_TRY(write_half(layer, file));
        else
            RF_TRY(rf_atomic_write(file, layer->weight, layer->n_weight * sizeof *layer->weight));
        RF_TRY(rf_atomic_write(file, layer->bias, layer->n_bias * sizeof *layer->bias));
    }
    return RF_OK;
}

/* Nothing is renamed before both files are written: on a full disk the former pair stays. */
static bool flushed(rf_atomic_file *file) {
    return fflush(rf_atomic_stream(file)) == 0 && !ferror(rf_atomic_stream(file));
}

rf_status rf_ncnn_write(const rf_ncnn_net *net, const char *param_path, const char *bin_path) {
    rf_atomic_file *param = NULL, *bin = NULL;
    rf_status status;
    RF_TRY_GOTO(rf_atomic_open(param_path, &param));
    RF_TRY_GOTO(rf_atomic_open(bin_path, &bin));
    RF_TRY_GOTO(write_weights(net, bin));
    RF_TRY_GOTO(write_text(net, param));
    if (flushed(param)) {
        status = rf_atomic_commit(bin);
        bin = NULL;
        if (status != RF_OK) goto fail;
    }
    status = rf_atomic_commit(param);
    param = NULL;
    if (status != RF_OK && !bin) remove(bin_path); /* it would stand beside another network's text */
fail:
    rf_atomic_abort(param);
    rf_atomic_abort(bin);
    return status;
}
