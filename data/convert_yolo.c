/* SPDX-License-Identifier: Apache-2.0 */
/* YOLO: a text file an image, beside it or in "labels" instead of "images"; a face is "class cx cy w h" in shares of
 * the picture's width and height. Five landmarks may follow: "x y" each with -1 for absent (yolov5-face), or "x y v"
 * each with v as in COCO (Ultralytics); or a polygon stands for the box around it. An empty file is an image without
 * faces. classes.txt (LabelImg), obj.names (CVAT, darknet), _darknet.labels (Roboflow) or data.yaml (Ultralytics) names
 * the classes. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "data/annotation.h"
#include "data/convert.h"
#include "data/image_name.h"
#include "data/yaml_names.h"
#include "data/yolo_row.h"

enum { STEM_BYTES = 2048 };
static const char companions[] = "obj.names,classes.txt,data.yaml,_darknet.labels";

static rf_status read_face(const rf_line_reader *reader, bool polygons, rf_intake *intake) {
    rf_yolo_row row;
    char name[16];
    RF_TRY(rf_yolo_row_read(reader, &intake->scheme, polygons, &row));
    if (row.unsure)
        RF_TRY(
            rf_intake_tell(intake, RF_CONVERT_READ_AS, 1, reader->number,
                           "fifteen numbers are read as a polygon of seven points, not as a box and five landmarks"));
    rf_intake_face face = {.image = intake->n_images - 1, .shares = true};
    snprintf(name, sizeof name, "%d", row.kind);
    RF_TRY(rf_intake_category(intake, name, &face.category));
    RF_TRY(rf_intake_fill(intake, row.box, row.has_points ? row.points : NULL, rf_scheme_count(&intake->scheme),
                          reader->number, &face));
    return rf_intake_add_face(intake, &face);
}

static bool is_called(const char *base, const char *names) {
    for (const char *p = names; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        if (strlen(base) == n && memcmp(base, p, n) == 0) return true;
        p += n;
    }
    return false;
}

/* Files that tell what the classes are called; the first of them counts. */
static rf_status read_class_names(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    const char *dot = strrchr(source->name, '.');
    if (intake->n_class_names) return RF_OK;
    if (dot && strcmp(dot, ".yaml") == 0) return rf_yaml_names(source, intake);
    while (rf_lines_next(&reader)) RF_TRY(rf_intake_class_name(intake, reader.line, reader.length));
    return RF_OK;
}

/* Whether rows can be nothing but polygons; then those of fifteen numbers are some, too. */
static bool has_polygons(const rf_source *source, const rf_point_scheme *scheme) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    rf_yolo_row row;
    while (rf_lines_next(&reader))
        if (rf_yolo_row_read(&reader, scheme, false, &row) == RF_OK && row.polygon) return true;
    return false;
}

/* train.txt of darknet and CVAT: names of pictures, whose label files are read wherever they lie. */
static bool is_list(const rf_source *source) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    return rf_lines_next(&reader) && !rf_line_is_numeric(&reader) && rf_image_suffix(reader.line, reader.length);
}

/* "labels/x/a" as "images/x/a"; false when there is no folder of that name. */
static bool images_for_labels(const char *stem, size_t n, char out[STEM_BYTES]) {
    if (n >= STEM_BYTES) return false;
    memcpy(out, stem, n);
    out[n] = 0;
    for (char *p = out + n; p > out;) {
        while (--p > out && p[-1] != '/') continue;
        if (strncmp(p, "labels/", 7) != 0) continue;
        memcpy(p, "images", 6);
        return true;
    }
    return false;
}

static rf_status yolo_read(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    const char *base = rf_path_base(source->name), *dot = strrchr(base, '.');
    char images[STEM_BYTES];
    if (is_called(base, companions)) return read_class_names(source, intake);
    if (is_list(source))
        return rf_intake_tell(intake, RF_CONVERT_READ_AS, 1, 0,
                              "a list of pictures: their label files are read wherever they lie, so it is passed over");
    size_t stem = dot ? (size_t)(dot - source->name) : strlen(source->name);
    intake->form = RF_BOX_CENTRES;
    intake->unnamed_negative = true;
    RF_TRY(rf_intake_add_image(intake, NULL, 0, source->name, stem, 1));
    if (images_for_labels(source->name, stem, images)) RF_TRY(rf_intake_also(intake, images));
    bool polygons = has_polygons(source, &intake->scheme);
    long long image = (long long)intake->n_images - 1;
    while (rf_lines_next(&reader))
        RF_TRY(
            rf_intake_skip(intake, read_face(&reader, polygons, intake), RF_CONVERT_WRONG_FACE, image, reader.number));
    return RF_OK;
}

/* The first lines are classes and shares; a few, since a text may be long. */
static bool yolo_sniff(const char *text, size_t bytes) {
    enum { LINES = 20 };
    int lines = 0;
    rf_yolo_row row;
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    for (; lines < LINES && rf_lines_next(&reader); lines++)
        if (rf_yolo_row_read(&reader, &(rf_point_scheme){0}, false, &row) != RF_OK) return false;
    return lines > 0;
}

static const rf_convert_layout layouts[] = {{"train", "labels/train", "images/train"},
                                            {"val", "labels/val", "images/val"},
                                            {"test", "labels/test", "images/test"},
                                            {"train", "train/labels", "train/images"},
                                            {"val", "val/labels", "val/images"},
                                            {"val", "valid/labels", "valid/images"},
                                            {"test", "test/labels", "test/images"},
                                            {"train", "obj_train_data", "obj_train_data"},
                                            {"train", "obj_Train_data", "obj_Train_data"},
                                            {"val", "obj_Validation_data", "obj_Validation_data"},
                                            {"val", "obj_valid_data", "obj_valid_data"},
                                            {"test", "obj_Test_data", "obj_Test_data"},
                                            {"train", "train", "train"},
                                            {"val", "valid", "valid"},
                                            {"val", "val", "val"},
                                            {"test", "test", "test"},
                                            {"", "labels", "images"},
                                            {0}};

const rf_converter rf_converter_yolo = {"yolo",
                                        "YOLO text files: class cx cy w h, five landmarks as in yolov5-face",
                                        "0 0.25 0.5 0.3 0.5\n",
                                        "photo.txt",
                                        ".txt",
                                        false,
                                        layouts,
                                        yolo_read,
                                        NULL,
                                        NULL,
                                        yolo_sniff,
                                        false,
                                        companions};
