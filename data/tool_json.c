/* SPDX-License-Identifier: Apache-2.0 */
#include "data/tool_json.h"

#include <stdio.h>
#include <string.h>

#include "data/annotation.h"

rf_status rf_tool_text(rf_json_walk *walk, char *out, size_t bytes) {
    double number;
    bool flag;
    *out = 0;
    switch (rf_walk_kind(walk)) {
    case '"': {
        char all[RF_TOOL_NAME];
        RF_TRY(rf_walk_string(walk, all, sizeof all));
        snprintf(out, bytes, "%s", all);
        return RF_OK;
    }
    case '0':
        RF_TRY(rf_walk_number(walk, &number));
        snprintf(out, bytes, "%.15g", number);
        return RF_OK;
    case 't':
        RF_TRY(rf_walk_flag(walk, &flag));
        snprintf(out, bytes, "%s", flag ? "true" : "false");
        return RF_OK;
    default:
        return rf_walk_skip(walk);
    }
}

rf_status rf_tool_number(rf_json_walk *walk, double *out, bool *any) {
    char word[64];
    char kind = rf_walk_kind(walk);
    *any = kind != 'n';
    if (kind == '0') return rf_walk_number(walk, out);
    if (kind != '"') return kind == 'n' ? rf_walk_skip(walk) : rf_walk_expected(walk, "a number");
    rf_json_walk begin = *walk;
    RF_TRY(rf_walk_string(walk, word, sizeof word));
    if (rf_number_parse(word, out)) return RF_OK;
    return rf_walk_expected(&begin, "a number");
}

rf_status rf_tool_numbers(rf_json_walk *walk, double *out, size_t room, size_t *n) {
    bool more, any;
    RF_TRY(rf_walk_enter(walk, '['));
    for (;;) {
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        if (rf_walk_kind(walk) == '[') {
            RF_TRY(rf_tool_numbers(walk, out, room, n));
            continue;
        }
        double value = 0;
        RF_TRY(rf_tool_number(walk, &value, &any));
        if (!any) return rf_walk_expected(walk, "a number instead of null");
        if (*n < room) out[*n] = value;
        ++*n;
    }
}

int rf_tool_size(double value) {
    return value > 0 && value <= 1e9 ? (int)value : 0;
}

rf_status rf_tool_each(rf_json_walk *walk, rf_intake *intake, rf_convert_reason reason, rf_tool_item fn, void *ctx) {
    char key[RF_TOOL_KEY];
    bool more, object = rf_walk_kind(walk) == '{';
    RF_TRY(rf_walk_enter(walk, object ? '{' : '['));
    for (;;) {
        RF_TRY(object ? rf_walk_member(walk, key, sizeof key, &more) : rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        rf_json_walk begin = *walk;
        rf_status status = fn(ctx, walk);
        if (status == RF_ERR_FORMAT) {
            RF_TRY(rf_intake_skip(intake, status, reason, RF_NO_IMAGE, begin.line));
            *walk = begin;
            status = rf_walk_skip_broken(walk);
        }
        RF_TRY(status);
    }
}
