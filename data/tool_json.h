/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of labelling tools' JSON share. */
#ifndef RF_DATA_TOOL_JSON_H
#define RF_DATA_TOOL_JSON_H

#include "core/json_walk.h"
#include "data/intake.h"
#include "data/shapes.h"

enum { RF_TOOL_KEY = 64, RF_TOOL_NAME = 2048, RF_TOOL_NUMBERS = 4096 };

/* The next value as text: a string, a number, true or false; "" for null, arrays and objects. Longer ones are cut. */
rf_status rf_tool_text(rf_json_walk *walk, char *out, size_t bytes);
/* A number, also one that is written as text; false in *any for null. */
rf_status rf_tool_number(rf_json_walk *walk, double *out, bool *any);
/* All numbers of an array of numbers or of arrays of them ([[x, y], ...]), at most `room`; more are skipped, but
 * counted in *n. */
rf_status rf_tool_numbers(rf_json_walk *walk, double *out, size_t room, size_t *n);
/* A size in pixels; 0 for one that is none. */
int rf_tool_size(double value);

/* One entry of a list: calls fn; when that fails as a wrong form, the entry is told and passed over. */
typedef rf_status (*rf_tool_item)(void *ctx, rf_json_walk *walk);
rf_status rf_tool_each(rf_json_walk *walk, rf_intake *intake, rf_convert_reason reason, rf_tool_item fn, void *ctx);

#endif
