/* SPDX-License-Identifier: Apache-2.0 */
/* Label Studio's JSON and JSON-MIN exports: an array of tasks with "data" (the picture's address) and "annotations" of
 * "result"s, or in JSON-MIN the results themselves. All numbers are percents of the picture's size: a rectangle by its
 * corner, turned clockwise about it; an ellipse by its middle and radii; a polygon by points; key points that are
 * called as landmarks belong to the region that is their parent, or else to the smallest box that holds them. Of
 * several annotations of a task the first that was not cancelled counts. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "data/convert.h"
#include "data/image_name.h"
#include "data/sniff.h"
#include "data/tool_json.h"

enum { PREFIX = 9 }; /* "1a2b3c4d-", which Label Studio puts before the names of uploaded files */

typedef struct studio {
    const rf_source *source;
    rf_intake *intake;
    rf_shapes shapes;
    char name[RF_TOOL_NAME], any_name[RF_TOOL_NAME];
    double size[2];
    size_t n_annotations; /* that were not cancelled */
    bool min;
} studio;

/* A result: numbers of its region, wherever they stand. */
typedef struct region {
    double x, y, width, height, rotation, rx, ry, size[2];
    unsigned have; /* bits: x y width height radiusX radiusY */
    double points[RF_TOOL_NUMBERS];
    size_t n_points;
    char type[RF_TOOL_KEY];
    bool key_point, regional;
    rf_shape shape;
} region;

/* The first text of a list, or a text. */
static rf_status read_label(rf_json_walk *walk, char label[RF_SHAPE_LABEL]) {
    bool more;
    if (rf_walk_kind(walk) != '[') return rf_tool_text(walk, label, RF_SHAPE_LABEL);
    RF_TRY(rf_walk_enter(walk, '['));
    for (size_t i = 0;; i++) {
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(i ? rf_walk_skip(walk) : rf_tool_text(walk, label, RF_SHAPE_LABEL));
    }
}

static bool ends_in_labels(const char *key) {
    size_t n = strlen(key);
    return n >= 6 && strcmp(key + n - 6, "labels") == 0;
}

static rf_status read_region(rf_json_walk *walk, region *r);

static rf_status read_member(rf_json_walk *walk, const char *key, region *r) {
    const struct {
        const char *key;
        double *to;
        unsigned bit;
    } fields[] = {{"x", &r->x, 1},
                  {"y", &r->y, 2},
                  {"width", &r->width, 4},
                  {"height", &r->height, 8},
                  {"radiusX", &r->rx, 16},
                  {"radiusY", &r->ry, 32},
                  {"rotation", &r->rotation, 0},
                  {"original_width", &r->size[0], 0},
                  {"original_height", &r->size[1], 0}};
    bool any = false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(key, fields[i].key) != 0) continue;
        RF_TRY(rf_tool_number(walk, fields[i].to, &any));
        if (any) r->have |= fields[i].bit;
        return RF_OK;
    }
    if (strcmp(key, "value") == 0 && rf_walk_kind(walk) == '{') return read_region(walk, r);
    if (strcmp(key, "points") == 0) return rf_tool_numbers(walk, r->points, RF_TOOL_NUMBERS, &r->n_points);
    if (strcmp(key, "type") == 0) return rf_tool_text(walk, r->type, sizeof r->type);
    if (strcmp(key, "id") == 0) return rf_tool_text(walk, r->shape.id, sizeof r->shape.id);
    if (strcmp(key, "parentID") == 0) return rf_tool_text(walk, r->shape.parent, sizeof r->shape.parent);
    if (!ends_in_labels(key)) return rf_walk_skip(walk);
    r->key_point |= strcmp(key, "keypointlabels") == 0;
    r->regional |= strcmp(key, "brushlabels") == 0;
    return read_label(walk, r->shape.label);
}

static rf_status read_region(rf_json_walk *walk, region *r) {
    char key[RF_TOOL_KEY];
    bool more;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        RF_TRY(read_member(walk, key, r));
    }
}

/* Percents become pixels where the size is told (a turn needs them), else shares of the picture's size. */
static rf_status finish_region(const rf_json_walk *walk, region *r, bool *any) {
    rf_shape *s = &r->shape;
    if (r->rotation != 0 && !(r->size[0] > 0 && r->size[1] > 0))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a turned region without original_width and original_height", walk->path,
                       s->line);
    double w = (r->size[0] > 0 && r->size[1] > 0 ? r->size[0] : 1) / 100;
    double h = (r->size[0] > 0 && r->size[1] > 0 ? r->size[1] : 1) / 100;
    *any = true;
    if (r->n_points) {
        size_t n = r->n_points < RF_TOOL_NUMBERS ? r->n_points : RF_TOOL_NUMBERS;
        for (size_t i = 0; i < n; i++) r->points[i] *= i & 1 ? h : w;
        if (n < 4) return rf_fail(RF_ERR_FORMAT, "%s:%d: a polygon of %zu numbers", walk->path, s->line, n);
        rf_shape_around(s, r->points, n / 2);
    } else if ((r->have & 51) == 51) {
        rf_shape_ellipse(s, r->x * w, r->y * h, r->rx * w, r->ry * h, r->rotation);
    } else if ((r->key_point || strcmp(r->type, "keypoint") == 0) && (r->have & 3) == 3) {
        s->point = true;
        s->box[0] = r->x * w;
        s->box[1] = r->y * h;
    } else if ((r->have & 15) == 15) {
        const double box[4] = {r->x * w, r->y * h, r->width * w, r->height * h};
        rf_shape_turned(s, box, box[0], box[1], r->rotation);
    } else {
        s->no_box = true;
        *any = r->regional || r->have; /* choices, ratings and texts are no regions */
    }
    return RF_OK;
}

