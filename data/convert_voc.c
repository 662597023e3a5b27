/* SPDX-License-Identifier: Apache-2.0 */
/* Pascal VOC: an XML file an image (VOC2012 development kit, section 4). Coordinates are pixel numbers from 1, the last
 * one inclusive, so xmin 1 and xmax W are the whole width; a 0, which some tools write, is taken as it is. Two kin of
 * it are read, too, whose numbers are points from 0: polygons of LabelMe's web tool, and roLabelImg's turned boxes
 * (radians). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/annotation.h"
#include "data/convert.h"
#include "data/shapes.h"
#include "data/sniff.h"
#include "data/xml.h"

enum { TEXT_BYTES = 2048, NAME_BYTES = 256 };
static const double degrees = 57.29577951308232; /* a radian */

typedef struct object {
    char name[NAME_BYTES];
    double corners[4]; /* xmin ymin xmax ymax */
    unsigned have;     /* bits of corners */
    bool difficult, deleted;
    rf_shape around;  /* of a polygon */
    size_t n_around;  /* coordinates of it */
    double turned[5]; /* cx cy w h angle */
    unsigned have_turned;
    int line, wrong_line;
    char wrong[128]; /* why it cannot be read */
} object;

typedef struct voc {
    const rf_source *source;
    rf_intake *intake;
    char filename[TEXT_BYTES], folder[TEXT_BYTES];
    int filename_line, width, height;
    object *objects;
    size_t n_objects;
} voc;

static rf_status begin_object(voc *v, int line) {
    size_t n = v->n_objects;
    if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) { /* grows by doubling */
        object *grown = rf_realloc(v->objects, n, n ? 2 * n : 4, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        v->objects = grown;
    }
    v->objects[v->n_objects++] = (object){.line = line};
    return RF_OK;
}

static rf_status on_start(void *ctx, rf_xml *xml, const char *path, const char *const *attributes) {
    (void)attributes;
    return strcmp(path, "annotation/object") == 0 ? begin_object(ctx, rf_xml_line(xml)) : RF_OK;
}

static rf_status take_size(const rf_xml *xml, const char *text, int *out) {
    double value;
    if (!rf_number_parse(text, &value) || value < 0 || value > 1e9)
        return rf_xml_fail(xml, "\"%.40s\" is no size in pixels", text);
    *out = (int)value;
    return RF_OK;
}

/* The first thing that is wrong with an object. */
static void set_wrong(const rf_xml *xml, object *o, const char *fmt, const char *text) RF_PRINTF(3, 0);

static void set_wrong(const rf_xml *xml, object *o, const char *fmt, const char *text) {
    if (*o->wrong) return;
    o->wrong_line = rf_xml_line(xml);
    snprintf(o->wrong, sizeof o->wrong, fmt, text);
}

/* The box around a polygon grows by its points; x comes before y. */
static void take_point(const rf_xml *xml, object *o, int axis, const char *text) {
    double value, *box = o->around.box;
    if (!rf_number_parse(text, &value)) {
        set_wrong(xml, o, "\"%.40s\" is not a number", text);
        return;
    }
    double high = box[axis] + box[2 + axis];
    bool first = o->n_around++ < 2;
    if (first || value < box[axis]) box[axis] = value;
    if (first || value > high) high = value;
    box[2 + axis] = high - box[axis];
}

/* Polygons and turned boxes; false when it is none of theirs. */
static bool take_other_shape(const rf_xml *xml, object *o, const char *what, const char *text) {
    static const char *const turned[] = {"robndbox/cx", "robndbox/cy", "robndbox/w", "robndbox/h", "robndbox/angle"};
    static const char *const points[] = {"polygon/pt/x", "polygon/pt/y"};
    for (int axis = 0; axis < 2; axis++) {
        if (strcmp(what, points[axis]) != 0) continue;
        take_point(xml, o, axis, text);
        return true;
    }
    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(what, turned[i]) != 0) continue;
        if (!rf_number_parse(text, &o->turned[i])) set_wrong(xml, o, "\"%.40s\" is not a number", text);
        o->have_turned |= 1u << i;
        return true;
    }
    return false;
}

