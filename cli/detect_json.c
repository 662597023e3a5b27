/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what was found: a JSON object a line and picture (docs/formats.md). */
#include "cli/detect.h"
#include "cli/output.h"
#include "core/json.h"
#include "core/mem.h"

/* Fields are only added within a version. */
enum { VERSION = 1 };
static const char boxes[] = "x1 y1 x2 y2 in pixels from the upper left corner";

static void put_face(rf_json_writer *w, const rf_face_list *faces, const rf_seen *seen,
                     const rf_detect_settings *settings, size_t i) {
    const rf_face *face = &faces->items[i];
    rf_json_begin_object(w, NULL);
    const rf_classes *classes = &settings->classes;
    if (face->label < classes->n) {
        rf_json_put_int(w, "label", face->label);
        rf_json_put_string(w, "class", classes->name[face->label]);
    }
    rf_json_put_number(w, "score", face->score);
    rf_json_begin_array(w, "box");
    for (int k = 0; k < 4; k++) rf_json_put_number(w, NULL, face->box[k]);
    rf_json_end_array(w);
    rf_json_begin_array(w, "points");
    for (int k = 0; k < 2 * face->n_points; k++) rf_json_put_number(w, NULL, face->points[k]);
    rf_json_end_array(w);
    if (face->visible) {
        rf_json_begin_array(w, "visible");
        for (int k = 0; k < face->n_points; k++) rf_json_put_number(w, NULL, face->visible[k]);
        rf_json_end_array(w);
    }
    if (face->has_blur) rf_json_put_number(w, "blur", face->blur);
    for (int k = 0; k < settings->extras.n && face->n_extra; k++) {
        const rf_extra *extra = &settings->extras.v[k];
        if (extra->first < 0) continue; /* it has a place of its own in the face */
        rf_json_begin_array(w, extra->kind->name);
        for (int at = 0; at < extra->width; at++) rf_json_put_number(w, NULL, face->extra[extra->first + at]);
        rf_json_end_array(w);
    }
    if (face->mesh) {
        const float *xy = faces->vertices + 2 * faces->n_vertices * (face->mesh - 1);
        rf_json_begin_array(w, "mesh");
        for (size_t k = 0; k < 2 * faces->n_vertices; k++) rf_json_put_number(w, NULL, xy[k]);
        rf_json_end_array(w);
    }
    if (seen->aligned && seen->aligned[i]) rf_json_put_string(w, "aligned", seen->aligned[i]);
    if (seen->cropped && seen->cropped[i]) rf_json_put_string(w, "crop", seen->cropped[i]);
    rf_json_end_object(w);
}

/* How closely the picture was looked at. */
static void put_view(rf_json_writer *w, rf_finder_view view) {
    rf_json_put_number(w, "scale", view.scale);
    if (view.shrunk) rf_json_put_bool(w, "shrunk", true);
    if (view.tiles) rf_json_put_int(w, "tiles", (long long)view.tiles);
}

static void put_line(rf_json_writer *w, const rf_seen *seen, const rf_detect_settings *settings) {
    const rf_frame *frame = seen->frame;
    rf_json_put_string(w, "image", frame->name);
    if (frame->number) rf_json_put_int(w, "frame", (long long)frame->number);
    if (frame->number && frame->time >= 0) rf_json_put_number(w, "time", frame->time);
    if (seen->saved) rf_json_put_string(w, seen->drawn ? "drawn" : "blurred", seen->file);
    rf_json_put_int(w, "version", VERSION);
    if (seen->labelled) rf_json_put_string(w, "labelled", seen->labelled);
    if (seen->faces) {
        rf_json_put_int(w, "width", frame->image.width);
        rf_json_put_int(w, "height", frame->image.height);
        rf_json_put_string(w, "boxes", boxes);
        put_view(w, seen->view);
        rf_json_begin_array(w, "faces");
        for (size_t i = 0; i < seen->faces->n; i++) put_face(w, seen->faces, seen, settings, i);
        rf_json_end_array(w);
    }
    if (seen->error) rf_json_put_string(w, "error", seen->error);
}

typedef struct json_list {
    const rf_detect_settings *settings;
    rf_output_file out;
} json_list;

static rf_status json_open(rf_sink_shared *shared, void **state) {
    if (!shared->settings->json) return RF_OK;
    json_list *list = rf_alloc(1, sizeof *list);
    if (!list) return RF_ERR_NOMEM;
    list->settings = shared->settings;
    rf_status status = rf_output_open("--json", shared->settings->json, &list->out);
    if (status != RF_OK) {
        rf_output_close(&list->out);
        rf_free(list);
        return status;
    }
    *state = list;
    return RF_OK;
}

static rf_status json_start(void *state) {
    return rf_output_start(&((json_list *)state)->out);
}

static rf_status json_take(void *state, rf_seen *seen) {
    json_list *list = state;
    rf_json_writer w = {0};
    if (!seen->frame->name) return RF_OK;
    rf_json_begin_object(&w, NULL);
    put_line(&w, seen, list->settings);
    rf_json_end_object(&w);
    char *text = NULL;
    RF_TRY(rf_json_finish(&w, &text));
    rf_status status = rf_output_line(&list->out, text);
    rf_free(text);
    return status;
}

static rf_status json_close(void *state, bool complete) {
    json_list *list = state;
    (void)complete;
    rf_output_close(&list->out);
    rf_free(list);
    return RF_OK;
}

const rf_sink_kind rf_sink_json = {"json", json_open, json_start, json_take, json_close};
