/* SPDX-License-Identifier: Apache-2.0 */
/* Why something of other people's annotations was left out, and what was taken in a way that the user should know. */
#ifndef RF_DATA_CONVERT_REASON_H
#define RF_DATA_CONVERT_REASON_H

#include <stdbool.h>

typedef enum rf_convert_reason {
    RF_CONVERT_MISSING,      /* image not found */
    RF_CONVERT_BROKEN,       /* unreadable header */
    RF_CONVERT_SIZE,         /* not the size that the annotation says */
    RF_CONVERT_WRONG_FILE,   /* one of several annotation files */
    RF_CONVERT_WRONG_IMAGE,  /* an image's entry */
    RF_CONVERT_WRONG_FACE,   /* a face's entry */
    RF_CONVERT_WRONG_KIND,   /* a category's entry */
    RF_CONVERT_NO_FACE_LEFT, /* image of which no face can be used, so that it is no negative either */
    RF_CONVERT_NO_AREA,      /* box */
    RF_CONVERT_OUTSIDE,      /* box */
    RF_CONVERT_NO_BOX,       /* a shape of a labelling tool: a line, a mask, a point that is no landmark */
    RF_CONVERT_DANGLING,     /* face of an image that is not listed */
    RF_CONVERT_MIXED,        /* annotated for the picture with (or without) EXIF turning, unlike most others */
    /* Notes: nothing is left out. */
    RF_CONVERT_TURNED,       /* boxes belong to the picture after EXIF turning */
    RF_CONVERT_UNSURE,       /* has an EXIF orientation, and nothing tells whether boxes are for the turned picture */
    RF_CONVERT_RENAMED,      /* image that has nearly the name in the annotation, and is the only one that has */
    RF_CONVERT_DOUBLED,      /* image named twice; the faces of both are taken */
    RF_CONVERT_REPEATED,     /* face with the box of an earlier one, taken once */
    RF_CONVERT_NO_POINTS,    /* five landmarks at one place, taken as none */
    RF_CONVERT_PARTIAL,      /* some of five landmarks, taken as none */
    RF_CONVERT_OTHER_POINTS, /* other points than those that are taken, so that faces are taken as without */
    RF_CONVERT_REACHES,      /* box that reaches out of its picture */
    RF_CONVERT_FAR_POINT,    /* landmark far from its box */
    RF_CONVERT_MIRRORED,     /* landmarks in the order of the mirror image */
    RF_CONVERT_SHARES,       /* boxes in shares of the picture's size where pixels are expected */
    RF_CONVERT_READ_AS,      /* numbers or columns read in one of several ways */
    RF_CONVERT_COLUMNS,      /* columns of a table that mean nothing here */
    RF_CONVERT_KIND,         /* objects of kinds that were not asked for by name */
    RF_CONVERT_NEGATIVE,     /* pictures without an annotation file, which are negatives */
    RF_CONVERT_UNNAMED,      /* pictures that no annotation names */
    RF_CONVERT_LEAK,         /* pictures of two parts */
    RF_CONVERT_REASONS
} rf_convert_reason;

extern const char *const rf_convert_reason_names[RF_CONVERT_REASONS]; /* "images missing", ... */
/* Whether nothing is left out for it. */
bool rf_convert_is_note(rf_convert_reason reason);

#endif
