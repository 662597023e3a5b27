/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison with the values that scripts/golden_*.py wrote: trees of names and numbers, tests/golden/NAME.safetensors
 * (scripts/golden_file.py) or, where they are few, NAME.json. Shared by the float and the double build of the test. */
#ifndef RF_TESTS_GOLDEN_H
#define RF_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/real.h"
#include "core/json.h"

/* Number `index` of the stream `name`, in [-1,1): the same hash as numbers() in the script. */
double golden_number(const char *name, size_t index);

/* Reads tests/golden/FILE; fails the test when it is missing. golden_close the result before another is opened. */
rf_json *golden_open(const char *file);
void golden_close(rf_json *root);
/* A list of numbers, wherever it lies: how many, and one of them; the test fails where there is none. */
size_t golden_count(const rf_json *list);
double golden_at(const rf_json *list, size_t index);
double golden_get(const rf_json *object, const char *key);
const char *golden_text(const rf_json *object, const char *key);

/* Runs every op case of ops.safetensors; differences up to tolerance * (1 + |expected|). */
void golden_check_ops(double tolerance);

/* Runs a whole model: outputs of the first step, gradients of every parameter, losses of `steps` SGD steps. Tolerances
 * are relative to the norm of the array. */
typedef struct golden_tolerance {
    double outputs, grads, losses;
    int steps;
    bool like_float32; /* allow three times what PyTorch's own float32 differs from its double */
} golden_tolerance;
void golden_check_model(const char *file, const char *config_path, golden_tolerance tolerance);

#endif
