/* SPDX-License-Identifier: Apache-2.0 */
/* VIA (VGG Image Annotator; version 3 in data/via3.c): a project or an export as JSON, {"KEY": {"filename", "regions":
 * [...]}}, in a project inside "_via_img_metadata"; or CSV, a row a region. An image without regions is a negative. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "data/convert.h"
#include "data/csv.h"
#include "data/sniff.h"
#include "data/via.h"

typedef struct via {
    rf_intake *intake;
    rf_shapes shapes;
} via;

static rf_status read_region(void *ctx, rf_json_walk *walk) {
    via *v = ctx;
    rf_shape shape = {0};
    char key[RF_TOOL_KEY];
    bool more, any = false;
    RF_TRY(rf_walk_enter(walk, '{'));
    shape.line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "shape_attributes") == 0)
            RF_TRY(rf_via_shape(walk, &shape, &any));
        else if (strcmp(key, "region_attributes") == 0 && rf_walk_kind(walk) == '{')
            RF_TRY(rf_via_label(walk, shape.label));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    if (!any) return rf_fail(RF_ERR_FORMAT, "%s:%d: a region without shape_attributes", walk->path, shape.line);
    return rf_shapes_add(&v->shapes, &shape);
}

static rf_status read_image(void *ctx, rf_json_walk *walk) {
    via *v = ctx;
    char key[RF_TOOL_KEY], name[RF_TOOL_NAME] = "";
    bool more;
    v->shapes.n = 0;
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        char kind = rf_walk_kind(walk);
        if (strcmp(key, "filename") == 0)
            RF_TRY(rf_tool_text(walk, name, sizeof name));
        else if (strcmp(key, "regions") == 0 && (kind == '[' || kind == '{'))
            RF_TRY(rf_tool_each(walk, v->intake, RF_CONVERT_WRONG_FACE, read_region, v));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    if (!*name) return rf_fail(RF_ERR_FORMAT, "%s:%d: an entry without \"filename\"", walk->path, line);
    RF_TRY(rf_intake_add_image(v->intake, name, strlen(name), NULL, 0, line));
    return rf_shapes_flush(&v->shapes, v->intake, v->intake->n_images - 1);
}

static const char *const project_keys[] = {"_via_img_metadata", NULL}, *const image_keys[] = {"filename", "regions",
                                                                                              NULL};

static rf_status read_json(via *v, const rf_source *source) {
    rf_json_walk walk = rf_walk_begin(source->path, source->text, source->bytes);
    char key[RF_TOOL_KEY];
    bool more;
    if (rf_sniff_keys(source->text, source->bytes, 0, project_keys) == 1) {
        RF_TRY(rf_walk_enter(&walk, '{'));
        for (;;) {
            RF_TRY(rf_walk_member(&walk, key, sizeof key, &more));
            if (!more) break;
            if (strcmp(key, project_keys[0]) == 0)
                RF_TRY(rf_tool_each(&walk, v->intake, RF_CONVERT_WRONG_IMAGE, read_image, v));
            else
                RF_TRY(rf_walk_skip(&walk));
        }
    } else {
        if (rf_walk_kind(&walk) != '{') return rf_walk_expected(&walk, "an object, {...}");
        RF_TRY(rf_tool_each(&walk, v->intake, RF_CONVERT_WRONG_IMAGE, read_image, v));
    }
    return rf_walk_finish(&walk);
}

enum { FILENAME, SHAPE, ATTRIBUTES, COLUMNS };
static const char shape_column[] = "region_shape_attributes";

static bool read_header(const rf_csv *csv, int column[COLUMNS]) {
    static const char *const names[] = {"filename", shape_column, "region_attributes"};
    for (int k = 0; k < COLUMNS; k++) column[k] = -1;
    for (size_t i = 0; i < csv->n; i++)
        for (int k = 0; k < COLUMNS; k++)
            if (strcmp(csv->field[i] + (*csv->field[i] == '#'), names[k]) == 0) column[k] = (int)i;
    return column[FILENAME] >= 0 && column[SHAPE] >= 0;
}

static rf_status read_row(via *v, const rf_csv *csv, const int column[COLUMNS]) {
    rf_shape shape = {.line = csv->row_line};
    bool any = false;
    const char *name = csv->field[column[FILENAME]], *text = csv->field[column[SHAPE]];
    rf_json_walk walk = rf_walk_begin(csv->path, text, strlen(text));
    walk.line = csv->row_line;
    if (*text) RF_TRY(rf_via_shape(&walk, &shape, &any));
    const char *attributes = column[ATTRIBUTES] >= 0 ? csv->field[column[ATTRIBUTES]] : "";
    walk = rf_walk_begin(csv->path, attributes, strlen(attributes));
    walk.line = csv->row_line;
    if (any && *attributes) RF_TRY(rf_via_label(&walk, shape.label));
    if (any) RF_TRY(rf_shapes_add(&v->shapes, &shape));
    return *name ? RF_OK : rf_fail(RF_ERR_FORMAT, "%s:%d: a region without a filename", csv->path, csv->row_line);
}

/* The rows of an image stand together; what comes again is put to it. */
static rf_status read_csv(via *v, rf_csv *csv) {
    int column[COLUMNS];
    char name[RF_TOOL_NAME] = "";
    bool more;
    RF_TRY(rf_csv_next(csv, &more));
    size_t n = csv->n;
    if (!more || !read_header(csv, column))
        return rf_fail(RF_ERR_FORMAT, "%s:1: expected VIA's header, with filename and region_shape_attributes",
                       csv->path);
    v->intake->merges = true;
    for (;;) {
        RF_TRY(rf_csv_next(csv, &more));
        if (!more) return *name ? rf_shapes_flush(&v->shapes, v->intake, v->intake->n_images - 1) : RF_OK;
        rf_status status = RF_OK;
        if (csv->n != n)
            status =
                rf_fail(RF_ERR_FORMAT, "%s:%d: %zu fields; the header has %zu", csv->path, csv->row_line, csv->n, n);
        const char *next = status == RF_OK ? csv->field[column[FILENAME]] : name;
        if (strcmp(next, name) != 0 && *next) {
            if (*name) RF_TRY(rf_shapes_flush(&v->shapes, v->intake, v->intake->n_images - 1));
            RF_TRY(rf_intake_add_image(v->intake, next, strlen(next), NULL, 0, csv->row_line));
            snprintf(name, sizeof name, "%s", next);
        }
        if (status == RF_OK) status = read_row(v, csv, column);
        RF_TRY(rf_intake_skip(v->intake, status, RF_CONVERT_WRONG_FACE, *name ? (long long)v->intake->n_images - 1 : -1,
                              csv->row_line));
    }
}

