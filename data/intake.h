/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of annotation formats (data/convert_NAME.c) hand over: images and faces as they stand in the files,
 * before anything is known of the pictures. Readers are pure: they open no file. */
#ifndef RF_DATA_INTAKE_H
#define RF_DATA_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/convert_reason.h"
#include "data/dataset.h"
#include "data/doubts.h"
#include "detect/face.h"

/* One annotation file that is being read. */
typedef struct rf_source {
    const char *path; /* for messages */
    const char *text; /* a 0 byte follows */
    size_t bytes;
    const char *name;          /* the file relative to the folder that was named, "sub/a.xml"; its base when none was */
    const rf_classes *classes; /* that LABEL.set.ini beside it names, n = 0: none; NULL: not looked for */
} rf_source;

enum { RF_INTAKE_OTHERS = 2 };
typedef struct rf_intake_image {
    char *name;                          /* below the image folder; NULL: only the stem is known */
    char *literal;                       /* the name with its backslashes as they stand, or NULL when it has none */
    char *others[RF_INTAKE_OTHERS];      /* names to look for when `name` is not there, the likely first, or NULL */
    char *stem;                          /* a name without suffix to look for when `name` is not there, or NULL */
    bool foreign;                        /* the name was absolute or led out of the image folder; `name` is its end */
    int declared_width, declared_height; /* as the annotation says, 0: it does not */
    size_t file;                         /* in rf_intake.files */
    int line;
    size_t lost;  /* faces that could not be read */
    bool refused; /* it is left out; a note tells why */
    /* found out by rf_convert_probe */
    size_t same;       /* the first image of that name; its own index when it is the first */
    char *asked;       /* what the annotation calls it, when the file is called otherwise */
    char *nearly;      /* why a file of nearly that name was not taken */
    int width, height; /* of the file, 0: unusable */
    int orientation;   /* EXIF, 1: upright */
    bool missing;
    char *fault; /* why it is unusable */
} rf_intake_image;

typedef struct rf_intake_face {
    rf_face face;
    size_t image;
    int category;   /* in rf_intake.categories, -1: the format has none */
    int line;       /* in the image's file unless `file` differs */
    bool shares;    /* box and points are shares of the picture's width and height, not pixels */
    bool partial;   /* some of its five landmarks were given; a face needs all */
    bool no_points; /* all five were given at one place, which means that there are none */
} rf_intake_face;

/* What a reader left out, or how it took something. */
typedef struct rf_intake_note {
    rf_convert_reason reason;
    size_t file, n; /* in rf_intake.files; items that it stands for */
    int line;       /* 0: the file as a whole */
    char *text;     /* one sentence, without file and line */
} rf_intake_note;

/* Which side "left eye" means in the names of an annotation. */
typedef enum rf_left { RF_LEFT_AUTO, RF_LEFT_IMAGE, RF_LEFT_PERSON } rf_left;

/* Which points of the files are taken, and in which order. */
typedef struct rf_point_scheme {
    int n;             /* 0: the five landmarks by what they are called (rf_point_by_name), or in label.txt's order */
    const char *names; /* n names with commas between them, borrowed; NULL: numbers from 0 in the order of the files */
} rf_point_scheme;

/* How many they are. */
int rf_scheme_count(const rf_point_scheme *scheme);
/* The point that a name means, or -1. Case and signs do not matter; a number may have p, point, kp, keypoint or
 * landmark before it. */
int rf_scheme_find(const rf_point_scheme *scheme, const char *name, size_t bytes);

