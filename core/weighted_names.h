/* SPDX-License-Identifier: Apache-2.0 */
/* A setting that is a list of names with weights: "name, name:weight, ...", blanks allowed around each. */
#ifndef RF_CORE_WEIGHTED_NAMES_H
#define RF_CORE_WEIGHTED_NAMES_H

#include "core/status.h"

/* Gets each name in its order, with its weight of 0 to 1000, 1 where it has none. The name is borrowed for the call. */
typedef rf_status rf_weighted_name_fn(void *ctx, const char *name, double weight);

/* key: "loss.terms", which messages begin with; value: shorter than RF_TEXT_BYTES (core/config.h), "" is an empty list.
 * RF_ERR_USER: an item without a name, a weight that is no such number; or what fn returns. Thread safe. */
rf_status rf_weighted_names_read(const char *key, const char *value, rf_weighted_name_fn *fn, void *ctx);

#endif
