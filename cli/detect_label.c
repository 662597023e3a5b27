/* SPDX-License-Identifier: Apache-2.0 */
/* A data set of what was found, to be corrected by hand and trained with: label.txt, images/ and label.set.ini. */
#include <stdio.h>
#include <string.h>

#include "cli/detect.h"
#include "cli/output.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "data/exif_rule.h"

typedef struct label_set {
    const rf_detect_settings *settings;
    rf_distinct *names;
    char *images, *label;
    rf_output_file list;
} label_set;

static rf_status label_close(void *state, bool complete) {
    label_set *l = state;
    (void)complete;
    rf_output_close(&l->list);
    rf_distinct_free(l->names);
    rf_free(l->images);
    rf_free(l->label);
    rf_free(l);
    return RF_OK;
}

static rf_status label_open(rf_sink_shared *shared, void **state) {
    const char *out = shared->settings->label;
    if (!out) return RF_OK;
    label_set *l = rf_alloc(1, sizeof *l);
    if (!l) return RF_ERR_NOMEM;
    *state = l;
    *l = (label_set){.settings = shared->settings, .names = rf_distinct_new(), .list.file = -1};
    l->images = rf_path_join(out, "images");
    l->label = rf_path_join(out, "label.txt");
    if (!l->names || !l->images || !l->label) return RF_ERR_NOMEM;
    if (rf_file_exists(l->label))
        return rf_fail(RF_ERR_USER,
                       "--label %s: there is a label.txt in it, which may have been corrected: choose another folder",
                       out);
    return rf_output_claim_folder("--label", out, "a data set");
}

static rf_status label_start(void *state) {
    label_set *l = state;
    RF_TRY(rf_dir_make(l->settings->label));
    const rf_set_note note = {l->settings->exif ? RF_EXIF_TURNED : RF_EXIF_STORED, l->settings->classes};
    RF_TRY(rf_set_note_write(l->label, &note));
    RF_TRY(rf_output_open("--label", l->label, &l->list));
    return rf_output_start(&l->list);
}

/* kinds: the label ends the row. */
static void put_face(rf_text *t, const rf_face *face, bool kinds) {
    int n_points = face->n_points ? face->n_points : RF_POINTS; /* a model without points: as label.txt has it */
    double x = face->box[0], y = face->box[1];
    rf_text_printf(t, "\n%.9g %.9g %.9g %.9g", x, y, face->box[2] - x, face->box[3] - y);
    for (int k = 0; k < n_points; k++)
        if (face->n_points)
            rf_text_printf(t, " %.9g %.9g %d", (double)face->points[2 * k], (double)face->points[2 * k + 1],
                           rf_face_hides(face, k));
        else
            rf_text_put(t, " -1 -1 -1");
    rf_text_put(t, " 0");
    if (kinds) rf_text_printf(t, " 0 %d", face->label);
}

/* The name below images/: what ends or begins with blanks, or has a new line, would not be read back. */
static rf_status name_image(const label_set *l, const rf_frame *frame, char **name) {
    const char *suffix = frame->coding == RF_CODED_PNG ? ".png" : ".jpg", *relative = frame->relative;
    size_t bytes = strlen(relative) + 8;
    char *wanted = rf_alloc(bytes, 1);
    if (!wanted) return RF_ERR_NOMEM;
    snprintf(wanted, bytes, "%s%s", relative, rf_is_picture_name(relative) ? "" : suffix);
    for (char *c = wanted; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F || (*c == ' ' && c == wanted)) *c = '_';
    rf_status status = rf_distinct_take(l->names, wanted, name, NULL);
    rf_free(wanted);
    return status;
}

/* Puts the picture below images/. One that is there already is the picture itself, when the folder of a data set was
 * looked at, or somebody's. */
static rf_status place_image(const label_set *l, const rf_frame *frame, const char *name, bool *own) {
    char *path = NULL;
    *own = false;
    bool there = rf_below_path(l->images, name, &path) == RF_OK && rf_file_exists(path);
    bool same = there && rf_output_is_input(path, frame->name);
    rf_status status = RF_OK;
    if (there && !same)
        status =
            rf_fail(RF_ERR_USER, "--label %s: %s is there already: choose another folder", l->settings->label, path);
    rf_free(path);
    if (there) return status;
    return frame->coding == RF_CODED_PLANES
               ? rf_detect_save(l->images, frame->name, name, &frame->image, own)
               : rf_detect_save_bytes(l->images, frame->name, name, frame->bytes, frame->n_bytes, own);
}

static rf_status label_take(void *state, rf_seen *seen) {
    label_set *l = state;
    const rf_frame *frame = seen->frame;
    char *name = NULL, *text = NULL;
    bool own = false;
    if (!seen->faces) return RF_OK;
    RF_TRY(name_image(l, frame, &name));
    rf_status status = place_image(l, frame, name, &own);
    if (status != RF_OK) {
        rf_free(name);
        if (!own) return status;
        rf_seen_blame(seen, "not labelled");
        return RF_OK;
    }
    rf_text t = {0};
    rf_text_printf(&t, "# %s", name);
    for (size_t i = 0; i < seen->faces->n; i++) put_face(&t, &seen->faces->items[i], l->settings->classes.n > 1);
    seen->labelled = name;
    status = rf_text_finish(&t, &text, NULL);
    if (status == RF_OK) status = rf_output_line(&l->list, text);
    rf_free(text);
    return status;
}

const rf_sink_kind rf_sink_label = {"label", label_open, label_start, label_take, label_close};
