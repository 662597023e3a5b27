/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON without a tree: a cursor that enters, reads or skips one value after the other. For files of any size of
 * which a part is wanted (the tree of core/json.h takes 190 bytes a number), and it knows the line it is in. Strict
 * RFC 8259, except that bytes above 0x7f are passed on as they are. Depth is limited. */
#ifndef RF_CORE_JSON_WALK_H
#define RF_CORE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef struct rf_json_walk {
    const char *path; /* for messages; borrowed, like the text */
    const char *at, *end;
    int line, depth;
    bool first; /* nothing was read yet in the container that was entered last */
} rf_json_walk;

/* Starts before the first value; a UTF-8 byte order mark is skipped. */
rf_json_walk rf_walk_begin(const char *path, const char *text, size_t bytes);

/* The kind of the next value: '{', '[', '"', '0' (number), 't' (true or false), 'n' (null), 0 (none of these). */
char rf_walk_kind(rf_json_walk *walk);

/* Enters an object or array: bracket is '{' or '['. Every failure is RF_ERR_FORMAT with file:line. */
rf_status rf_walk_enter(rf_json_walk *walk, char bracket);
/* Moves to the next member of the object that was entered last and copies its key, cut to key_bytes; *more is false
 * after the last one, which leaves the object. The value must then be read, entered or skipped. rf_walk_item is the
 * same for arrays. */
rf_status rf_walk_member(rf_json_walk *walk, char *key, size_t key_bytes, bool *more);
rf_status rf_walk_item(rf_json_walk *walk, bool *more);

/* One value. Numbers are finite. Strings are unescaped and 0-terminated; one that does not fit is refused. A flag is
 * true, false, 0 or 1 (other numbers: true) and false for null. */
rf_status rf_walk_number(rf_json_walk *walk, double *out);
rf_status rf_walk_string(rf_json_walk *walk, char *out, size_t bytes);
rf_status rf_walk_flag(rf_json_walk *walk, bool *out);
rf_status rf_walk_skip(rf_json_walk *walk);
/* Passes over one value by its quotes and brackets alone, whatever stands between them (NaN, a comma too many), so that
 * one broken entry need not end the whole. Fails only where the text ends first. */
rf_status rf_walk_skip_broken(rf_json_walk *walk);

/* Nothing but white space may be left. */
rf_status rf_walk_finish(rf_json_walk *walk);

/* RF_ERR_FORMAT: "path:line: expected WHAT". */
rf_status rf_walk_expected(const rf_json_walk *walk, const char *what);

#endif