typedef struct rf_intake {
    const char *root;    /* the image folder, borrowed */
    char *real_root;     /* the same, absolute and without links; NULL: not known */
    const char *columns; /* CSV: names of the columns, borrowed; NULL: the first line has them */
    bool keep_difficult; /* faces marked difficult are targets */
    rf_point_scheme scheme;
    char **files;
    size_t n_files;
    rf_intake_image *images;
    size_t n_images;
    rf_intake_face *faces;
    size_t n_faces;
    rf_face_store points; /* of the faces */
    char **categories;
    size_t n_categories;
    char **class_names; /* YOLO: what class number i is called, when a file tells */
    size_t n_class_names;
    size_t n_dangling; /* annotations of images that are not listed */
    rf_intake_note *notes;
    size_t n_notes;
    rf_box_form form;      /* what the four numbers of a box are; set by the reader */
    bool merges;           /* a name that comes again continues the image instead of repeating it */
    bool unnamed_negative; /* a picture of the folder without an annotation file is one without faces */
    bool face_boxes;       /* boxes are those of faces, whatever the objects are called */
    bool own_classes;      /* the categories are those of one of our own sets, to be kept as they are */
    bool named_points;     /* landmarks were found by name, so `left` matters */
    rf_left left;
} rf_intake;

void rf_intake_free(rf_intake *intake);
void rf_intake_clear_image(rf_intake_image *image);
/* The file that images and faces come from now. */
rf_status rf_intake_file(rf_intake *intake, const char *path);

/* Adds an image. name (of n bytes, 0: none) is brought to the form "a/b.jpg": "./" and "x/../" are dropped, backslashes
 * become slashes, an absolute name below the image folder becomes relative. Of other absolute names (also C:\a,
 * \\server\a, file:///a, https://host/a) and of those that lead out of the image folder the end is kept: such files are
 * looked for below it and nowhere else. RF_ERR_FORMAT with file:line for names that no annotation file could hold.
 * stem: the same, or n 0. */
rf_status rf_intake_add_image(rf_intake *intake, const char *name, size_t name_bytes, const char *stem,
                              size_t stem_bytes, int line);
/* Another name for the image added last, to be looked for when the first is not there. One that cannot be a name is
 * passed over. */
rf_status rf_intake_also(rf_intake *intake, const char *name);
/* The face's points are in intake->points. */
rf_status rf_intake_add_face(rf_intake *intake, const rf_intake_face *face);

/* Adds a note about n items of the current file. */
rf_status rf_intake_tell(rf_intake *intake, rf_convert_reason reason, size_t n, int line, const char *fmt, ...)
    RF_PRINTF(5, 6);
/* One bad item does not end the whole: makes a note of this thread's message and returns RF_OK when `status` is
 * RF_ERR_FORMAT, else passes it on. image: whose face is lost, RF_NO_IMAGE: nobody's. */
enum { RF_NO_IMAGE = -1 };
rf_status rf_intake_skip(rf_intake *intake, rf_status status, rf_convert_reason reason, long long image, int line);
/* Forgets the images and faces behind the first ones, of a file that turned out to be unreadable. */
void rf_intake_rewind(rf_intake *intake, size_t n_images, size_t n_faces);
/* The number of a category, made when it is new; *out. */
rf_status rf_intake_category(rf_intake *intake, const char *name, int *out);
/* What class number n_class_names is called. */
rf_status rf_intake_class_name(rf_intake *intake, const char *name, size_t bytes);
/* All images and faces of a data set that a data/dataset_NAME.c read. */
rf_status rf_intake_dataset(rf_intake *intake, const rf_dataset_format *format, const rf_source *source);

/* The landmark that a name means, "left_eye", "Mouth-Right", "noseTip": 0..4, or -1. Case and signs do not matter. */
int rf_point_by_name(const char *name, size_t bytes);
/* Puts box x y w h and, from points[3 x n_points] (x y v, v as in COCO: 0 absent, 1 hidden, 2 visible; NULL: none), the
 * landmarks into a face. RF_ERR_FORMAT with file:line when a number is beyond rf_coordinate_max. */
rf_status rf_intake_fill(rf_intake *intake, const double box[4], const double *points, int n_points, int line,
                         rf_intake_face *face);

#endif
