/* SPDX-License-Identifier: Apache-2.0 */
/* Models and configurations by name. A path is taken as it is; a run's folder is its best.safetensors, else its
 * last.safetensors; a bare name, with or without its suffix, is looked for in the current folder, in those of
 * $RF_MODELS or $RF_CONFIGS (separated by colons), in share/rf/ of the installation that this program belongs to, and
 * in the source tree that it was built in. Not thread safe. */
#ifndef RF_CLI_FIND_H
#define RF_CLI_FIND_H

#include <stdbool.h>

#include "core/status.h"

/* The model that `rf detect` takes when none is named. */
#define RF_FIND_DEFAULT_MODEL "face"

/* The path of a model or configuration; it lives until the program ends. A word with a folder or a suffix that is found
 * nowhere comes back as it is, and who opens it says what is wrong. NULL after a failure whose message says where was
 * looked: a bare name that is nowhere, a folder without a model. */
const char *rf_find_model(const char *word);
const char *rf_find_config(const char *word);

/* Whether a word that may also be a picture or a folder of pictures names a model: a file of weights by its suffix, a
 * run's folder, or a bare name that is found and is no file or folder here. */
bool rf_find_is_model(const char *word);

/* Calls fn for every configuration that is found by its bare name, in the order of search, each name once. */
typedef rf_status rf_find_fn(void *ctx, const char *name, const char *path);
rf_status rf_find_configs(rf_find_fn *fn, void *ctx);

#endif
