/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX models as rf-export verifies them: reading refuses or gives a model whose every byte is there. */
#include <string.h>

#include "export/onnx_model.h"
#include "tests/fuzz/harness.h"

static void touch_text(const char *text) {
    if (text) harness_touch(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rf_onnx_model m;
    harness_begin();
    rf_status status = rf_onnx_read(harness_file(0, data, size), &m);
    harness_end(status);
    for (int i = 0; status == RF_OK && i < m.n_tensors; i++) {
        touch_text(m.tensors[i].name);
        harness_touch(m.tensors[i].data, m.tensors[i].bytes);
    }
    for (int i = 0; status == RF_OK && i < m.n_nodes; i++)
        for (int k = 0; k < m.nodes[i].n_inputs; k++) touch_text(m.nodes[i].inputs[k]);
    if (status == RF_OK) rf_onnx_compare("model", &m, &m);
    rf_onnx_free(&m);
    return 0;
}
