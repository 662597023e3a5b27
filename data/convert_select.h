/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of rf_convert_select share. */
#ifndef RF_DATA_CONVERT_SELECT_H
#define RF_DATA_CONVERT_SELECT_H

#include "data/convert_impl.h"

typedef struct rf_selection {
    rf_convert_job *job;
    rf_intake *intake;
    bool *usable;            /* [n_images] becomes a sample */
    bool *foreign;           /* [n_images] the entry of an image that was named twice does not fit it */
    size_t *order;           /* [n_faces] face numbers, image by image; those of an image named twice together */
    size_t *first;           /* [n_images + 1] in `order` */
    bool *wanted, *unlisted; /* [n_categories] faces; class numbers that the file of names does not have */
    uint8_t *label;          /* [n_categories] of the wanted ones, in job->classes */
    size_t *background;      /* [n_categories] objects of usable images that are not wanted */
    bool by_default;         /* the kind was not named by the user */
    rf_exif_rule exif;
    bool swap;                       /* "left" meant the person's left */
    bool shares;                     /* boxes are shares, though the format has pixels */
    rf_box_tally tally;              /* of all boxes, as their format has them */
    const rf_intake_face *first_box; /* the first of them */
    rf_box_form form;                /* how boxes are to be read; intake->form: as they were */
} rf_selection;

/* The annotation file that an image stands in. */
const char *rf_selection_file(const rf_intake *intake, size_t image);

/* Which kinds are faces: those that the user names, or the only one that has objects, or "face"
 * (data/convert_kinds.c). */
rf_status rf_select_kinds(rf_selection *s);
/* Tells what became background; RF_ERR_USER when a kind was chosen by default and more was lost than the `kept`. */
rf_status rf_tell_background(rf_selection *s, size_t kept);

/* Whether boxes are read in the wrong unit or form (data/convert_reading.c). */
rf_status rf_select_reading(rf_selection *s);
/* RF_ERR_USER when the boxes fit in another form and not in their own, once the single faces were told. */
rf_status rf_check_form(const rf_selection *s);

/* Adds an image with its faces to a part, unless it has none left that could be used (data/convert_faces.c). */
rf_status rf_take_image(rf_selection *s, size_t image, rf_convert_part *part);
static inline bool rf_is_wanted(const rf_selection *s, const rf_intake_face *face) {
    return face->category < 0 || s->wanted[face->category];
}

#endif
