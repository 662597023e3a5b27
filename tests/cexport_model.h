/* A model to export without training: the demo's network with random weights whose scores are spread out, so that
 * rounding changes neither their order nor what suppression keeps. */
#ifndef RF_TESTS_CEXPORT_MODEL_H
#define RF_TESTS_CEXPORT_MODEL_H

#include "core/status.h"

/* Writes it to `path`, as safetensors with its configuration. */
rf_status cexport_random_model(const char *path);

#endif
