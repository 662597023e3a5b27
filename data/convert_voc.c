/* Pascal VOC: an XML file an image (VOC2012 development kit, section 4), read by expat. Coordinates are pixel numbers
 * from 1, the last one inclusive, so xmin 1 and xmax W are the whole width; a 0, which some tools write, is taken as it
 * is. Document types are refused, and with them all entities but XML's own five: nothing can be expanded or fetched. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <expat.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/annotation.h"
#include "data/convert.h"

enum { MAX_DEPTH = 32, TEXT_BYTES = 2048, PATH_BYTES = 96, NAME_BYTES = 256, CHUNK = 1 << 20 };

typedef struct object {
    char name[NAME_BYTES];
    double corners[4]; /* xmin ymin xmax ymax */
    unsigned have;     /* bits of corners */
    bool difficult;
    int line;
} object;

typedef struct voc {
    const rf_source *source;
    rf_intake *intake;
    XML_Parser parser;
    rf_status status; /* of our own, when not RF_OK */
    int depth;
    char path[PATH_BYTES]; /* "annotation/object/name"; '?' parts once it is too long */
    size_t ends[MAX_DEPTH];
    char text[TEXT_BYTES]; /* of the innermost element */
    size_t n_text;
    char filename[TEXT_BYTES];
    int filename_line, width, height;
    object *objects;
    size_t n_objects;
} voc;

static int line_of(const voc *v) {
    XML_Size line = XML_GetCurrentLineNumber(v->parser);
    return line > INT_MAX ? INT_MAX : (int)line;
}

static void stop(voc *v, const char *fmt, ...) RF_PRINTF(2, 3);

static void stop(voc *v, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (v->status == RF_OK) v->status = rf_fail(RF_ERR_FORMAT, "%s:%d: %s", v->source->path, line_of(v), text);
    XML_StopParser(v->parser, XML_FALSE);
}

static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal) {
    (void)name, (void)system, (void)public, (void)internal;
    stop(ctx, "a document type (<!DOCTYPE) is not accepted: annotations need no entities; remove it");
}

static void begin_object(voc *v) {
    size_t n = v->n_objects;
    if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) { /* grows by doubling */
        object *grown = rf_realloc(v->objects, n, n ? 2 * n : 4, sizeof *grown);
        if (!grown) {
            v->status = RF_ERR_NOMEM;
            XML_StopParser(v->parser, XML_FALSE);
            return;
        }
        v->objects = grown;
    }
    v->objects[v->n_objects++] = (object){.line = line_of(v)};
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes) {
    voc *v = ctx;
    (void)attributes;
    if (v->status != RF_OK) return;
    if (v->depth == MAX_DEPTH) {
        stop(v, "XML more than %d levels deep", MAX_DEPTH);
        return;
    }
    size_t used = strlen(v->path), n = strlen(name);
    v->ends[v->depth++] = used;
    bool fits = used + n + 2 < sizeof v->path;
    snprintf(v->path + used, sizeof v->path - used, "%s%s", used ? "/" : "", fits ? name : "?");
    v->n_text = 0;
    if (v->depth == 1 && strcmp(name, "annotation") != 0)
        stop(v, "the outermost element is <%.40s>; Pascal VOC has <annotation>", name);
    else if (strcmp(v->path, "annotation/object") == 0)
        begin_object(v);
}

static void on_text(void *ctx, const XML_Char *text, int n) {
    voc *v = ctx;
    if (v->status != RF_OK) return;
    if ((size_t)n > sizeof v->text - 1 - v->n_text) {
        stop(v, "an element with more than %d bytes of text", TEXT_BYTES - 1);
        return;
    }
    memcpy(v->text + v->n_text, text, (size_t)n);
    v->n_text += (size_t)n;
}

static char *trimmed(voc *v) {
    static const char blanks[] = " \t\r\n";
    v->text[v->n_text] = 0;
    char *begin = v->text + strspn(v->text, blanks);
    size_t n = strlen(begin);
    while (n > 0 && strchr(blanks, begin[n - 1])) n--;
    begin[n] = 0;
    return begin;
}

static void take_size(voc *v, const char *text, int *out) {
    double value;
    if (!rf_number_parse(text, &value) || value < 0 || value > 1e9)
        stop(v, "\"%.40s\" is no size in pixels", text);
    else
        *out = (int)value;
}

static void take_object_text(voc *v, const char *what, const char *text) {
    static const char *const corners[] = {"bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax"};
    object *o = &v->objects[v->n_objects - 1];
    if (strcmp(what, "name") == 0) snprintf(o->name, sizeof o->name, "%.*s", NAME_BYTES - 1, text);
    if (strcmp(what, "difficult") == 0) o->difficult = strcmp(text, "1") == 0;
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(what, corners[i]) != 0) continue;
        if (o->have >> i & 1)
            stop(v, "a second %s in one object", corners[i]);
        else if (!rf_number_parse(text, &o->corners[i]))
            stop(v, "\"%.40s\" is not a number", text);
        o->have |= 1u << i;
    }
}

