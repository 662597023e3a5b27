/* SPDX-License-Identifier: Apache-2.0 */
/* What a data/dataset_NAME.c read, as an intake. */
#include <string.h>

#include "core/mem.h"
#include "data/intake.h"

static rf_status add_faces(rf_intake *intake, const rf_dataset *set, const rf_sample *s) {
    for (size_t k = s->first_face; k < s->first_face + s->n_faces; k++) {
        rf_intake_face face = {.face = set->faces[k], .image = intake->n_images - 1, .category = -1};
        face.line = set->face_lines[k];
        if (set->classes.n) RF_TRY(rf_intake_category(intake, set->classes.name[face.face.label], &face.category));
        RF_TRY(rf_face_keep(&intake->points, &face.face));
        RF_TRY(rf_intake_add_face(intake, &face));
    }
    return RF_OK;
}

static rf_status add_remark(rf_intake *intake, const rf_remark *r, long long image) {
    static const rf_convert_reason reasons[] = {[RF_REMARK_IMAGE] = RF_CONVERT_WRONG_IMAGE,
                                                [RF_REMARK_FACE] = RF_CONVERT_WRONG_FACE,
                                                [RF_REMARK_ORPHAN] = RF_CONVERT_WRONG_FACE,
                                                [RF_REMARK_NO_POINTS] = RF_CONVERT_NO_POINTS,
                                                [RF_REMARK_READ_AS] = RF_CONVERT_READ_AS};
    if (r->kind == RF_REMARK_FACE && image >= 0) intake->images[image].lost++;
    return rf_intake_tell(intake, reasons[r->kind], 1, r->line, "%s", r->text);
}

/* The images of a data set, those whose names cannot be used left out, and its remarks between them. */
static rf_status add_all(rf_intake *intake, const rf_dataset *set) {
    long long last = RF_NO_IMAGE;
    for (size_t i = 0, r = 0; i <= set->n_samples; i++) {
        for (; r < set->n_remarks && (set->remarks[r].n_samples <= i || i == set->n_samples); r++)
            RF_TRY(add_remark(intake, &set->remarks[r], last));
        if (i == set->n_samples) break;
        const rf_sample *s = &set->samples[i];
        rf_status status = rf_intake_add_image(intake, s->name, strlen(s->name), NULL, 0, s->line);
        last = status == RF_OK ? (long long)intake->n_images - 1 : RF_NO_IMAGE;
        if (status == RF_OK) status = add_faces(intake, set, s);
        RF_TRY(rf_intake_skip(intake, status, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, s->line));
    }
    return RF_OK;
}

rf_status rf_intake_dataset(rf_intake *intake, const rf_dataset_format *format, const rf_source *source) {
    rf_dataset *set = rf_alloc(1, sizeof *set);
    if (!set) return RF_ERR_NOMEM;
    set->tolerant = true;
    set->image_dir = rf_strdup("");
    set->annotation_path = rf_strdup(source->path);
    intake->form = RF_BOX_SIZES;
    rf_status status = RF_OK;
    if (source->classes && format == rf_dataset_formats[RF_DATASET_label]) set->classes = *source->classes;
    intake->own_classes = set->classes.n > 0;
    for (int k = 0, number; status == RF_OK && k < set->classes.n; k++) /* in their own order */
        status = rf_intake_category(intake, set->classes.name[k], &number);
    if (status != RF_OK || !set->image_dir || !set->annotation_path) {
        rf_dataset_free(set);
        return status == RF_OK ? RF_ERR_NOMEM : status;
    }
    status = format->parse(source->path, source->text, source->bytes, set);
    if (status == RF_OK) status = add_all(intake, set);
    rf_dataset_free(set);
    return status;
}