static void take_object_text(const rf_xml *xml, object *o, const char *what, const char *text) {
    static const char *const corners[] = {"bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax"};
    if (strcmp(what, "name") == 0) snprintf(o->name, sizeof o->name, "%.*s", NAME_BYTES - 1, text);
    if (strcmp(what, "difficult") == 0) o->difficult = strcmp(text, "1") == 0;
    if (strcmp(what, "deleted") == 0) o->deleted = strcmp(text, "1") == 0;
    if (take_other_shape(xml, o, what, text)) return;
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(what, corners[i]) != 0) continue;
        if (o->have >> i & 1)
            set_wrong(xml, o, "a second %s in one object", corners[i]);
        else if (!rf_number_parse(text, &o->corners[i]))
            set_wrong(xml, o, "\"%.40s\" is not a number", text);
        o->have |= 1u << i;
    }
}

static rf_status on_end(void *ctx, rf_xml *xml, const char *path, char *text) {
    static const char object_path[] = "annotation/object/";
    voc *v = ctx;
    if (strcmp(path, "annotation/filename") == 0) {
        snprintf(v->filename, sizeof v->filename, "%s", text);
        v->filename_line = rf_xml_line(xml);
    } else if (strcmp(path, "annotation/folder") == 0) {
        snprintf(v->folder, sizeof v->folder, "%s", text);
    } else if (strcmp(path, "annotation/size/width") == 0 || strcmp(path, "annotation/imagesize/ncols") == 0) {
        return take_size(xml, text, &v->width);
    } else if (strcmp(path, "annotation/size/height") == 0 || strcmp(path, "annotation/imagesize/nrows") == 0) {
        return take_size(xml, text, &v->height);
    } else if (strncmp(path, object_path, sizeof object_path - 1) == 0) {
        take_object_text(xml, &v->objects[v->n_objects - 1], path + sizeof object_path - 1, text);
    }
    return RF_OK;
}

static rf_status add_object(const voc *v, const object *o) {
    rf_intake_face face = {.image = v->intake->n_images - 1};
    if (*o->wrong) return rf_fail(RF_ERR_FORMAT, "%s:%d: %s", v->source->path, o->wrong_line, o->wrong);
    if (o->deleted) return RF_OK;
    rf_shape shape = o->around;
    bool bndbox = o->have == 15, turned = o->have_turned == 31;
    if (!bndbox && !turned && o->n_around < 4)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: an object without a whole bndbox (xmin, ymin, xmax, ymax)",
                       v->source->path, o->line);
    /* Below 1 it is no pixel number, but a 0 of other tools or a share of the size. */
    double x = o->corners[0] >= 1 ? o->corners[0] - 1 : o->corners[0];
    double y = o->corners[1] >= 1 ? o->corners[1] - 1 : o->corners[1];
    if (bndbox) {
        const double corners[4] = {x, y, o->corners[2] - x, o->corners[3] - y};
        memcpy(shape.box, corners, sizeof corners);
    } else if (turned) {
        const double *t = o->turned, plain[4] = {t[0] - t[2] / 2, t[1] - t[3] / 2, t[2], t[3]};
        rf_shape_turned(&shape, plain, t[0], t[1], t[4] * degrees);
    }
    RF_TRY(rf_intake_category(v->intake, o->name, &face.category));
    RF_TRY(rf_intake_fill(v->intake, shape.box, NULL, 0, o->line, &face));
    face.face.ignore = o->difficult && !v->intake->keep_difficult;
    return rf_intake_add_face(v->intake, &face);
}

/* The image lies where the XML file does in its own folder: sub/a.xml has sub/FILENAME. Else it is FOLDER/FILENAME,
 * FILENAME or sub/a.SUFFIX: <folder> is the picture's in some sets, in others the set's name. */
