/* SPDX-License-Identifier: Apache-2.0 */
/* What a detector of the library holds of its model. Beside the public headers, whose rf_detector is another one than
 * layers/detector.h's, no file includes both. */
#ifndef RF_LIB_MODEL_H
#define RF_LIB_MODEL_H

#include <stdint.h>

#include "settings/classes.h"
#include "settings/settings.h"
#include "eval/finder.h"

typedef struct rf_lib_model {
    rf_params *params;
    rf_finder *finder;
    char *file;                      /* its path, or "the model in memory" */
    char *configuration;             /* all settings as a text */
    char *terms;                     /* of the data that it learnt from (data.terms); "": none are known */
    rf_classes classes;              /* what labels mean */
    char **meta_keys, **meta_values; /* what the file says of itself */
    size_t n_meta;
} rf_lib_model;

/* The file of a model by its name (include/rf/detector.h): a new string. */
rf_status rf_lib_model_find(const char *name, const char *const *folders, char **path);
/* Reads `path`, or, when data is not NULL, the file in memory. overrides as rf_config_parse takes them. Free with
 * rf_lib_model_free in every case. */
rf_status rf_lib_model_open(const char *path, const void *data, size_t bytes, const char *const *overrides,
                            size_t n_overrides, rf_lib_model *model);
void rf_lib_model_free(rf_lib_model *model);

#endif
