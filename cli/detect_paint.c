/* SPDX-License-Identifier: Apache-2.0 */
/* What is painted on pictures, and where they go: below --out, or as a stream to the standard output. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/detect.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/mem.h"
#include "data/blur.h"
#include "data/draw.h"

/* ---- blur ---- */

static rf_status blur_open(rf_sink_shared *shared, void **state) {
    *state = shared->settings->blur ? shared : NULL;
    return RF_OK;
}

static rf_status blur_take(void *state, rf_seen *seen) {
    (void)state;
    for (size_t i = 0; seen->faces && i < seen->faces->n; i++) {
        RF_TRY(rf_image_hide(&seen->frame->image, seen->faces->items[i].box));
        seen->blurred = true;
    }
    return RF_OK;
}

static rf_status nothing_to_close(void *state, bool complete) {
    (void)state, (void)complete;
    return RF_OK;
}

const rf_sink_kind rf_sink_blur = {"blur", blur_open, NULL, blur_take, nothing_to_close};

/* ---- boxes, points and scores ---- */

static void draw_faces(rf_image *image, const rf_face_list *faces, const rf_classes *classes) {
    static const rf_colour dots[RF_POINTS] = {
        {230, 60, 60}, {60, 120, 255}, {250, 220, 60}, {200, 80, 220}, {60, 220, 220}};
    int thickness = rf_draw_thickness(image);
    for (size_t i = 0; i < faces->n; i++) {
        const rf_face *face = &faces->items[i];
        rf_draw_rectangle(image, face->box, thickness, rf_draw_class_colour(face->label));
        for (int k = 0; k < face->n_points; k++)
            rf_draw_disc(image, face->points[2 * k], face->points[2 * k + 1],
                         rf_draw_point_radius(1.5f * (float)thickness, face->n_points), dots[k % RF_POINTS]);
        if (face->mesh)
            rf_draw_mesh(image, faces->vertices + 2 * faces->n_vertices * (face->mesh - 1), faces->n_vertices,
                         face->box[3] - face->box[1]);
        char text[RF_CLASS_BYTES + 16];
        bool named = face->label < classes->n;
        snprintf(text, sizeof text, "%s%s%.2f", named ? classes->name[face->label] : "", named ? " " : "",
                 (double)face->score);
        int scale = (thickness + 1) / 2;
        float y = face->box[1] - (float)(9 * scale), w = (float)rf_draw_text_width(text, scale);
        if (y < 0) y = 0;
        float back[4] = {face->box[0], y, face->box[0] + w + (float)scale, y + (float)(9 * scale)};
        rf_draw_filled(image, back, (rf_colour){0, 0, 0});
        rf_draw_text(image, face->box[0] + (float)scale, y + (float)scale, text, scale, (rf_colour){255, 255, 255});
    }
}

static rf_status draw_open(rf_sink_shared *shared, void **state) {
    *state = shared->settings->draw ? shared : NULL;
    return RF_OK;
}

static rf_status draw_take(void *state, rf_seen *seen) {
    const rf_sink_shared *shared = state;
    if (!seen->faces) return RF_OK;
    draw_faces(&seen->frame->image, seen->faces, &shared->settings->classes);
    seen->drawn = true;
    return RF_OK;
}

const rf_sink_kind rf_sink_draw = {"draw", draw_open, NULL, draw_take, nothing_to_close};

/* ---- pictures ---- */

typedef struct pictures {
    const rf_detect_settings *settings;
    rf_distinct *names;
    rf_output_file stream; /* without --out */
    bool begun;
    char *header; /* of the stream that is being written */
    rf_coding coding;
    rf_planes planes;
} pictures;

