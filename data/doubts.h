/* SPDX-License-Identifier: Apache-2.0 */
/* What makes annotated faces doubtful though they can be read: the same for rf-data check and rf-data convert. */
#ifndef RF_DATA_DOUBTS_H
#define RF_DATA_DOUBTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "detect/face.h"

typedef enum rf_doubt {
    RF_DOUBT_REACHES,   /* the box reaches out of the picture */
    RF_DOUBT_FAR_POINT, /* a landmark is far outside of its box */
    RF_DOUBT_MIRRORED,  /* eyes and mouth corners stand in the order of the mirror image */
} rf_doubt;
typedef void (*rf_doubt_fn)(void *ctx, rf_doubt kind, const char *text);

/* Tells of one face what is doubtful, a sentence each; width, height of its picture, 0: not known. */
void rf_face_doubts(const rf_face *face, int width, int height, rf_doubt_fn tell, void *ctx);

/* Whether a box ends in a picture of this size, but for what annotators round. */
bool rf_box_fits(const float box[4], int width, int height);

/* first[i]: the first of n faces that has exactly the box of face i, i itself when none before it has. Sorts: linear
 * but for a logarithm. RF_ERR_NOMEM. */
rf_status rf_faces_first_same(const rf_face *faces, size_t n, size_t *first);

/* What the four numbers of a box are. */
typedef enum rf_box_form {
    RF_BOX_OWN,     /* an ellipse or the like: there is no other reading */
    RF_BOX_CORNERS, /* x1 y1 x2 y2 */
    RF_BOX_SIZES,   /* x1 y1 width height */
    RF_BOX_CENTRES, /* centre x y, width height */
} rf_box_form;
enum { RF_BOX_FORMS = RF_BOX_CENTRES + 1 };
extern const char *const rf_box_form_words[RF_BOX_FORMS]; /* "corners", ... */
extern const char *const rf_box_form_names[RF_BOX_FORMS]; /* "corners (x1 y1 x2 y2)", ... */

/* The box that comes of reading the numbers of `box`, which were read as `form`, as another form. */
void rf_box_reread(const float box[4], rf_box_form form, rf_box_form other, float out[4]);

/* How the boxes of a whole set look when their four numbers are read otherwise than their format says. Start from
 * zeros; add each face whose picture is known. */
typedef struct rf_box_tally {
    size_t n, shares, fractions; /* boxes; those within 0..1; those of them that are no whole numbers */
    size_t wrong, other;         /* boxes inverted or reaching far out; boxes that fit in the other reading */
} rf_box_tally;

void rf_box_tally_add(rf_box_tally *tally, const float box[4], rf_box_form form, float width, float height);
/* The other reading that numbers of this form are taken for by mistake: sizes for corners, corners for the others. */
rf_box_form rf_box_form_other(rf_box_form form);
/* Whether the numbers are surely those of the other reading: a fifth of the boxes (and at least three) are wrong, and
 * every one fits in the other. */
bool rf_box_tally_other(const rf_box_tally *tally);
/* Whether they are surely shares of the picture's size: all within 0..1 and not all whole numbers. */
bool rf_box_tally_shares(const rf_box_tally *tally);

/* Whether a box lies within 0..1 (and a little over): a share of the picture's size, or smaller than two pixels. */
bool rf_box_in_shares(const float box[4]);
/* Whether all five landmarks are at one place (0, 0 mostly), which stands for "none". */
bool rf_points_equal(const float *points, int n);

#endif
