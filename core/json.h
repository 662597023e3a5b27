/* SPDX-License-Identifier: Apache-2.0 */
/* JSON, reading through cJSON and writing through a small builder. Numbers are printed with "%.9g" so that floats read
 * back unchanged; NaN and infinity become null. */
#ifndef RF_CORE_JSON_H
#define RF_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"

/* Reading: a tree owned by the root. Depth (1000) and size (1 GB) are limited; RF_ERR_FORMAT tells the byte offset.
 * Safe from several threads; a tree may be read by many. */
typedef struct rf_json rf_json; /* opaque: one node */
rf_status rf_json_parse(const char *text, size_t bytes, rf_json **root);
void rf_json_free(rf_json *root);
/* Members and elements; NULL when absent or of another type. */
const rf_json *rf_json_get(const rf_json *object, const char *key);
const rf_json *rf_json_at(const rf_json *array, size_t index);
size_t rf_json_size(const rf_json *array_or_object);
/* First child and next sibling, for walking; key is NULL in arrays. */
const rf_json *rf_json_first(const rf_json *array_or_object);
const rf_json *rf_json_next(const rf_json *node);
const char *rf_json_key(const rf_json *node);
/* Typed contents: false when the node is NULL or of another type; numbers that overflow a double count as no number. */
bool rf_json_number(const rf_json *node, double *out);
bool rf_json_string(const rf_json *node, const char **out);
bool rf_json_is_object(const rf_json *node);
bool rf_json_is_array(const rf_json *node);

/* Writing: start from a zeroed rf_json_writer; errors (memory) are sticky and told by rf_json_finish. key NULL inside
 * arrays. The text is always valid UTF-8: a byte of a string that is not is written as the four characters \xff, as
 * messages show it (core/show.h); what would steer a terminal is written as \u001b and reads back unchanged. */
typedef struct rf_json_writer {
    int depth;
    bool comma; /* the next element needs one in front */
    rf_text out;
} rf_json_writer;
void rf_json_begin_object(rf_json_writer *w, const char *key);
void rf_json_end_object(rf_json_writer *w);
void rf_json_begin_array(rf_json_writer *w, const char *key);
void rf_json_end_array(rf_json_writer *w);
void rf_json_put_number(rf_json_writer *w, const char *key, double value);
void rf_json_put_int(rf_json_writer *w, const char *key, long long value);
void rf_json_put_string(rf_json_writer *w, const char *key, const char *value);
/* Whether a text is valid UTF-8, which JSON can hold unchanged. */
bool rf_json_is_utf8(const char *text);
void rf_json_put_bool(rf_json_writer *w, const char *key, bool value);
/* The finished text (rf_free it), or RF_ERR_NOMEM. The writer is empty afterwards. */
rf_status rf_json_finish(rf_json_writer *w, char **text);

/* Of the cJSON that runs. */
const char *rf_json_version(void);

#endif
