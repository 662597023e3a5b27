/* SPDX-License-Identifier: Apache-2.0 */
/* What labelling tools write: byte 0 chooses the reader. Every text is also told by its looks. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/sniff.h"
#include "data/yaml_names.h"
#include "tests/fuzz/harness.h"

static void read_names(const uint8_t *data, size_t size) {
    char *text = rf_alloc(size + 1, 1); /* a 0 byte follows, as for every reader */
    if (!text) exit(1);
    memcpy(text, data, size);
    rf_source source = {.path = "fuzz", .text = text, .bytes = size, .name = "data.yaml"};
    rf_intake intake = {0};
    harness_begin();
    harness_end(rf_yaml_names(&source, &intake));
    rf_intake_free(&intake);
    rf_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"labelme", "createml", "labelstudio", "via",   "cvat",
                                          "dlib",    "labelv2",  "keras",       "opencv"};
    enum { N = sizeof formats / sizeof *formats };
    if (size < 1) return 0;
    uint8_t *copy = harness_copy(data + 1, size - 1);
    rf_sniffed sniffed = rf_sniff_text((const char *)copy, size - 1);
    harness_touch(&sniffed, sizeof sniffed);
    rf_free(copy);
    if (*data % (N + 1) == N)
        read_names(data + 1, size - 1);
    else
        harness_convert(formats[*data % (N + 1)], data + 1, size - 1);
    return 0;
}
