/* SPDX-License-Identifier: Apache-2.0 */
/* dlib's imglab XML: <dataset><images><image file> with <box top left width height>, perhaps ignore='1', a <label> and
 * <part name x y>s: landmarks by name, or the 68 points of iBUG as 00 to 67. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/annotation.h"
#include "data/convert.h"
#include "data/ibug.h"
#include "data/sniff.h"
#include "data/xml.h"

typedef struct dlib {
    rf_intake *intake;
    bool usable, box_usable;
    int line; /* of the box */
    bool ignore;
    double box[4], named[3 * RF_POINTS_MAX], ibug[3 * RF_IBUG_POINTS];
    size_t n_ibug;
    char label[256];
} dlib;

static rf_status number(const rf_xml *xml, const char *const *attributes, const char *name, double *out) {
    const char *text = rf_xml_attribute(attributes, name);
    if (text && rf_number_parse(text, out)) return RF_OK;
    return rf_xml_fail(xml, "%s \"%.40s\" is not a number", name, text ? text : "(missing)");
}

static rf_status begin_box(dlib *d, const rf_xml *xml, const char *const *attributes) {
    static const char *const names[] = {"left", "top", "width", "height"};
    const char *ignore = rf_xml_attribute(attributes, "ignore");
    *d = (dlib){.intake = d->intake, .usable = true, .line = rf_xml_line(xml), .box_usable = true};
    d->ignore = ignore && strcmp(ignore, "1") == 0;
    for (int k = 0; k < 4; k++) {
        rf_status status = number(xml, attributes, names[k], &d->box[k]);
        if (status == RF_OK) continue;
        d->box_usable = false;
        return rf_intake_skip(d->intake, status, RF_CONVERT_WRONG_FACE, (long long)d->intake->n_images - 1, d->line);
    }
    return RF_OK;
}

static rf_status take_part(dlib *d, const rf_xml *xml, const char *const *attributes) {
    const char *name = rf_xml_attribute(attributes, "name");
    double x, y;
    char *stop;
    if (!name) return RF_OK;
    RF_TRY(number(xml, attributes, "x", &x));
    RF_TRY(number(xml, attributes, "y", &y));
    int point = rf_scheme_find(&d->intake->scheme, name, strlen(name));
    unsigned long i = strtoul(name, &stop, 10);
    bool ibug = !d->intake->scheme.n && *stop == 0 && stop != name && i < RF_IBUG_POINTS;
    if (point < 0 && !ibug) return RF_OK;
    double *to = ibug ? d->ibug + 3 * i : d->named + 3 * point;
    d->n_ibug += ibug && to[2] == 0;
    to[0] = x;
    to[1] = y;
    to[2] = 2;
    return RF_OK;
}

static rf_status begin_image(dlib *d, const rf_xml *xml, const char *const *attributes) {
    const char *name = rf_xml_attribute(attributes, "file");
    rf_status status = name ? rf_intake_add_image(d->intake, name, strlen(name), NULL, 0, rf_xml_line(xml))
                            : rf_xml_fail(xml, "an <image> without a file");
    d->usable = status == RF_OK;
    return rf_intake_skip(d->intake, status, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, rf_xml_line(xml));
}

static const char image_path[] = "dataset/images/image", box_path[] = "dataset/images/image/box";

static rf_status on_start(void *ctx, rf_xml *xml, const char *path, const char *const *attributes) {
    dlib *d = ctx;
    if (strcmp(path, image_path) == 0) return begin_image(d, xml, attributes);
    if (!d->usable) return RF_OK;
    if (strcmp(path, box_path) == 0) return begin_box(d, xml, attributes);
    if (!d->box_usable || strcmp(path, "dataset/images/image/box/part") != 0) return RF_OK;
    return rf_intake_skip(d->intake, take_part(d, xml, attributes), RF_CONVERT_READ_AS, RF_NO_IMAGE, rf_xml_line(xml));
}

static rf_status add_face(dlib *d) {
    rf_intake_face face = {.image = d->intake->n_images - 1, .category = -1};
    double points[3 * RF_POINTS_MAX];
    bool any = false;
    int n_points = rf_scheme_count(&d->intake->scheme);
    for (int k = 0; k < n_points; k++) any |= d->named[3 * k + 2] > 0;
    memcpy(points, d->named, sizeof d->named);
    if (!any && d->n_ibug == RF_IBUG_POINTS) rf_ibug_five(d->ibug, points);
    if (*d->label) RF_TRY(rf_intake_category(d->intake, d->label, &face.category));
    rf_status status = rf_intake_fill(d->intake, d->box, points, n_points, d->line, &face);
    if (status != RF_OK)
        return rf_intake_skip(d->intake, status, RF_CONVERT_WRONG_FACE, (long long)face.image, d->line);
    face.face.ignore = d->ignore;
    d->intake->named_points |= any && !d->intake->scheme.n;
    return rf_intake_add_face(d->intake, &face);
}

static rf_status on_end(void *ctx, rf_xml *xml, const char *path, char *text) {
    dlib *d = ctx;
    (void)xml;
    if (strcmp(path, image_path) == 0) d->usable = d->box_usable = false;
    if (!d->box_usable) return RF_OK;
    if (strcmp(path, "dataset/images/image/box/label") == 0) snprintf(d->label, sizeof d->label, "%.255s", text);
    if (strcmp(path, box_path) != 0) return RF_OK;
    d->box_usable = false;
    return add_face(d);
}

static rf_status dlib_read(const rf_source *source, rf_intake *intake) {
    static const rf_xml_events events = {"dataset", "imglab's XML", on_start, on_end};
    dlib d = {.intake = intake};
    return rf_xml_read(source->path, source->text, source->bytes, &events, &d);
}

static bool dlib_sniff(const char *text, size_t bytes) {
    return rf_sniff_element(text, bytes, "dataset");
}

static const rf_convert_layout layouts[] = {{"train", "labels_ibug_300W_train.xml", ""},
                                            {"test", "labels_ibug_300W_test.xml", ""},
                                            {"train", "training.xml", ""},
                                            {"test", "testing.xml", ""},
                                            {0}};

static const char example[] =
    "<?xml version='1.0' encoding='ISO-8859-1'?>\n<dataset>\n<name>faces</name>\n<images>\n"
    "  <image file='photo.jpg'>\n    <box top='20' left='10' width='30' height='40'/>\n  </image>\n"
    "</images>\n</dataset>\n";

const rf_converter rf_converter_dlib = {"dlib",     "dlib's imglab XML; landmarks by name or the 68 of iBUG",
                                        example,    "training.xml",
                                        ".xml",     true,
                                        layouts,    dlib_read,
                                        NULL,       NULL,
                                        dlib_sniff, false,
                                        NULL};