/* A region and its label may be two results of one id. */
static bool joins(studio *s, const rf_shape *shape) {
    for (size_t i = s->shapes.n; *shape->id && i-- > 0 && s->shapes.n - i < 64;) {
        rf_shape *other = &s->shapes.v[i];
        if (strcmp(other->id, shape->id) != 0) continue;
        if (!*other->label) memcpy(other->label, shape->label, sizeof other->label);
        return true;
    }
    return false;
}

static rf_status read_result(void *ctx, rf_json_walk *walk) {
    studio *s = ctx;
    region r;
    bool any = false;
    memset(&r, 0, sizeof r);
    r.shape.line = walk->line;
    RF_TRY(read_region(walk, &r));
    RF_TRY(finish_region(walk, &r, &any));
    if (!any || joins(s, &r.shape)) return RF_OK;
    bool sized = r.size[0] > 0 && r.size[1] > 0;
    if (s->shapes.n && s->shapes.shares == sized)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: original_width and original_height are missing here and there",
                       walk->path, r.shape.line);
    s->shapes.shares = !sized;
    memcpy(s->size, r.size, sizeof s->size);
    return rf_shapes_add(&s->shapes, &r.shape);
}

static rf_status read_annotation(void *ctx, rf_json_walk *walk) {
    studio *s = ctx;
    char key[RF_TOOL_KEY];
    bool more, cancelled = false;
    rf_json_walk results = {0};
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "was_cancelled") == 0) {
            RF_TRY(rf_walk_flag(walk, &cancelled));
            continue;
        }
        if (strcmp(key, "result") == 0 && rf_walk_kind(walk) == '[') results = *walk;
        RF_TRY(rf_walk_skip(walk));
    }
    if (cancelled || !results.at || s->n_annotations++) return RF_OK;
    return rf_tool_each(&results, s->intake, RF_CONVERT_WRONG_FACE, read_result, s);
}

/* Keeps an address of a picture: what is called "image" first, else what ends as a picture. */
static void take_name(studio *s, const char *key, const char *text) {
    bool picture = rf_image_suffix(text, strcspn(text, "?")) || rf_image_suffix(text, strlen(text));
    if ((strcmp(key, "image") == 0 || strcmp(key, "img") == 0) && *text)
        snprintf(s->name, sizeof s->name, "%s", text);
    else if (picture && !*s->any_name)
        snprintf(s->any_name, sizeof s->any_name, "%s", text);
}

static rf_status read_data(studio *s, rf_json_walk *walk) {
    char key[RF_TOOL_KEY], text[RF_TOOL_NAME];
    bool more;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        if (rf_walk_kind(walk) != '"') {
            RF_TRY(rf_walk_skip(walk));
            continue;
        }
        RF_TRY(rf_tool_text(walk, text, sizeof text));
        take_name(s, key, text);
    }
}

/* "/data/local-files/?d=photos/a.jpg" is photos/a.jpg, "/data/upload/1/a.jpg" is a.jpg; "?X-Amz-..." behind a name is
 * none of it. */
static char *plain_name(char *name) {
    static const char upload[] = "/data/upload/";
    char *local = strstr(name, "?d=");
    if (local) return local + 3;
    if (strncmp(name, upload, sizeof upload - 1) == 0) {
        name += sizeof upload - 1;
        name += strspn(name, "0123456789");
        name += *name == '/';
    }
    size_t n = strcspn(name, "?");
    if (rf_image_suffix(name, n)) name[n] = 0;
    return name;
}

static bool has_prefix(const char *base) {
    for (int i = 0; i < PREFIX - 1; i++)
        if (!isxdigit((unsigned char)base[i])) return false;
    return base[PREFIX - 1] == '-' && base[PREFIX];
}

