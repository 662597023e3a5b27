/* SPDX-License-Identifier: Apache-2.0 */
/* CVAT's XML "for images 1.1": <annotations><image name width height> with boxes, turned boxes, ellipses, polygons and
 * skeletons or points of landmarks. Angles are degrees, clockwise about the middle. Polylines, masks and tags are no
 * faces. Videos have <track>s of frames, which are not pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/annotation.h"
#include "data/convert.h"
#include "data/shapes.h"
#include "data/sniff.h"
#include "data/xml.h"

enum { POINTS_MAX = 2048, NAME_BYTES = 2048 };

typedef struct cvat {
    rf_intake *intake;
    rf_shapes shapes;
    bool usable; /* the image that is read now has a name */
} cvat;

static rf_status number(const rf_xml *xml, const char *const *attributes, const char *name, double missing,
                        double *out) {
    const char *text = rf_xml_attribute(attributes, name);
    *out = missing;
    if (!text && missing == missing) return RF_OK; /* a NaN: it must be there */
    if (text && rf_number_parse(text, out)) return RF_OK;
    return rf_xml_fail(xml, "%s \"%.40s\" is not a number", name, text ? text : "(missing)");
}

static rf_status numbers(const rf_xml *xml, const char *const *attributes, const char *const *names, double *out) {
    for (int i = 0; names[i]; i++) RF_TRY(number(xml, attributes, names[i], strtod("nan", NULL), &out[i]));
    return RF_OK;
}

/* "x,y;x,y;..." */
static rf_status read_points(const rf_xml *xml, const char *text, double *out, size_t *n) {
    char word[48];
    for (*n = 0; text && *text && *n < 2 * (size_t)POINTS_MAX; ++*n) {
        size_t length = strcspn(text, ",;");
        if (length >= sizeof word) length = sizeof word - 1;
        memcpy(word, text, length);
        word[length] = 0;
        if (!rf_number_parse(word, &out[*n])) return rf_xml_fail(xml, "\"%s\" in points is not a number", word);
        text += strcspn(text, ",;");
        text += *text != 0;
    }
    return *n >= 2 && *n % 2 == 0 ? RF_OK : rf_xml_fail(xml, "points needs x,y;x,y;...");
}

static rf_status read_box(const rf_xml *xml, const char *const *attributes, rf_shape *s) {
    static const char *const names[] = {"xtl", "ytl", "xbr", "ybr", NULL};
    double v[4], angle;
    RF_TRY(numbers(xml, attributes, names, v));
    RF_TRY(number(xml, attributes, "rotation", 0, &angle));
    const double box[4] = {v[0], v[1], v[2] - v[0], v[3] - v[1]};
    rf_shape_turned(s, box, (v[0] + v[2]) / 2, (v[1] + v[3]) / 2, angle);
    return RF_OK;
}

static rf_status read_ellipse(const rf_xml *xml, const char *const *attributes, rf_shape *s) {
    static const char *const names[] = {"cx", "cy", "rx", "ry", NULL};
    double v[4], angle;
    RF_TRY(numbers(xml, attributes, names, v));
    RF_TRY(number(xml, attributes, "rotation", 0, &angle));
    rf_shape_ellipse(s, v[0], v[1], v[2], v[3], angle);
    return RF_OK;
}

static bool is_set(const char *const *attributes, const char *name) {
    const char *text = rf_xml_attribute(attributes, name);
    return text && strcmp(text, "1") == 0;
}

/* One point is a landmark; several without names are none. */
static rf_status read_point(const rf_xml *xml, const char *const *attributes, rf_shape *s) {
    double points[2 * POINTS_MAX];
    size_t n;
    RF_TRY(read_points(xml, rf_xml_attribute(attributes, "points"), points, &n));
    s->point = n == 2;
    s->no_box = n != 2;
    s->hidden = is_set(attributes, "occluded");
    s->box[0] = points[0];
    s->box[1] = points[1];
    return RF_OK;
}

static rf_status read_polygon(const rf_xml *xml, const char *const *attributes, rf_shape *s) {
    double points[2 * POINTS_MAX];
    size_t n;
    RF_TRY(read_points(xml, rf_xml_attribute(attributes, "points"), points, &n));
    rf_shape_around(s, points, n / 2);
    return RF_OK;
}

