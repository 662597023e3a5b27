/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/safetensors.h"
#include "autograd/exec.h"

double golden_number(const char *name, size_t index) {
    uint32_t x = (uint32_t)rf_hash_name(name) + (uint32_t)index;
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    x ^= x >> 16;
    return (double)(x >> 8) / 8388608.0 - 1.0;
}

static rf_st_file *opened; /* whose lists are in its tensor "numbers"; NULL: a file of JSON */

static rf_json *parse(const char *text, size_t bytes) {
    rf_json *root = NULL;
    if (rf_json_parse(text, bytes, &root) != RF_OK) fail_msg("%s", rf_error_message());
    return root;
}

rf_json *golden_open(const char *file) {
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s", file);
    assert_null(opened);
    if (strstr(file, ".safetensors")) {
        if (rf_st_read(path, &opened) != RF_OK) fail_msg("%s", rf_error_message());
        const char *text = rf_st_meta(opened, "golden");
        assert_non_null(text);
        return parse(text, strlen(text));
    }
    uint8_t *data = NULL;
    size_t size = 0;
    if (rf_file_read(path, 0, &data, &size) != RF_OK) fail_msg("%s", rf_error_message());
    rf_json *root = parse((const char *)data, size);
    rf_free(data);
    return root;
}

void golden_close(rf_json *root) {
    rf_json_free(root);
    rf_st_free(opened);
    opened = NULL;
}

/* The numbers of a text "@FIRST+COUNT"; NULL: the list is JSON's own. */
static const double *in_tensor(const rf_json *list, size_t *count) {
    const char *text;
    if (!rf_json_string(list, &text)) return NULL;
    const rf_st_tensor *numbers = opened ? rf_st_find(opened, "numbers") : NULL;
    size_t first = 0;
    assert_non_null(numbers);
    assert_true(numbers->dtype == RF_F64 && sscanf(text, "@%zu+%zu", &first, count) == 2 &&
                first + *count <= numbers->bytes / sizeof(double));
    return (const double *)numbers->data + first;
}

size_t golden_count(const rf_json *list) {
    size_t count;
    return in_tensor(list, &count) ? count : rf_json_size(list);
}

double golden_at(const rf_json *list, size_t index) {
    size_t count;
    double value = 0;
    const double *numbers = in_tensor(list, &count);
    if (numbers) assert_true(index < count);
    if (!numbers && !rf_json_number(rf_json_at(list, index), &value)) fail_msg("golden file: no number %zu", index);
    return numbers ? numbers[index] : value;
}

double golden_get(const rf_json *object, const char *key) {
    double value = 0;
    if (!rf_json_number(rf_json_get(object, key), &value)) fail_msg("golden file: no number '%s'", key);
    return value;
}

const char *golden_text(const rf_json *object, const char *key) {
    const char *text = NULL;
    if (!rf_json_string(rf_json_get(object, key), &text)) fail_msg("golden file: no text '%s'", key);
    return text;
}

/* ---- ops ---- */

static rf_shape shape_of(const rf_json *dims) {
    rf_shape shape = {(int)rf_json_size(dims), {0}};
    for (int i = 0; i < shape.n; i++) shape.d[i] = (int)golden_at(dims, (size_t)i);
    return shape;
}

/* Column i % 6 of a row of boxes: image -1..1, level 0 or 1, corners. */
static double box_column(size_t i, double v) {
    if (i % 6 == 0) return floor((v + 1) * 1.5) - 1;
    if (i % 6 == 1) return floor(v + 1);
    return i % 6 < 4 ? v * 5 + 3 : v * 6 + 14;
}

