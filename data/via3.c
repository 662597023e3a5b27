/* SPDX-License-Identifier: Apache-2.0 */
/* VIA 3's projects: "metadata" {"1_x": {"vid": "1", "xy": [2, x, y, w, h], "av": {"1": "0"}}} of "view" {"1":
 * {"fid_list":
 * ["1"]}} of "file" {"1": {"fname": "a.jpg"}}, with the values of "attribute" {"1": {"aname", "options": {"0":
 * "face"}}}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/sniff.h"
#include "data/via.h"

enum { ID = 64, RECT = 2, CIRCLE, ELLIPSE, LINE, POLYLINE, POLYGON, EXTREME_RECT, EXTREME_CIRCLE };

typedef struct pair { /* a view and its image, or an option of an attribute and its name */
    char key[2 * ID];
    char value[RF_SHAPE_LABEL];
    size_t image; /* of a view */
} pair;

typedef struct pairs {
    pair *v;
    size_t n;
} pairs;

typedef struct view_shape {
    size_t image;
    rf_shape shape;
} view_shape;

typedef struct via3 {
    rf_intake *intake;
    pairs files, views, options;
    view_shape *shapes;
    size_t n_shapes;
    char key[ID]; /* of the member that is read */
} via3;

static rf_status add_pair(pairs *p, const char *key, const char *value, size_t image) {
    size_t n = p->n;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        pair *grown = rf_realloc(p->v, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        p->v = grown;
    }
    pair *to = &p->v[p->n++];
    *to = (pair){.image = image};
    snprintf(to->key, sizeof to->key, "%s", key);
    snprintf(to->value, sizeof to->value, "%s", value);
    return RF_OK;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const pair *)a)->key, ((const pair *)b)->key);
}

static void sort(pairs *p) {
    if (p->n) qsort(p->v, p->n, sizeof *p->v, by_key);
}

static const pair *find(const pairs *p, const char *key) {
    pair want;
    snprintf(want.key, sizeof want.key, "%s", key);
    return p->n ? bsearch(&want, p->v, p->n, sizeof *p->v, by_key) : NULL;
}

typedef rf_status (*member_fn)(via3 *v, rf_json_walk *walk, const char *key);

/* Calls fn for the members of the object that comes next; other values are skipped. */
static rf_status members(via3 *v, rf_json_walk *walk, member_fn fn) {
    char key[ID];
    bool more;
    if (rf_walk_kind(walk) != '{') return rf_walk_skip(walk);
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        RF_TRY(fn(v, walk, key));
    }
}

static rf_status file_member(via3 *v, rf_json_walk *walk, const char *key) {
    char name[RF_TOOL_NAME];
    if (strcmp(key, "fname") != 0) return rf_walk_skip(walk);
    int line = walk->line;
    RF_TRY(rf_tool_text(walk, name, sizeof name));
    rf_status status = rf_intake_add_image(v->intake, name, strlen(name), NULL, 0, line);
    if (status == RF_OK) return add_pair(&v->files, v->key, "", v->intake->n_images - 1);
    return rf_intake_skip(v->intake, status, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, line);
}

static rf_status read_file(via3 *v, rf_json_walk *walk, const char *key) {
    snprintf(v->key, sizeof v->key, "%s", key);
    return members(v, walk, file_member);
}

static rf_status view_member(via3 *v, rf_json_walk *walk, const char *key) {
    char fid[ID];
    bool more;
    if (strcmp(key, "fid_list") != 0 || rf_walk_kind(walk) != '[') return rf_walk_skip(walk);
    RF_TRY(rf_walk_enter(walk, '['));
    for (size_t i = 0;; i++) {
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(rf_tool_text(walk, fid, sizeof fid));
        const pair *file = i ? NULL : find(&v->files, fid); /* a view of several files is for comparing them */
        if (file) RF_TRY(add_pair(&v->views, v->key, "", file->image));
    }
}

static rf_status read_view(via3 *v, rf_json_walk *walk, const char *key) {
    snprintf(v->key, sizeof v->key, "%s", key);
    return members(v, walk, view_member);
}

static rf_status option(via3 *v, rf_json_walk *walk, const char *key) {
    char id[2 * ID], name[RF_SHAPE_LABEL];
    RF_TRY(rf_tool_text(walk, name, sizeof name));
    snprintf(id, sizeof id, "%.60s/%.60s", v->key, key);
    return add_pair(&v->options, id, name, 0);
}

static rf_status attribute_member(via3 *v, rf_json_walk *walk, const char *key) {
    return strcmp(key, "options") == 0 ? members(v, walk, option) : rf_walk_skip(walk);
}

static rf_status read_attribute(via3 *v, rf_json_walk *walk, const char *key) {
    snprintf(v->key, sizeof v->key, "%s", key);
    return members(v, walk, attribute_member);
}

/* The value of the first attribute that has one: an option's name, or the text itself. */
static rf_status read_values(via3 *v, rf_json_walk *walk, char label[RF_SHAPE_LABEL]) {
    char key[ID], value[RF_SHAPE_LABEL], id[2 * ID];
    bool more;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        RF_TRY(rf_tool_text(walk, value, sizeof value));
        snprintf(id, sizeof id, "%.60s/%.60s", key, value);
        const pair *name = find(&v->options, id);
        if (!*label && *value) snprintf(label, RF_SHAPE_LABEL, "%s", name ? name->value : value);
    }
}

