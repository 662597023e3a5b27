/* SPDX-License-Identifier: Apache-2.0 */
/* LabelMe (and X-AnyLabeling): a JSON file an image, beside it. Rectangles are two corners in any order; a polygon, a
 * circle (its middle and a point of its edge), a mask (the corners of its box) or a turned rectangle gives the box
 * around it. Points that are called as landmarks ("left_eye", ...) belong to the shape with their group_id, or else to
 * the smallest box that holds them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "data/convert.h"
#include "data/sniff.h"
#include "data/tool_json.h"

typedef struct labelme {
    const rf_source *source;
    rf_intake *intake;
    rf_shapes shapes;
    char image[RF_TOOL_NAME];
    int image_line;
    double size[2];
} labelme;

static rf_status finish_shape(const rf_json_walk *walk, rf_shape *shape, const char *kind, const double *points,
                              size_t n) {
    static const char *const boxes[] = {"", "rectangle", "polygon", "rotation", "oriented_rectangle", "mask"};
    if (n > RF_TOOL_NUMBERS) n = RF_TOOL_NUMBERS;
    shape->point = strcmp(kind, "point") == 0;
    bool circle = strcmp(kind, "circle") == 0, box = circle || shape->point;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) box |= strcmp(kind, boxes[i]) == 0;
    shape->no_box = !box;
    if (!box) return RF_OK;
    if (n < 2 || n % 2 || (circle && n != 4) || (!shape->point && n < 4))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: a shape of kind \"%.40s\" with %zu numbers in \"points\"", walk->path,
                       shape->line, *kind ? kind : "polygon", n);
    double radius = circle ? hypot(points[2] - points[0], points[3] - points[1]) : 0;
    if (circle)
        rf_shape_ellipse(shape, points[0], points[1], radius, radius, 0);
    else
        rf_shape_around(shape, points, n / 2);
    return RF_OK;
}

static rf_status read_shape(void *ctx, rf_json_walk *walk) {
    labelme *l = ctx;
    rf_shape shape = {0};
    double points[RF_TOOL_NUMBERS];
    size_t n = 0;
    char key[RF_TOOL_KEY], kind[RF_TOOL_KEY] = "";
    bool more;
    RF_TRY(rf_walk_enter(walk, '{'));
    shape.line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "label") == 0)
            RF_TRY(rf_tool_text(walk, shape.label, sizeof shape.label));
        else if (strcmp(key, "group_id") == 0)
            RF_TRY(rf_tool_text(walk, shape.id, sizeof shape.id));
        else if (strcmp(key, "shape_type") == 0)
            RF_TRY(rf_tool_text(walk, kind, sizeof kind));
        else if (strcmp(key, "difficult") == 0)
            RF_TRY(rf_walk_flag(walk, &shape.ignore));
        else if (strcmp(key, "points") == 0)
            RF_TRY(rf_tool_numbers(walk, points, RF_TOOL_NUMBERS, &n));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    shape.ignore = shape.ignore && !l->intake->keep_difficult;
    memcpy(shape.parent, shape.id, sizeof shape.parent);
    RF_TRY(finish_shape(walk, &shape, kind, points, n));
    return rf_shapes_add(&l->shapes, &shape);
}

/* imagePath is relative to the JSON file, which stands where source->name says. */
static rf_status add_image(const labelme *l) {
    char name[2 * RF_TOOL_NAME];
    const char *base = rf_path_base(l->source->name), *dot = strrchr(base, '.');
    int depth = (int)(base - l->source->name);
    size_t stem = dot ? (size_t)(dot - l->source->name) : strlen(l->source->name);
    bool absolute = *l->image == '/' || *l->image == '\\' || (*l->image && l->image[1] == ':');
    int n = !*l->image ? 0
            : absolute
                ? snprintf(name, sizeof name, "%s", l->image)
                : snprintf(name, sizeof name, "%.*s%s", depth < RF_TOOL_NAME ? depth : 0, l->source->name, l->image);
    int line = l->image_line ? l->image_line : 1;
    RF_TRY(rf_intake_add_image(l->intake, name, (size_t)n, l->source->name, stem, line));
    if (*l->image) RF_TRY(rf_intake_also(l->intake, l->image));
    rf_intake_image *image = &l->intake->images[l->intake->n_images - 1];
    image->declared_width = rf_tool_size(l->size[0]);
    image->declared_height = rf_tool_size(l->size[1]);
    return RF_OK;
}

static rf_status read_root(labelme *l, rf_json_walk *walk) {
    char key[RF_TOOL_KEY];
    bool more, any, found = false;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "shapes") == 0) {
            found = true;
            RF_TRY(rf_tool_each(walk, l->intake, RF_CONVERT_WRONG_FACE, read_shape, l));
        } else if (strcmp(key, "imagePath") == 0) {
            RF_TRY(rf_tool_text(walk, l->image, sizeof l->image));
            l->image_line = walk->line;
        } else if (strcmp(key, "imageWidth") == 0) {
            RF_TRY(rf_tool_number(walk, &l->size[0], &any));
        } else if (strcmp(key, "imageHeight") == 0) {
            RF_TRY(rf_tool_number(walk, &l->size[1], &any));
        } else {
            RF_TRY(rf_walk_skip(walk));
        }
    }
    RF_TRY(rf_walk_finish(walk));
    if (!found) return rf_fail(RF_ERR_FORMAT, "%s: there is no list \"shapes\"; LabelMe's files have one", walk->path);
    RF_TRY(add_image(l));
    return rf_shapes_flush(&l->shapes, l->intake, l->intake->n_images - 1);
}

static rf_status labelme_read(const rf_source *source, rf_intake *intake) {
    labelme l = {.source = source, .intake = intake};
    rf_json_walk walk = rf_walk_begin(source->path, source->text, source->bytes);
    rf_status status = read_root(&l, &walk);
    rf_shapes_free(&l.shapes);
    return status;
}

static bool labelme_sniff(const char *text, size_t bytes) {
    static const char *const keys[] = {"shapes", "imagePath", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 3;
}

static const rf_convert_layout layouts[] = {
    {"train", "train", "train"}, {"val", "val", "val"}, {"val", "valid", "valid"}, {"test", "test", "test"}, {0}};

static const char example[] =
    "{\"version\": \"5.2.1\", \"flags\": {},\n"
    " \"shapes\": [{\"label\": \"face\", \"points\": [[10, 20], [40, 60]], \"group_id\": null,\n"
    "             \"shape_type\": \"rectangle\", \"flags\": {}}],\n"
    " \"imagePath\": \"photo.jpg\", \"imageData\": null, \"imageHeight\": 80, \"imageWidth\": 100}\n";

const rf_converter rf_converter_labelme = {
    "labelme",     "LabelMe's JSON: a file an image; rectangles, polygons, circles, landmarks",
    example,       "photo.json",
    ".json",       false,
    layouts,       labelme_read,
    NULL,          NULL,
    labelme_sniff, false,
    NULL};