static void fill_input(const rf_json *entry, rf_real *data, size_t count) {
    const char *name = golden_text(entry, "name"), *kind = golden_text(entry, "kind");
    const rf_json *given = rf_json_get(entry, "values");
    for (size_t i = 0; i < count; i++) {
        double v = golden_number(name, i);
        if (strchr(kind, 'p')) v = fabs(v) + 0.5;
        if (strchr(kind, 'l')) v = floor((v + 1) * 1.5) - 1;
        if (given) v = golden_at(given, i);
        if (strchr(kind, 'r')) v = box_column(i, v);
        data[i] = (rf_real)v;
    }
}

static void compare(const char *op, int number, const char *what, const rf_json *expected, const rf_real *got,
                    double tolerance) {
    size_t count = golden_count(expected);
    for (size_t i = 0; i < count; i++) {
        double want = golden_at(expected, i);
        if (!(fabs((double)got[i] - want) <= tolerance * (1 + fabs(want))))
            fail_msg("%s (case %d): %s[%zu] is %.9g, PyTorch has %.9g", op, number, what, i, (double)got[i], want);
    }
    assert_true(count > 0);
}

enum { MAX_INPUTS = 8 };

static void check_case(const rf_json *item, double tolerance) {
    const char *op = golden_text(item, "op");
    int number = (int)golden_get(item, "number"), n = 0;
    rf_graph *g = rf_graph_new();
    rf_value in[MAX_INPUTS];
    rf_real *data[MAX_INPUTS], *grad[MAX_INPUTS];
    const rf_json *inputs = rf_json_get(item, "inputs");
    for (const rf_json *e = rf_json_first(inputs); e; e = rf_json_next(e), n++) {
        data[n] = grad[n] = NULL;
        in[n] = RF_NONE;
        if (strcmp(golden_text(e, "kind"), "-") == 0) continue;
        rf_shape shape = shape_of(rf_json_get(e, "shape"));
        size_t count = rf_shape_count(&shape);
        data[n] = rf_alloc(count, sizeof(rf_real));
        grad[n] = rf_alloc(count, sizeof(rf_real));
        fill_input(e, data[n], count);
        bool trained = strcmp(golden_text(e, "kind"), "n") == 0;
        in[n] = trained ? rf_graph_param(g, "p", shape, data[n], grad[n]) : rf_graph_state(g, "s", shape, data[n]);
    }
    rf_value out = rf_graph_apply(g, op, in, n, "%s", golden_text(item, "attrs"));
    rf_graph_keep(g, out);
    if (rf_graph_backward(g, &out, 1) != RF_OK) fail_msg("%s (case %d): %s", op, number, rf_error_message());
    rf_exec *exec = rf_exec_new(g, NULL);
    assert_non_null(exec);
    assert_int_equal(rf_exec_forward(exec, true), RF_OK);
    compare(op, number, "output", rf_json_get(item, "output"), rf_exec_data(exec, out), tolerance);
    rf_shape shape = rf_graph_shape(g, out);
    char seed[64];
    snprintf(seed, sizeof seed, "%s.%d.seed", op, number);
    for (size_t i = 0; shape.n && i < rf_shape_count(&shape); i++)
        rf_exec_grad(exec, out)[i] = (rf_real)golden_number(seed, i);
    assert_int_equal(rf_exec_backward(exec, false), RF_OK);
    n = 0;
    for (const rf_json *e = rf_json_first(inputs); e; e = rf_json_next(e), n++) {
        char what[32];
        snprintf(what, sizeof what, "gradient of input %d", n);
        if (rf_json_get(e, "grad")) compare(op, number, what, rf_json_get(e, "grad"), grad[n], tolerance);
        rf_free(data[n]);
        rf_free(grad[n]);
    }
    rf_exec_free(exec);
    rf_graph_free(g);
}

void golden_check_ops(double tolerance) {
    rf_json *root = golden_open("ops.safetensors");
    size_t n = 0;
    for (const rf_json *item = rf_json_first(rf_json_get(root, "cases")); item; item = rf_json_next(item), n++)
        check_case(item, tolerance);
    assert_true(n >= 41);
    golden_close(root);
}