/* xy: the kind of shape, then its numbers. */
static bool take_shape(rf_shape *s, const double *xy, size_t n) {
    const double *p = xy + 1;
    size_t room = n < RF_TOOL_NUMBERS ? n : RF_TOOL_NUMBERS;
    int kind = (int)xy[0];
    if ((kind == RECT || kind == EXTREME_RECT) && n >= 5) {
        const double corners[4] = {p[0], p[1], p[0] + p[2], p[1] + p[3]};
        rf_shape_around(s, corners, 2);
    } else if ((kind == CIRCLE || kind == EXTREME_CIRCLE) && n >= 4) {
        rf_shape_ellipse(s, p[0], p[1], p[2], p[2], 0);
    } else if (kind == ELLIPSE && n >= 5) {
        rf_shape_ellipse(s, p[0], p[1], p[2], p[3], 0);
    } else if (kind == POLYGON && room >= 5) {
        rf_shape_around(s, p, (room - 1) / 2);
    } else if (kind == 1 && n >= 3) {
        s->point = true;
        s->box[0] = p[0];
        s->box[1] = p[1];
    } else {
        s->no_box = true;
        return kind == LINE || kind == POLYLINE;
    }
    return true;
}

static rf_status add_shape(via3 *v, const rf_shape *shape, size_t image) {
    size_t n = v->n_shapes;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        view_shape *grown = rf_realloc(v->shapes, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        v->shapes = grown;
    }
    v->shapes[v->n_shapes++] = (view_shape){image, *shape};
    return RF_OK;
}

static rf_status read_metadata(void *ctx, rf_json_walk *walk) {
    via3 *v = ctx;
    char key[ID], vid[ID] = "";
    double xy[RF_TOOL_NUMBERS];
    size_t n = 0;
    bool more;
    rf_shape shape = {0};
    RF_TRY(rf_walk_enter(walk, '{'));
    shape.line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        char kind = rf_walk_kind(walk);
        if (strcmp(key, "vid") == 0)
            RF_TRY(rf_tool_text(walk, vid, sizeof vid));
        else if (strcmp(key, "xy") == 0 && kind == '[')
            RF_TRY(rf_tool_numbers(walk, xy, RF_TOOL_NUMBERS, &n));
        else if (strcmp(key, "av") == 0 && kind == '{')
            RF_TRY(read_values(v, walk, shape.label));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    if (n == 0) return RF_OK; /* it speaks of the file as a whole */
    if (!take_shape(&shape, xy, n))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a shape of kind %g without its numbers", walk->path, shape.line, xy[0]);
    const pair *view = find(&v->views, vid);
    if (view) return add_shape(v, &shape, view->image);
    v->intake->n_dangling++;
    return RF_OK;
}

static rf_status read_all_metadata(via3 *v, rf_json_walk *walk) {
    return rf_tool_each(walk, v->intake, RF_CONVERT_WRONG_FACE, read_metadata, v);
}

static rf_status read_files(via3 *v, rf_json_walk *walk) {
    return members(v, walk, read_file);
}

static rf_status read_views(via3 *v, rf_json_walk *walk) {
    return members(v, walk, read_view);
}

static rf_status read_attributes(via3 *v, rf_json_walk *walk) {
    return members(v, walk, read_attribute);
}

/* One member of the root; the sections may stand in any order, so each is looked for. */
static rf_status section(via3 *v, const rf_source *source, const char *name, rf_status (*fn)(via3 *, rf_json_walk *)) {
    rf_json_walk walk = rf_walk_begin(source->path, source->text, source->bytes);
    char key[ID];
    bool more;
    RF_TRY(rf_walk_enter(&walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(&walk, key, sizeof key, &more));
        if (!more) return rf_walk_finish(&walk);
        RF_TRY(strcmp(key, name) == 0 ? fn(v, &walk) : rf_walk_skip(&walk));
    }
}

static int by_image(const void *a, const void *b) {
    const view_shape *p = a, *q = b;
    if (p->image != q->image) return p->image < q->image ? -1 : 1;
    return (p->shape.line > q->shape.line) - (p->shape.line < q->shape.line);
}

static rf_status flush_all(via3 *v) {
    rf_shapes shapes = {0};
    rf_status status = RF_OK;
    if (v->n_shapes) qsort(v->shapes, v->n_shapes, sizeof *v->shapes, by_image);
    for (size_t i = 0; status == RF_OK && i < v->n_shapes; i++) {
        status = rf_shapes_add(&shapes, &v->shapes[i].shape);
        bool last = i + 1 == v->n_shapes || v->shapes[i + 1].image != v->shapes[i].image;
        if (status == RF_OK && last) status = rf_shapes_flush(&shapes, v->intake, v->shapes[i].image);
    }
    rf_shapes_free(&shapes);
    return status;
}

rf_status rf_via3_read(const rf_source *source, rf_intake *intake) {
    via3 v = {.intake = intake};
    rf_status status = section(&v, source, "file", read_files);
    sort(&v.files);
    if (status == RF_OK) status = section(&v, source, "view", read_views);
    sort(&v.views);
    if (status == RF_OK) status = section(&v, source, "attribute", read_attributes);
    sort(&v.options);
    if (status == RF_OK) status = section(&v, source, "metadata", read_all_metadata);
    if (status == RF_OK) status = flush_all(&v);
    rf_free(v.files.v);
    rf_free(v.views.v);
    rf_free(v.options.v);
    rf_free(v.shapes);
    return status;
}

bool rf_is_via3(const char *text, size_t bytes) {
    static const char *const keys[] = {"project", "file", "metadata", "view", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 15;
}
