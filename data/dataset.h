/* SPDX-License-Identifier: Apache-2.0 */
/* A data set: a list of images with their faces, read from an annotation file. */
#ifndef RF_DATA_DATASET_H
#define RF_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/classes.h"
#include "core/status.h"
#include "data/exif_rule.h"
#include "detect/ellipse.h"
#include "detect/face.h"
#include "detect/face_store.h"

typedef struct rf_sample {
    char *path;                 /* full path of the image */
    const char *name;           /* the part of path relative to the image folder, "0--Parade/0_Parade_x.jpg" */
    size_t first_face, n_faces; /* in rf_dataset.faces */
    int line;                   /* where the image is named in the annotation file, from 1 */
} rf_sample;

/* What a parser left out, or took in its own way. */
typedef enum rf_remark_kind {
    RF_REMARK_IMAGE,     /* an image's lines cannot be read: it is left out with its faces */
    RF_REMARK_FACE,      /* a face's line cannot be read: it is left out */
    RF_REMARK_ORPHAN,    /* a face of an image that was left out */
    RF_REMARK_NO_POINTS, /* five landmarks at one place stand for none */
    RF_REMARK_READ_AS,   /* a number that means something else in other tools' files */
} rf_remark_kind;

typedef struct rf_remark {
    rf_remark_kind kind;
    int line;
    size_t n_samples; /* images before it: faces belong to the last of them */
    char *text;       /* one sentence, without file and line */
} rf_remark;

typedef struct rf_mesh_table rf_mesh_table; /* data/mesh_table.h */

typedef struct rf_dataset {
    char *annotation_path, *image_dir;
    rf_sample *samples;
    size_t n_samples;
    rf_face *faces;       /* all faces, sample by sample, in file order; score 1 */
    rf_face_store points; /* of the faces */
    int n_points;         /* of each face that has some; 0: no face has */
    int points_line;      /* where that was first seen */
    int *face_lines;      /* line of each face in the annotation file */
    rf_ellipse *ellipses; /* of each face; NULL: the annotation has boxes */
    rf_classes classes;   /* the kinds of objects that LABEL.set.ini names; n = 0: none, all faces have label 0 */
    rf_mesh_table *mesh;  /* vertices of the faces; NULL until rf_dataset_read_mesh */
    rf_exif_rule exif;    /* what LABEL.set.ini says (data/exif_rule.h) */
    bool turned;          /* boxes belong to pictures turned by EXIF: at first as that says, else not */
    size_t n_faces, n_ignored, n_with_points;
    bool tolerant;      /* lines that cannot be read are left out with a remark, instead of ending the reading */
    rf_remark *remarks; /* only with `tolerant` */
    size_t n_remarks;
} rf_dataset;

/* A reader of one annotation format (datasets.def): tells whether a text is its own, and parses it. */
typedef struct rf_dataset_format {
    const char *name, *doc;
    const char *example; /* a file with one image, which has one face if the format knows faces */
    bool (*sniff)(const char *text, size_t bytes);
    rf_status (*parse)(const char *path, const char *text, size_t bytes, rf_dataset *out);
} rf_dataset_format;

typedef enum rf_dataset_id {
#define RF_DATASET(name) RF_DATASET_##name,
#include "data/datasets.def"
#undef RF_DATASET
    RF_DATASET_COUNT
} rf_dataset_id;
extern const rf_dataset_format *const rf_dataset_formats[RF_DATASET_COUNT];

/* Reads an annotation file. format: "auto" or a name of datasets.def. Images are not opened; image_dir/name is joined.
 * list_path (NULL or "": all) names a file with one image name a line (".jpg" may be missing, a leading '/' or "./" is
 * dropped): only those are kept, in list order; a name that is not annotated is an error with file:line.
 * Boxes of zero area or flagged invalid become ignore faces. A set whose boxes are all shares of the picture's size
 * (0..1) is refused. Errors tell file:line. Free with rf_dataset_free. */
rf_status rf_dataset_open(const char *format, const char *annotation_path, const char *image_dir, const char *list_path,
                          rf_dataset **out);
/* The same, but what cannot be read is left out with a remark (`tolerant`). */
rf_status rf_dataset_open_tolerant(const char *format, const char *annotation_path, const char *image_dir,
                                   const char *list_path, rf_dataset **out);
void rf_dataset_free(rf_dataset *dataset);
/* CRC-32 of names and annotations: another one, and it is another set. */
uint32_t rf_dataset_crc(const rf_dataset *dataset);
/* FDDB's ellipse lists (FDDB-fold-01-ellipseList.txt ..) right below a folder, sorted; such a folder is an annotation,
 * too. Free with rf_names_free. */
rf_status rf_dataset_folds(const char *dir, char ***names, size_t *n);

/* For parsers: append an image (name is copied) or a face, whose points are copied, to the image appended last. */
/* The name gets ".jpg" when it has no suffix of an image. */
rf_status rf_dataset_add_stem(rf_dataset *dataset, const char *name, size_t name_bytes, int line);
rf_status rf_dataset_add_sample(rf_dataset *dataset, const char *name, size_t name_bytes, int line);
rf_status rf_dataset_add_face(rf_dataset *dataset, const rf_face *face, int line);
/* Points of a face are to be as many as those of the faces before it: RF_ERR_FORMAT tells both lines. Adding a face
 * that has points does this. */
rf_status rf_dataset_expect_points(rf_dataset *dataset, int n, int line);
/* The same for a face annotated by an ellipse: its box is the one around it. All faces of a set or none have one. */
rf_status rf_dataset_add_ellipse(rf_dataset *dataset, const rf_ellipse *ellipse, int line);

/* For parsers, about a line that could not be read: with `tolerant` RF_ERR_FORMAT becomes a remark of this thread's
 * message and RF_OK; other statuses are passed on. */
rf_status rf_dataset_bad(rf_dataset *dataset, rf_status status, rf_remark_kind kind, int line);
/* rf_counted_reader.bad of a data set that is its ctx: remarks, and the image of unknown rows is taken back. */
rf_status rf_dataset_bad_counted(void *dataset, rf_status status, bool image, int line);
/* A remark about what was read; none without `tolerant`. */
rf_status rf_dataset_remark(rf_dataset *dataset, rf_remark_kind kind, int line, const char *text);
/* Takes the image that was appended last back, with its faces. */
void rf_dataset_drop_sample(rf_dataset *dataset);

/* Gives the faces the labels of data.classes, by the names of their kinds. One kind is wanted that the set does not
 * have, or the set has no kinds: all its faces are of that one, and *merged (may be NULL) tells whether kinds became
 * one. RF_ERR_USER tells the first face of a kind that is not in the list, and how many are, or that kinds are wanted
 * and the set has none. */
rf_status rf_dataset_use_classes(rf_dataset *dataset, const rf_classes *wanted, bool *merged);

/* Writes RetinaFace's label.txt: "# name" then "x y w h" + 5 (or as many as the faces have) x "x y v" + "blur" for each
 * face, v 0 visible or 1 hidden; faces without points get -1; ignored faces of positive area a further 1
 * (data/dataset_label.c). With several kinds that number is always there and the label follows: without LABEL.set.ini
 * beside it (rf_set_note_write) such a file cannot be read. */
rf_status rf_dataset_write_label(const rf_dataset *dataset, const char *path);

#endif
