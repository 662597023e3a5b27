/* SPDX-License-Identifier: Apache-2.0 */
/* A picture a face below --out: brought onto ArcFace's template (--align), or cut out (--crop). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/detect.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/align.h"

typedef struct face_pictures {
    const rf_detect_settings *settings;
    rf_distinct *names;
    rf_image image;   /* memory for one face */
    size_t pointless; /* faces without points, which cannot be aligned */
} face_pictures;

static rf_status faces_open(rf_sink_shared *shared, void **state) {
    const rf_detect_settings *settings = shared->settings;
    if (!settings->align && !settings->crop) return RF_OK;
    if (!settings->out)
        return rf_fail(RF_ERR_USER, "%s needs a folder for the pictures of faces: --out DIR",
                       settings->align ? "--align" : "--crop");
    face_pictures *f = rf_alloc(1, sizeof *f);
    if (!f) return RF_ERR_NOMEM;
    *f = (face_pictures){settings, shared->names, {0}, 0};
    *state = f;
    return RF_OK;
}

/* The box with its margin, cut at the picture's borders. False: nothing is left. */
static bool cut(const rf_image *image, const float box[4], double margin, rf_image *out, rf_status *status) {
    double w = box[2] - box[0], h = box[3] - box[1], m = margin * (w > h ? w : h);
    int x0 = (int)fmax(0, floor(box[0] - m)), y0 = (int)fmax(0, floor(box[1] - m));
    int x1 = (int)fmin(image->width, ceil(box[2] + m)), y1 = (int)fmin(image->height, ceil(box[3] + m));
    *status = RF_OK;
    if (x1 <= x0 || y1 <= y0) return false;
    *status = rf_image_renew(out, x1 - x0, y1 - y0);
    for (int y = y0; *status == RF_OK && y < y1; y++)
        memcpy(out->pixels + (size_t)(y - y0) * (size_t)(x1 - x0) * 3,
               image->pixels + ((size_t)y * (size_t)image->width + (size_t)x0) * 3, (size_t)(x1 - x0) * 3);
    return *status == RF_OK;
}

/* "a/photo.jpg" gives "a/photo.crop-2.jpg" for its second face. */
static rf_status name_face(const face_pictures *f, const char *relative, const char *what, size_t number,
                           const char *suffix, char **file) {
    const char *base = rf_path_base(relative), *dot = strrchr(base, '.');
    int stem = (int)(dot && dot > base ? dot - relative : (long)strlen(relative));
    size_t bytes = strlen(relative) + strlen(what) + 40;
    char *wanted = rf_alloc(bytes, 1);
    if (!wanted) return RF_ERR_NOMEM;
    snprintf(wanted, bytes, "%.*s.%s-%zu%s", stem, relative, what, number, suffix);
    rf_status status = rf_distinct_take(f->names, wanted, file, NULL);
    rf_free(wanted);
    return status;
}

/* Saves f->image and remembers its name in *list. */
static rf_status save(face_pictures *f, rf_seen *seen, const char *what, size_t i, const char *suffix, char ***list) {
    bool own;
    if (!*list && !(*list = rf_alloc(seen->faces->n, sizeof **list))) return RF_ERR_NOMEM;
    char **file = &(*list)[i];
    RF_TRY(name_face(f, seen->frame->relative, what, i + 1, suffix, file));
    rf_status status = rf_detect_save(f->settings->out, seen->frame->name, *file, &f->image, &own);
    if (status == RF_OK) return RF_OK;
    rf_free(*file);
    *file = NULL;
    if (!own) return status;
    rf_seen_blame(seen, "not written");
    return RF_OK;
}

static rf_status take_face(face_pictures *f, rf_seen *seen, size_t i) {
    const rf_face *face = &seen->faces->items[i];
    const rf_image *image = &seen->frame->image;
    const char *suffix = seen->frame->coding == RF_CODED_JPEG ? ".jpg" : ".png";
    rf_status status;
    if (f->settings->align && face->n_points != RF_POINTS) f->pointless++;
    if (f->settings->align && face->n_points == RF_POINTS) {
        status = rf_image_align(image, face->points, (int)f->settings->align, &f->image);
        if (status == RF_OK)
            RF_TRY(save(f, seen, "aligned", i, ".png", &seen->aligned));
        else if (status == RF_ERR_USER)
            f->pointless++;
        else
            return status;
    }
    if (f->settings->crop && cut(image, face->box, f->settings->margin, &f->image, &status))
        status = save(f, seen, "crop", i, suffix, &seen->cropped);
    else if (!f->settings->crop)
        status = RF_OK;
    return status;
}

static rf_status faces_take(void *state, rf_seen *seen) {
    for (size_t i = 0; seen->faces && i < seen->faces->n; i++) RF_TRY(take_face(state, seen, i));
    return RF_OK;
}

static rf_status faces_close(void *state, bool complete) {
    face_pictures *f = state;
    if (complete && f->pointless)
        rf_note("note: %zu face%s could not be aligned: the model gives no five points for %s\n", f->pointless,
                f->pointless == 1 ? "" : "s", f->pointless == 1 ? "it" : "them");
    rf_image_free(&f->image);
    rf_free(f);
    return RF_OK;
}

const rf_sink_kind rf_sink_faces = {"faces", faces_open, NULL, faces_take, faces_close};