static rf_status read_shape(cvat *c, const rf_xml *xml, const char *kind, const char *const *attributes) {
    rf_shape s = {.line = rf_xml_line(xml)};
    const char *label = rf_xml_attribute(attributes, "label");
    if (strcmp(kind, "skeleton") == 0 || is_set(attributes, "outside")) return RF_OK;
    if (label) snprintf(s.label, sizeof s.label, "%s", label);
    rf_status status = RF_OK;
    if (strcmp(kind, "box") == 0)
        status = read_box(xml, attributes, &s);
    else if (strcmp(kind, "ellipse") == 0)
        status = read_ellipse(xml, attributes, &s);
    else if (strcmp(kind, "polygon") == 0)
        status = read_polygon(xml, attributes, &s);
    else if (strcmp(kind, "points") == 0 || strcmp(kind, "skeleton/points") == 0)
        status = read_point(xml, attributes, &s);
    else if (strcmp(kind, "polyline") == 0 || strcmp(kind, "mask") == 0 || strcmp(kind, "cuboid") == 0)
        s.no_box = true;
    else
        return RF_OK; /* attributes, tags */
    if (status == RF_OK) return rf_shapes_add(&c->shapes, &s);
    return rf_intake_skip(c->intake, status, RF_CONVERT_WRONG_FACE, (long long)c->intake->n_images - 1, s.line);
}

static rf_status begin_image(cvat *c, const rf_xml *xml, const char *const *attributes) {
    const char *name = rf_xml_attribute(attributes, "name");
    double size[2];
    c->usable = false;
    rf_status status = name ? rf_intake_add_image(c->intake, name, strlen(name), NULL, 0, rf_xml_line(xml))
                            : rf_xml_fail(xml, "an <image> without a name");
    if (status != RF_OK)
        return rf_intake_skip(c->intake, status, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, rf_xml_line(xml));
    c->usable = true;
    rf_intake_image *image = &c->intake->images[c->intake->n_images - 1];
    RF_TRY(number(xml, attributes, "width", 0, &size[0]));
    RF_TRY(number(xml, attributes, "height", 0, &size[1]));
    image->declared_width = size[0] > 0 && size[0] < 1e9 ? (int)size[0] : 0;
    image->declared_height = size[1] > 0 && size[1] < 1e9 ? (int)size[1] : 0;
    return RF_OK;
}

static const char image_path[] = "annotations/image", inside[] = "annotations/image/";

static rf_status on_start(void *ctx, rf_xml *xml, const char *path, const char *const *attributes) {
    cvat *c = ctx;
    if (strcmp(path, image_path) == 0) return begin_image(c, xml, attributes);
    if (strcmp(path, "annotations/track") == 0)
        return rf_xml_fail(xml,
                           "this is CVAT's XML for video; export the task as \"CVAT for images 1.1\", with images");
    bool shape = c->usable && strncmp(path, inside, sizeof inside - 1) == 0;
    return shape ? read_shape(c, xml, path + sizeof inside - 1, attributes) : RF_OK;
}

static rf_status on_end(void *ctx, rf_xml *xml, const char *path, char *text) {
    cvat *c = ctx;
    (void)xml, (void)text;
    if (strcmp(path, image_path) != 0 || !c->usable) return RF_OK;
    c->usable = false;
    return rf_shapes_flush(&c->shapes, c->intake, c->intake->n_images - 1);
}

static rf_status cvat_read(const rf_source *source, rf_intake *intake) {
    static const rf_xml_events events = {"annotations", "CVAT's XML", on_start, on_end};
    cvat c = {.intake = intake};
    rf_status status = rf_xml_read(source->path, source->text, source->bytes, &events, &c);
    rf_shapes_free(&c.shapes);
    return status;
}

static bool cvat_sniff(const char *text, size_t bytes) {
    return rf_sniff_element(text, bytes, "annotations");
}

static const rf_convert_layout layouts[] = {{"train", "annotations.xml", "images"}, {0}};

static const char example[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n"
    "  <image id=\"0\" name=\"photo.jpg\" width=\"100\" height=\"80\">\n"
    "    <box label=\"face\" source=\"manual\" occluded=\"0\" xtl=\"10.00\" ytl=\"20.00\" xbr=\"40.00\" ybr=\"60.00\""
    " z_order=\"0\">\n    </box>\n  </image>\n</annotations>\n";

const rf_converter rf_converter_cvat = {
    "cvat",     "CVAT's XML for images: boxes, ellipses, polygons, skeletons of landmarks",
    example,    "annotations.xml",
    ".xml",     true,
    layouts,    cvat_read,
    NULL,       NULL,
    cvat_sniff, false,
    NULL};
