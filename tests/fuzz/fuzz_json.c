/* SPDX-License-Identifier: Apache-2.0 */
/* JSON texts: every node of what was read is visited and written again; the copy must be read, too. */
#include <assert.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "tests/fuzz/harness.h"

static void copy_node(const rf_json *node, const char *key, rf_json_writer *w) {
    double number;
    const char *string;
    bool object = rf_json_is_object(node);
    if (object || rf_json_is_array(node)) {
        size_t n = 0;
        object ? rf_json_begin_object(w, key) : rf_json_begin_array(w, key);
        for (const rf_json *child = rf_json_first(node); child; child = rf_json_next(child), n++) {
            assert((rf_json_key(child) != NULL) == object);
            if (object) assert(rf_json_get(node, rf_json_key(child)));
            copy_node(child, rf_json_key(child), w);
        }
        assert(n == rf_json_size(node) && !rf_json_at(node, n));
        object ? rf_json_end_object(w) : rf_json_end_array(w);
    } else if (rf_json_number(node, &number)) {
        rf_json_put_number(w, key, number);
    } else if (rf_json_string(node, &string)) {
        rf_json_put_string(w, key, string);
    } else {
        rf_json_put_bool(w, key, true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *text = harness_copy(data, size);
    rf_json *root = NULL, *again = NULL;
    harness_begin();
    rf_status status = rf_json_parse((const char *)text, size, &root);
    harness_end(status);
    if (status == RF_OK) {
        rf_json_writer w = {0};
        char *copy;
        copy_node(root, NULL, &w);
        assert(rf_json_finish(&w, &copy) == RF_OK);
        assert(rf_json_parse(copy, strlen(copy), &again) == RF_OK);
        rf_json_free(again);
        rf_json_free(root);
        rf_free(copy);
    }
    rf_free(text);
    return 0;
}
