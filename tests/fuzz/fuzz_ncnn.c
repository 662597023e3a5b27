/* SPDX-License-Identifier: Apache-2.0 */
/* ncnn networks: the text up to the first 0 byte, then the weights. What is read must be sound. */
#include <assert.h>
#include <string.h>

#include "core/mem.h"
#include "export/ncnn.h"
#include "tests/fuzz/harness.h"

static void check(const rf_ncnn_net *net) {
    for (int i = 0; i < net->n_layers; i++) {
        const rf_ncnn_layer *l = &net->layers[i];
        assert(l->n_in >= 0 && l->n_in <= RF_NCNN_ENDS && l->n_out > 0 && l->n_out <= RF_NCNN_ENDS && *l->name);
        for (int k = 0; k < l->n_in; k++) assert(l->in[k] >= 0 && l->in[k] < net->n_blobs);
        for (int k = 0; k < l->n_out; k++) assert(l->out[k] >= 0 && l->out[k] < net->n_blobs);
        harness_touch(l->weight, l->n_weight * sizeof *l->weight);
        harness_touch(l->bias, l->n_bias * sizeof *l->bias);
    }
    for (int i = 0; i < net->n_blobs; i++) assert(rf_ncnn_blob_find(net, net->blobs[i]) == i);
    assert(rf_ncnn_check("fuzz", net) == RF_OK && rf_ncnn_compare("fuzz", net, net) == RF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t text_bytes = zero ? (size_t)(zero - data) : size, bin_bytes = zero ? size - text_bytes - 1 : 0;
    uint8_t *text = harness_copy(data, text_bytes), *bin = harness_copy(zero ? zero + 1 : data, bin_bytes);
    rf_ncnn_net net;
    harness_begin();
    rf_status status = rf_ncnn_parse("fuzz.param", (const char *)text, text_bytes, "fuzz.bin", bin, bin_bytes, &net);
    harness_end(status);
    if (status == RF_OK) check(&net);
    rf_ncnn_net_free(&net);
    rf_free(text);
    rf_free(bin);
    return 0;
}