static void on_end(void *ctx, const XML_Char *name) {
    static const char object_path[] = "annotation/object/";
    voc *v = ctx;
    (void)name;
    if (v->status != RF_OK) return;
    const char *text = trimmed(v);
    if (strcmp(v->path, "annotation/filename") == 0) {
        snprintf(v->filename, sizeof v->filename, "%s", text);
        v->filename_line = line_of(v);
    } else if (strcmp(v->path, "annotation/size/width") == 0) {
        take_size(v, text, &v->width);
    } else if (strcmp(v->path, "annotation/size/height") == 0) {
        take_size(v, text, &v->height);
    } else if (strncmp(v->path, object_path, sizeof object_path - 1) == 0) {
        take_object_text(v, v->path + sizeof object_path - 1, text);
    }
    v->path[v->ends[--v->depth]] = 0;
    v->n_text = 0;
}

static rf_status parse(voc *v) {
    const char *at = v->source->text;
    for (size_t left = v->source->bytes;;) {
        size_t n = left < CHUNK ? left : CHUNK;
        enum XML_Status parsed = XML_Parse(v->parser, at, (int)n, n == left);
        if (v->status != RF_OK) return v->status;
        if (parsed != XML_STATUS_OK) {
            enum XML_Error code = XML_GetErrorCode(v->parser);
            if (code == XML_ERROR_NO_MEMORY)
                return rf_fail(RF_ERR_NOMEM, "out of memory while reading '%s'", v->source->path);
            return rf_fail(RF_ERR_FORMAT, "%s:%d: wrong XML: %s", v->source->path, line_of(v), XML_ErrorString(code));
        }
        at += n;
        left -= n;
        if (left == 0) return RF_OK;
    }
}

static rf_status add_object(const voc *v, const object *o) {
    rf_intake_face face = {.image = v->intake->n_images - 1};
    if (o->have != 15)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: an object without a whole bndbox (xmin, ymin, xmax, ymax)",
                       v->source->path, o->line);
    double x = o->corners[0] > 0 ? o->corners[0] - 1 : o->corners[0];
    double y = o->corners[1] > 0 ? o->corners[1] - 1 : o->corners[1];
    double box[4] = {x, y, o->corners[2] - x, o->corners[3] - y};
    RF_TRY(rf_intake_category(v->intake, o->name, &face.category));
    RF_TRY(rf_intake_fill(v->intake, box, NULL, o->line, &face));
    face.face.ignore = o->difficult && !v->intake->keep_difficult;
    return rf_intake_add_face(v->intake, &face);
}

/* The image lies where the XML file does in its own folder: sub/a.xml has sub/FILENAME, or else sub/a.SUFFIX. */
static rf_status add_image(const voc *v) {
    char name[2 * TEXT_BYTES];
    const char *base = rf_path_base(v->source->name), *dot = strrchr(base, '.');
    int folder = (int)(base - v->source->name);
    size_t stem = dot ? (size_t)(dot - v->source->name) : strlen(v->source->name);
    int n = *v->filename
                ? snprintf(name, sizeof name, "%.*s%s", folder < TEXT_BYTES ? folder : 0, v->source->name, v->filename)
                : 0;
    RF_TRY(rf_intake_add_image(v->intake, name, (size_t)n, v->source->name, stem,
                               v->filename_line ? v->filename_line : 1));
    rf_intake_image *image = &v->intake->images[v->intake->n_images - 1];
    image->declared_width = v->width;
    image->declared_height = v->height;
    return RF_OK;
}

static rf_status voc_read(const rf_source *source, rf_intake *intake) {
    voc v = {.source = source, .intake = intake, .parser = XML_ParserCreate(NULL)};
    if (!v.parser) return rf_fail(RF_ERR_NOMEM, "out of memory in expat");
    XML_SetUserData(v.parser, &v);
    XML_SetElementHandler(v.parser, on_start, on_end);
    XML_SetCharacterDataHandler(v.parser, on_text);
    XML_SetStartDoctypeDeclHandler(v.parser, on_doctype);
    rf_status status = parse(&v);
    if (status == RF_OK) status = add_image(&v);
    for (size_t i = 0; status == RF_OK && i < v.n_objects; i++) status = add_object(&v, &v.objects[i]);
    XML_ParserFree(v.parser);
    rf_free(v.objects);
    return status;
}

static const rf_convert_layout layouts[] = {{"train", "Annotations", "JPEGImages"},
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

const rf_converter rf_converter_voc = {
    "voc", "Pascal VOC: an XML file an image", example, "photo.xml", ".xml", true, layouts, voc_read, NULL, NULL};