static rf_status add_image(const voc *v) {
    char name[2 * TEXT_BYTES], in_folder[2 * TEXT_BYTES] = "";
    const char *base = rf_path_base(v->source->name), *dot = strrchr(base, '.');
    int depth = (int)(base - v->source->name), line = v->filename_line ? v->filename_line : 1;
    size_t stem = dot ? (size_t)(dot - v->source->name) : strlen(v->source->name);
    if (*v->folder && *v->filename) snprintf(in_folder, sizeof in_folder, "%s/%s", v->folder, v->filename);
    bool beside = depth > 0 || !*in_folder;
    int n = !*v->filename ? 0
            : beside
                ? snprintf(name, sizeof name, "%.*s%s", depth < TEXT_BYTES ? depth : 0, v->source->name, v->filename)
                : snprintf(name, sizeof name, "%s", in_folder);
    RF_TRY(rf_intake_add_image(v->intake, name, (size_t)n, v->source->name, stem, line));
    if (beside && *in_folder) RF_TRY(rf_intake_also(v->intake, in_folder));
    if (*v->filename && strchr(name, '/')) RF_TRY(rf_intake_also(v->intake, v->filename));
    rf_intake_image *image = &v->intake->images[v->intake->n_images - 1];
    image->declared_width = v->width;
    image->declared_height = v->height;
    return RF_OK;
}

/* Pixel numbers from 0 in a format that counts from 1: the other numbers may be one too small. */
static rf_status tell_zeros(const voc *v) {
    size_t n = 0;
    int line = 0;
    for (size_t i = 0; i < v->n_objects; i++) {
        const object *o = &v->objects[i];
        bool whole = o->corners[2] == floor(o->corners[2]) && o->corners[3] > 1;
        if (o->have != 15 || !whole || (o->corners[0] != 0 && o->corners[1] != 0)) continue;
        if (n++ == 0) line = o->line;
    }
    if (n == 0) return RF_OK;
    return rf_intake_tell(v->intake, RF_CONVERT_READ_AS, n, line,
                          "a box begins at 0, but VOC counts pixels from 1: 0 is taken as it is, other numbers as "
                          "counted from 1");
}

static rf_status voc_read(const rf_source *source, rf_intake *intake) {
    static const rf_xml_events events = {"annotation", "Pascal VOC", on_start, on_end};
    voc v = {.source = source, .intake = intake};
    rf_status status = rf_xml_read(source->path, source->text, source->bytes, &events, &v);
    if (status == RF_OK) status = add_image(&v);
    long long image = status == RF_OK ? (long long)intake->n_images - 1 : RF_NO_IMAGE;
    intake->form = RF_BOX_CORNERS;
    for (size_t i = 0; status == RF_OK && i < v.n_objects; i++)
        status = rf_intake_skip(intake, add_object(&v, &v.objects[i]), RF_CONVERT_WRONG_FACE, image, v.objects[i].line);
    if (status == RF_OK) status = tell_zeros(&v);
    rf_free(v.objects);
    return status;
}

static bool voc_sniff(const char *text, size_t bytes) {
    return rf_sniff_element(text, bytes, "annotation");
}

static const rf_convert_layout layouts[] = {{"train", "Annotations", "JPEGImages"},
                                            {"train", "Annotations", "images"},
                                            {"train", "annotations", "images"},
                                            {"train", "WIDER_train/Annotations", "WIDER_train"},
                                            {"val", "WIDER_val/Annotations", "WIDER_val"},
                                            {"train", "Annotations", ""},
                                            {"train", "train", "train"},
                                            {"val", "val", "val"},
                                            {"val", "valid", "valid"},
                                            {"test", "test", "test"},
                                            {0}};
static const char example[] = "<annotation>\n  <filename>photo.jpg</filename>\n"
                              "  <size><width>100</width><height>80</height><depth>3</depth></size>\n"
                              "  <object>\n    <name>face</name><difficult>0</difficult>\n"
                              "    <bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox>\n"
                              "  </object>\n</annotation>\n";

const rf_converter rf_converter_voc = {"voc",     "Pascal VOC: an XML file an image",
                                       example,   "photo.xml",
                                       ".xml",    true,
                                       layouts,   voc_read,
                                       NULL,      NULL,
                                       voc_sniff, false,
                                       NULL};
