/* SPDX-License-Identifier: Apache-2.0 */
/* MXNet's .params files, and the translation of their names. Byte 0 = 'f': the rest is the file. Else the rest is what
 * follows the list's magic number. What is read is loaded into a small network. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/mxnet_file.h"
#include "core/text.h"
#include "layers/detector.h"
#include "layers/weights.h"
#include "tests/fuzz/harness.h"

static rf_params *network(void) {
    static rf_params *params;
    rf_config config;
    if (params) return params;
    rf_config_defaults(&config);
    config.model.channels = 8;
    if (rf_detector_params(&config, &params) != RF_OK) exit(1);
    return params;
}

static void check(const rf_st_file *file) {
    for (size_t i = 0; i < file->count; i++) {
        const rf_st_tensor *t = &file->tensors[i];
        size_t bytes = rf_dtype_bytes(t->dtype);
        for (int d = 0; d < t->n_dims; d++) bytes *= t->dims[d];
        assert(bytes == t->bytes && (uintptr_t)t->data % 8 == 0);
        harness_touch(t->data, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t head[16] = {0x12, 1};
    rf_text text = {0};
    if (size < 1) return 0;
    if (*data != 'f') rf_text_put_bytes(&text, (const char *)head, sizeof head);
    rf_text_put_bytes(&text, (const char *)data + 1, size - 1);
    uint8_t *copy = harness_copy((const uint8_t *)text.text, text.used);
    rf_st_file *file;
    harness_begin();
    rf_status status = rf_mxnet_parse("fuzz", copy, text.used, &file);
    harness_end(status);
    assert((status == RF_OK) == (file != NULL));
    rf_text_clear(&text);
    if (!file) return 0;
    check(file);
    rf_weights_report report = {0};
    harness_begin();
    status = rf_weights_apply("fuzz", file, network(), &report);
    harness_end(status);
    if (status == RF_OK) assert(report.matched && report.matched + report.n_missing == network()->count);
    rf_weights_report_free(&report);
    rf_st_free(file);
    return 0;
}
