/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion between annotation formats: files of any of them in, a data set that trains (or a COCO file) out. */
#ifndef RF_DATA_CONVERT_H
#define RF_DATA_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/class_map.h"
#include "data/doubts.h"
#include "data/intake.h"

/* Where the files of a data set usually lie, relative to its folder. */
typedef struct rf_convert_layout {
    const char *part;        /* "train", "val", "test"; "": a set without parts, where no row before it was found */
    const char *annotations; /* a file, or a folder of files with the converter's suffix */
    const char *images;
} rf_convert_layout;

/* A part of a data set with what is known of its images. */
typedef struct rf_converted {
    rf_dataset *dataset;
    int (*sizes)[2]; /* [n_samples] width, height in pixels */
} rf_converted;

typedef struct rf_converter {
    const char *name, *doc;
    const char *example;              /* one face, the box (10,20)-(40,60) of photo.jpg, which has 100x80 pixels */
    const char *example_file;         /* what such a file is called */
    const char *suffix;               /* files that a folder is searched for */
    bool binary;                      /* the reader wants the bytes as they are (UTF-16 is allowed) */
    const rf_convert_layout *layouts; /* ends with a row of zeros */
    rf_status (*read)(const rf_source *source, rf_intake *intake);
    rf_status (*write)(const rf_converted *set, const char *path); /* NULL: not written */
    const char *output;                                            /* the file that write makes, "label.txt" */
    bool (*sniff)(const char *text, size_t bytes); /* whether a text may be its own; the first row wins */
    bool direct;                                   /* training and the other programs read it without conversion */
    const char *companions; /* names of files beside or above the annotations that are read with them, or NULL */
} rf_converter;
/* The length of what `doc` calls the format: what stands before its first ":" or ";". */
int rf_converter_title(const rf_converter *converter);

typedef enum rf_converter_id {
#define RF_CONVERTER(name) RF_CONVERTER_##name,
#include "data/converters.def"
#undef RF_CONVERTER
    RF_CONVERTER_COUNT
} rf_converter_id;
extern const rf_converter *const rf_converters[RF_CONVERTER_COUNT];
/* By name; RF_ERR_USER lists the names and tells the nearest. writable: only those with a writer. */
rf_status rf_converter_find(const char *name, bool writable, const rf_converter **out);

typedef enum rf_image_place {
    RF_IMAGES_LINK, /* symbolic links to the originals */
    RF_IMAGES_COPY,
    RF_IMAGES_KEEP, /* no image folder is made: names stay relative to the given one */
} rf_image_place;

enum { RF_CONVERT_PART_NAMES = 3 };
extern const char *const rf_convert_part_names[RF_CONVERT_PART_NAMES]; /* train, val, test */

enum { RF_CONVERT_PLACE = 256 };
typedef struct rf_convert_stats {
    size_t images, faces, ignored, with_points; /* written */
    size_t part_images[RF_CONVERT_PART_NAMES];
    size_t left_out[RF_CONVERT_REASONS];              /* or noted: see rf_convert_is_note */
    char first[RF_CONVERT_REASONS][RF_CONVERT_PLACE]; /* where each was met first, "file:line" */
    size_t other_categories;                          /* objects of another kind */
    bool swapped;                                     /* "left" meant the person's left somewhere */
    rf_classes classes;                               /* of the set that was written; n = 0: it has one kind */
    size_t by_class[RF_CLASSES_MAX];                  /* faces of each */
} rf_convert_stats;

/* A set of files that becomes one part. */
typedef struct rf_convert_input {
    char **files; /* full paths */
    size_t n_files;
    char *folder; /* what the files' names are relative to; NULL: each stands alone */
    char *root;   /* the image folder */
    char *part;   /* "train", "val", "test" */
} rf_convert_input;

typedef enum rf_units { RF_UNITS_AUTO, RF_UNITS_PIXELS, RF_UNITS_SHARES } rf_units;

typedef struct rf_convert_options {
    const char *const *categories; /* kinds that are faces; none: the only one, or "face" */
    size_t n_categories;
    const rf_class_map *classes; /* kinds that are kept apart, each object with its own; NULL: one kind, the faces. A
                                    set of ours that has kinds keeps them, where neither is said */
    rf_box_form boxes;           /* what four numbers are, whatever the format says; RF_BOX_OWN: what it says */
    rf_units units;              /* AUTO: what the format says, but shares where that is sure */
    const char *columns;         /* CSV: names of the columns, instead of a header; NULL: the first line names them */
    rf_left left;
    rf_exif_rule
        exif; /* RF_EXIF_UNTOLD: as LABEL.set.ini beside the annotations says, else what sizes and boxes tell */
    bool keep_difficult;
    rf_point_scheme points; /* which points are taken */
    bool strict;            /* anything left out (notes are not) is an error, and nothing is written */
    double split;           /* share of the images that goes to "val", by a hash of the name; 0: none */
    rf_image_place place;
    /* Tells one sentence with file:line; called from the calling thread, in the order of the files. */
    void (*finding)(void *ctx, rf_convert_reason reason, const char *text);
    /* Returns false to stop with RF_ERR_INTERRUPTED. */
    bool (*progress)(void *ctx, size_t done, size_t total);
    void *ctx;
} rf_convert_options;

/* Reads inputs, looks at the header of every image and writes OUT/PART/label.txt (or what `to` writes) and
 * OUT/PART/images for each part. Parts appear complete or not at all; one that exists is never touched (RF_ERR_USER).
 * What is wrong with an entry of an annotation file is told and costs that entry, with several files that file; when
 * nothing is left it is RF_ERR_FORMAT with file:line. */
rf_status rf_convert(const rf_converter *from, const rf_converter *to, const rf_convert_input *inputs, size_t n,
                     const char *out, const rf_convert_options *options, rf_convert_stats *stats);

#endif