static bool is_json(const char *text, size_t bytes) {
    rf_json_walk walk = rf_walk_begin("", text, bytes);
    return rf_walk_kind(&walk) == '{';
}

static rf_status via_read(const rf_source *source, rf_intake *intake) {
    via v = {.intake = intake};
    rf_status status;
    if (rf_is_via3(source->text, source->bytes)) {
        status = rf_via3_read(source, intake);
    } else if (is_json(source->text, source->bytes)) {
        status = read_json(&v, source);
    } else {
        rf_csv csv;
        rf_csv_begin(&csv, source->path, source->text, source->bytes);
        status = read_csv(&v, &csv);
        rf_csv_end(&csv);
    }
    rf_shapes_free(&v.shapes);
    return status;
}

static bool via_sniff(const char *text, size_t bytes) {
    rf_csv csv;
    int column[COLUMNS];
    bool more = false;
    if (is_json(text, bytes))
        return rf_is_via3(text, bytes) || rf_sniff_keys(text, bytes, 0, project_keys) == 1 ||
               rf_sniff_keys(text, bytes, 1, image_keys) == 3;
    const char *end = memchr(text, '\n', bytes);
    size_t first = end ? (size_t)(end - text) : bytes;
    if (!memmem(text, first, shape_column, sizeof shape_column - 1))
        return false; /* and nothing was allocated for it */
    rf_csv_begin(&csv, "", text, bytes);
    bool known = rf_csv_next(&csv, &more) == RF_OK && more && read_header(&csv, column);
    rf_csv_end(&csv);
    return known;
}

static const rf_convert_layout layouts[] = {
    {"train", "train/via_region_data.json", "train"}, {"val", "val/via_region_data.json", "val"}, {0}};

static const char example[] =
    "{\"photo.jpg1234\": {\"filename\": \"photo.jpg\", \"size\": 1234, \"file_attributes\": {},\n"
    "  \"regions\": [{\"shape_attributes\": {\"name\": \"rect\", \"x\": 10, \"y\": 20, \"width\": 30, \"height\": "
    "40},\n"
    "               \"region_attributes\": {\"name\": \"face\"}}]}}\n";

const rf_converter rf_converter_via = {
    "via",        "VIA's project, JSON or CSV: rect, circle, ellipse, polygon, landmarks as points",
    example,      "via_project.json",
    ".json,.csv", false,
    layouts,      via_read,
    NULL,         NULL,
    via_sniff,    false,
    NULL};
