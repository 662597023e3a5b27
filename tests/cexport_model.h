/* SPDX-License-Identifier: Apache-2.0 */
/* A model to export without training: random weights whose scores are spread out, so that rounding changes neither
 * their order nor what suppression keeps. */
#ifndef RF_TESTS_CEXPORT_MODEL_H
#define RF_TESTS_CEXPORT_MODEL_H

#include <stddef.h>

#include "core/status.h"

/* Writes it to `path`, as safetensors with its configuration: configs/demo.ini with `sets` ("model.channels=16"). The
 * heads are multiplied by factor: with 8 the demo's network has some hundred scores above 0.95. */
rf_status cexport_random_model(const char *path, double factor, const char *const *sets, size_t n_sets);

#endif
