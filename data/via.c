/* SPDX-License-Identifier: Apache-2.0 */
#include "data/via.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct numbers {
    double x, y, width, height, cx, cy, r, rx, ry, theta;
    double xs[RF_TOOL_NUMBERS], ys[RF_TOOL_NUMBERS];
    size_t n_xs, n_ys;
} numbers;

static rf_status read_number(rf_json_walk *walk, numbers *v, const char *key, unsigned *have) {
    const struct {
        const char *key;
        double *to;
    } fields[] = {{"x", &v->x},   {"y", &v->y}, {"width", &v->width}, {"height", &v->height}, {"cx", &v->cx},
                  {"cy", &v->cy}, {"r", &v->r}, {"rx", &v->rx},       {"ry", &v->ry},         {"theta", &v->theta}};
    bool any;
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(key, fields[i].key) != 0) continue;
        RF_TRY(rf_tool_number(walk, fields[i].to, &any));
        if (any) *have |= 1u << i;
        return RF_OK;
    }
    if (strcmp(key, "all_points_x") == 0) return rf_tool_numbers(walk, v->xs, RF_TOOL_NUMBERS, &v->n_xs);
    if (strcmp(key, "all_points_y") == 0) return rf_tool_numbers(walk, v->ys, RF_TOOL_NUMBERS, &v->n_ys);
    return rf_walk_skip(walk);
}

/* theta is in radians. */
static bool take_round(rf_shape *shape, const numbers *v, const char *name, unsigned have) {
    if (strcmp(name, "circle") == 0 && (have & 0x70) == 0x70)
        rf_shape_ellipse(shape, v->cx, v->cy, v->r, v->r, 0);
    else if (strcmp(name, "ellipse") == 0 && (have & 0x1b0) == 0x1b0)
        rf_shape_ellipse(shape, v->cx, v->cy, v->rx, v->ry, v->theta * 57.29577951308232);
    else
        return false;
    return true;
}

static bool take_shape(rf_shape *shape, numbers *v, const char *name, unsigned have) {
    bool many = strcmp(name, "polygon") == 0 || strcmp(name, "polyline") == 0;
    if (strcmp(name, "rect") == 0 && (have & 15) == 15) {
        const double corners[4] = {v->x, v->y, v->x + v->width, v->y + v->height};
        rf_shape_around(shape, corners, 2);
        return true;
    }
    if (strcmp(name, "point") == 0 && (have & 0x30) == 0x30) {
        shape->point = true;
        shape->box[0] = v->cx;
        shape->box[1] = v->cy;
        return true;
    }
    if (!many) return take_round(shape, v, name, have);
    if (v->n_xs < 2 || v->n_xs != v->n_ys) return false;
    size_t n = v->n_xs < RF_TOOL_NUMBERS / 2 ? v->n_xs : RF_TOOL_NUMBERS / 2;
    double points[RF_TOOL_NUMBERS];
    for (size_t i = 0; i < n; i++) {
        points[2 * i] = v->xs[i];
        points[2 * i + 1] = v->ys[i];
    }
    rf_shape_around(shape, points, n);
    shape->no_box = strcmp(name, "polyline") == 0;
    return true;
}

rf_status rf_via_shape(rf_json_walk *walk, rf_shape *shape, bool *any) {
    numbers v;
    char key[RF_TOOL_KEY], name[RF_TOOL_KEY] = "";
    unsigned have = 0;
    bool more;
    memset(&v, 0, sizeof v);
    RF_TRY(rf_walk_enter(walk, '{'));
    *any = false;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        *any = true;
        if (strcmp(key, "name") == 0)
            RF_TRY(rf_tool_text(walk, name, sizeof name));
        else
            RF_TRY(read_number(walk, &v, key, &have));
    }
    if (!*any || take_shape(shape, &v, name, have)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: a shape of kind \"%.40s\" without its numbers", walk->path, walk->line, name);
}

static rf_status read_value(rf_json_walk *walk, char label[RF_SHAPE_LABEL]) {
    char key[RF_SHAPE_LABEL];
    bool more, set;
    if (rf_walk_kind(walk) != '{') return rf_tool_text(walk, label, RF_SHAPE_LABEL);
    RF_TRY(rf_walk_enter(walk, '{'));
    *label = 0;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        if (rf_walk_kind(walk) != 't') {
            RF_TRY(rf_walk_skip(walk));
            continue;
        }
        RF_TRY(rf_walk_flag(walk, &set));
        if (set && !*label) memcpy(label, key, sizeof key);
    }
}

rf_status rf_via_label(rf_json_walk *walk, char label[RF_SHAPE_LABEL]) {
    static const char *const names[] = {"label", "class", "name", "type", "category", "kind", "object"};
    enum { N = sizeof names / sizeof *names };
    char key[RF_TOOL_KEY], value[RF_SHAPE_LABEL];
    int best = N + 1;
    bool more;
    *label = 0;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        int rank = 0;
        while (rank < N && strcasecmp(key, names[rank]) != 0) rank++;
        RF_TRY(read_value(walk, value));
        if (rank >= best || !*value) continue;
        best = rank;
        memcpy(label, value, sizeof value);
    }
}