static rf_status finish_task(studio *s, const rf_json_walk *walk, int line) {
    char *name = plain_name(*s->name ? s->name : s->any_name);
    if (!*name) return rf_fail(RF_ERR_FORMAT, "%s:%d: a task without a picture in its data", walk->path, line);
    RF_TRY(rf_intake_add_image(s->intake, name, strlen(name), NULL, 0, line));
    const char *base = rf_path_base(name);
    RF_TRY(rf_intake_also(s->intake, base));
    if (has_prefix(base)) RF_TRY(rf_intake_also(s->intake, base + PREFIX));
    rf_intake_image *image = &s->intake->images[s->intake->n_images - 1];
    image->declared_width = rf_tool_size(s->size[0]);
    image->declared_height = rf_tool_size(s->size[1]);
    if (s->n_annotations > 1)
        RF_TRY(rf_intake_tell(s->intake, RF_CONVERT_READ_AS, 1, line, "%s has %zu annotations; the first is taken",
                              name, s->n_annotations));
    return rf_shapes_flush(&s->shapes, s->intake, s->intake->n_images - 1);
}

static bool is_region_list(rf_json_walk walk) {
    static const char *const keys[] = {"original_width", NULL}, *const plain[] = {"x", "y", NULL};
    const char *begin = walk.at;
    size_t left = (size_t)(walk.end - begin);
    return rf_walk_kind(&walk) == '[' &&
           (rf_sniff_keys(begin, left, 1, keys) || rf_sniff_keys(begin, left, 1, plain) == 3);
}

static rf_status read_task(void *ctx, rf_json_walk *walk) {
    studio *s = ctx;
    char key[RF_TOOL_KEY], text[RF_TOOL_NAME];
    bool more;
    *s = (studio){.source = s->source, .intake = s->intake, .shapes = s->shapes};
    s->shapes.n = 0;
    s->shapes.shares = false;
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        char kind = rf_walk_kind(walk);
        bool list = strcmp(key, "annotations") == 0 || strcmp(key, "completions") == 0;
        if (list && kind == '[')
            RF_TRY(rf_tool_each(walk, s->intake, RF_CONVERT_WRONG_FACE, read_annotation, s));
        else if (strcmp(key, "data") == 0 && kind == '{')
            RF_TRY(read_data(s, walk));
        else if (kind == '[' && strcmp(key, "predictions") != 0 && is_region_list(*walk))
            RF_TRY(rf_tool_each(walk, s->intake, RF_CONVERT_WRONG_FACE, read_result, s));
        else if (kind == '"') {
            RF_TRY(rf_tool_text(walk, text, sizeof text));
            take_name(s, key, text);
        } else
            RF_TRY(rf_walk_skip(walk));
    }
    return finish_task(s, walk, line);
}

static rf_status labelstudio_read(const rf_source *source, rf_intake *intake) {
    studio s = {.source = source, .intake = intake};
    rf_json_walk walk = rf_walk_begin(source->path, source->text, source->bytes);
    char kind = rf_walk_kind(&walk);
    rf_status status = kind == '[' || kind == '{' ? RF_OK : rf_walk_expected(&walk, "an array of tasks, [...]");
    if (status == RF_OK && kind == '[')
        status = rf_tool_each(&walk, intake, RF_CONVERT_WRONG_IMAGE, read_task, &s);
    else if (status == RF_OK)
        status = read_task(&s, &walk);
    if (status == RF_OK) status = rf_walk_finish(&walk);
    rf_shapes_free(&s.shapes);
    return status;
}

static bool labelstudio_sniff(const char *text, size_t bytes) {
    static const char *const keys[] = {"annotations", "data", NULL}, *const old[] = {"completions", "data", NULL};
    static const char *const min[] = {"annotator", "annotation_id", NULL};
    rf_json_walk walk = rf_walk_begin("", text, bytes);
    int inside = rf_walk_kind(&walk) == '[';
    return rf_sniff_keys(text, bytes, inside, keys) == 3 || rf_sniff_keys(text, bytes, inside, old) == 3 ||
           (inside && rf_sniff_keys(text, bytes, 1, min) == 3);
}

static const rf_convert_layout layouts[] = {{"train", "result.json", "images"}, {0}};

static const char example[] =
    "[{\"id\": 1, \"data\": {\"image\": \"/data/upload/1/photo.jpg\"},\n"
    "  \"annotations\": [{\"id\": 1, \"was_cancelled\": false,\n"
    "    \"result\": [{\"id\": \"a1\", \"type\": \"rectanglelabels\", \"from_name\": \"label\", \"to_name\": "
    "\"image\",\n"
    "                \"original_width\": 100, \"original_height\": 80, \"image_rotation\": 0,\n"
    "                \"value\": {\"x\": 10, \"y\": 25, \"width\": 30, \"height\": 50, \"rotation\": 0,\n"
    "                          \"rectanglelabels\": [\"face\"]}}]}]}]\n";

const rf_converter rf_converter_labelstudio = {"labelstudio",
                                               "Label Studio's JSON and JSON-MIN: numbers in percents",
                                               example,
                                               "project-1.json",
                                               ".json",
                                               false,
                                               layouts,
                                               labelstudio_read,
                                               NULL,
                                               NULL,
                                               labelstudio_sniff,
                                               false,
                                               NULL};