static rf_status pictures_open(rf_sink_shared *shared, void **state) {
    const rf_detect_settings *settings = shared->settings;
    if (!settings->draw && !settings->blur) return RF_OK;
    pictures *p = rf_alloc(1, sizeof *p);
    if (!p) return RF_ERR_NOMEM;
    *p = (pictures){.settings = settings, .names = shared->names, .stream.file = -1};
    *state = p;
    if (settings->out) return RF_OK;
    const char *option = settings->blur ? "--blur" : "--draw";
    if (settings->json && strcmp(settings->json, "-") == 0)
        return rf_fail(RF_ERR_USER,
                       "%s without --out and --json - would both be the standard output: name a folder for "
                       "the pictures, --out DIR, or a file for --json",
                       option);
    if (isatty(STDOUT_FILENO))
        return rf_fail(RF_ERR_USER,
                       "%s without --out writes pictures to the standard output, which is a terminal: give "
                       "--out DIR, or a pipe or file behind the command",
                       option);
    return rf_output_open(option, "-", &p->stream);
}

/* The name below OUT of a picture: that of the picture below its folder, with .jpg when the suffix is neither .jpg nor
 * .png, and with -2, -3 and so on when another picture came first. */
static rf_status name_picture(const pictures *p, const char *relative, char **file) {
    size_t bytes = strlen(relative) + sizeof ".jpg";
    const char *twin;
    char *wanted = rf_alloc(bytes, 1);
    if (!wanted) return RF_ERR_NOMEM;
    snprintf(wanted, bytes, "%s%s", relative, rf_is_picture_name(relative) ? "" : ".jpg");
    rf_status status = rf_distinct_take(p->names, wanted, file, &twin);
    rf_free(wanted);
    if (status == RF_OK && twin)
        rf_note("note: %s and %s in %s are one file where the case of letters does not count\n", twin, *file,
                p->settings->out);
    return status;
}

static rf_status to_folder(const pictures *p, rf_seen *seen) {
    bool own;
    if (!seen->frame->relative) return RF_OK;
    RF_TRY(name_picture(p, seen->frame->relative, &seen->file));
    if (!seen->faces) return RF_OK;
    rf_status status = rf_detect_save(p->settings->out, seen->frame->name, seen->file, &seen->frame->image, &own);
    seen->saved = status == RF_OK;
    if (status == RF_OK || !own) return status;
    rf_seen_blame(seen, seen->drawn ? "not drawn" : "not blurred");
    return RF_OK;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One stream has one header, or one size of raw frames; pictures may differ. */
static rf_status check_same_stream(pictures *p, const rf_frame *frame) {
    bool planes = frame->coding == RF_CODED_PLANES;
    if (p->begun && (planes != (p->coding == RF_CODED_PLANES) || !same_text(p->header, frame->header)))
        return rf_fail(RF_ERR_USER,
                       "%s frame %zu: it cannot follow what was written to the standard output before, frames of "
                       "another kind or size: give --out DIR, or one film a call",
                       frame->name, frame->number);
    if (p->begun) return RF_OK;
    p->begun = true;
    p->coding = frame->coding;
    if (!frame->header) return RF_OK;
    p->header = rf_strdup(frame->header);
    if (!p->header) return RF_ERR_NOMEM;
    RF_TRY(rf_output_bytes(&p->stream, p->header, strlen(p->header)));
    return rf_output_bytes(&p->stream, "\n", 1);
}

static rf_status to_stream(pictures *p, rf_seen *seen) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!seen->faces) return RF_OK;
    rf_status status = check_same_stream(p, seen->frame);
    if (status == RF_OK)
        status = rf_frame_encode(seen->frame, seen->blurred || (seen->drawn && seen->faces->n), &bytes, &n);
    if (status == RF_OK && seen->frame->header) status = rf_output_bytes(&p->stream, "FRAME\n", 6);
    if (status == RF_OK) status = rf_output_bytes(&p->stream, bytes, n);
    rf_free(bytes);
    return status;
}

static rf_status pictures_take(void *state, rf_seen *seen) {
    pictures *p = state;
    return p->settings->out ? to_folder(p, seen) : to_stream(p, seen);
}

static rf_status pictures_close(void *state, bool complete) {
    pictures *p = state;
    (void)complete;
    rf_output_close(&p->stream);
    rf_free(p->header);
    rf_free(p);
    return RF_OK;
}

const rf_sink_kind rf_sink_pictures = {"pictures", pictures_open, NULL, pictures_take, pictures_close};
