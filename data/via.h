/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of VIA (VGG Image Annotator 1 and 2), which stand in its JSON and, as JSON in quotes, in its CSV. */
#ifndef RF_DATA_VIA_H
#define RF_DATA_VIA_H

#include "data/tool_json.h"

/* "shape_attributes": {"name": "rect", "x", "y", "width", "height"}, circle, ellipse, polygon, polyline or point; {}
 * has no shape, *any. */
rf_status rf_via_shape(rf_json_walk *walk, rf_shape *shape, bool *any);
/* "region_attributes": {"name": "face"}: the value of an attribute called label, class, name, type, category, kind or
 * object, else of the first. {"kind": {"face": true}} (checkboxes) means the first that is set. */
rf_status rf_via_label(rf_json_walk *walk, char label[RF_SHAPE_LABEL]);

/* Projects of VIA 3 (data/via3.c): images are "file"s of type 2 in "view"s, boxes "metadata" of views. */
bool rf_is_via3(const char *text, size_t bytes);
rf_status rf_via3_read(const rf_source *source, rf_intake *intake);

#endif
