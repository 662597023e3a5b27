/* SPDX-License-Identifier: Apache-2.0 */
/* Apple's Create ML: an array of {"image", "annotations": [{"label", "coordinates": {x, y, width, height}}]}, where x
 * and y are the middle of the box, in pixels. Older files say "imagefilename" and "annotation". */
#include <stdio.h>
#include <string.h>

#include "data/convert.h"
#include "data/sniff.h"
#include "data/tool_json.h"

typedef struct createml {
    rf_intake *intake;
    rf_shapes shapes;
} createml;

static rf_status read_coordinates(rf_json_walk *walk, rf_shape *shape, unsigned *have) {
    static const char *const names[] = {"x", "y", "width", "height"};
    char key[RF_TOOL_KEY];
    bool more, any;
    RF_TRY(rf_walk_enter(walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        int k = 0;
        while (k < 4 && strcmp(key, names[k]) != 0) k++;
        if (k == 4) {
            RF_TRY(rf_walk_skip(walk));
            continue;
        }
        RF_TRY(rf_tool_number(walk, &shape->box[k], &any));
        if (any) *have |= 1u << k;
    }
}

static rf_status read_annotation(void *ctx, rf_json_walk *walk) {
    createml *c = ctx;
    rf_shape shape = {0};
    unsigned have = 0;
    char key[RF_TOOL_KEY];
    bool more;
    RF_TRY(rf_walk_enter(walk, '{'));
    shape.line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "label") == 0)
            RF_TRY(rf_tool_text(walk, shape.label, sizeof shape.label));
        else if (strcmp(key, "coordinates") == 0 && rf_walk_kind(walk) == '{')
            RF_TRY(read_coordinates(walk, &shape, &have));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    if (have != 15)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: an annotation needs coordinates: x, y, width, height", walk->path,
                       shape.line);
    for (int k = 0; k < 2; k++) shape.box[k] -= shape.box[2 + k] / 2;
    return rf_shapes_add(&c->shapes, &shape);
}

static rf_status read_image(void *ctx, rf_json_walk *walk) {
    createml *c = ctx;
    char key[RF_TOOL_KEY], name[RF_TOOL_NAME] = "";
    bool more;
    c->shapes.n = 0;
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "image") == 0 || strcmp(key, "imagefilename") == 0)
            RF_TRY(rf_tool_text(walk, name, sizeof name));
        else if (strncmp(key, "annotation", 10) == 0 && rf_walk_kind(walk) == '[')
            RF_TRY(rf_tool_each(walk, c->intake, RF_CONVERT_WRONG_FACE, read_annotation, c));
        else
            RF_TRY(rf_walk_skip(walk));
    }
    if (!*name) return rf_fail(RF_ERR_FORMAT, "%s:%d: an entry without \"image\"", walk->path, line);
    RF_TRY(rf_intake_add_image(c->intake, name, strlen(name), NULL, 0, line));
    return rf_shapes_flush(&c->shapes, c->intake, c->intake->n_images - 1);
}

static rf_status createml_read(const rf_source *source, rf_intake *intake) {
    createml c = {.intake = intake};
    intake->form = RF_BOX_CENTRES;
    rf_json_walk walk = rf_walk_begin(source->path, source->text, source->bytes);
    rf_status status = rf_walk_kind(&walk) == '[' ? RF_OK : rf_walk_expected(&walk, "an array of images, [...]");
    if (status == RF_OK) status = rf_tool_each(&walk, intake, RF_CONVERT_WRONG_IMAGE, read_image, &c);
    if (status == RF_OK) status = rf_walk_finish(&walk);
    rf_shapes_free(&c.shapes);
    return status;
}

static bool createml_sniff(const char *text, size_t bytes) {
    static const char *const keys[] = {"image", "annotations", NULL}, *const old[] = {"imagefilename", "annotation",
                                                                                      NULL};
    rf_json_walk walk = rf_walk_begin("", text, bytes);
    return rf_walk_kind(&walk) == '[' &&
           (rf_sniff_keys(text, bytes, 1, keys) == 3 || rf_sniff_keys(text, bytes, 1, old) == 3);
}

static const rf_convert_layout layouts[] = {{"train", "train/_annotations.createml.json", "train"},
                                            {"val", "valid/_annotations.createml.json", "valid"},
                                            {"test", "test/_annotations.createml.json", "test"},
                                            {0}};

static const char example[] =
    "[{\"image\": \"photo.jpg\",\n"
    "  \"annotations\": [{\"label\": \"face\",\n"
    "                   \"coordinates\": {\"x\": 25, \"y\": 40, \"width\": 30, \"height\": 40}}]}]\n";

const rf_converter rf_converter_createml = {"createml",
                                            "Create ML's JSON: boxes by their middle",
                                            example,
                                            "annotations.createml.json",
                                            ".json",
                                            false,
                                            layouts,
                                            createml_read,
                                            NULL,
                                            NULL,
                                            createml_sniff,
                                            false,
                                            NULL};
