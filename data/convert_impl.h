/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of rf_convert, one file each. */
#ifndef RF_DATA_CONVERT_IMPL_H
#define RF_DATA_CONVERT_IMPL_H

#include "data/convert.h"

enum { RF_CONVERT_PARTS = 16 };

/* A part on its way out. */
typedef struct rf_convert_part {
    const char *name; /* borrowed */
    char *root;       /* the folder that sample names are relative to */
    rf_converted set;
    rf_exif_rule exif;       /* recorded beside the annotations when it is told */
    char *temporary, *final; /* folders, set by rf_convert_write */
} rf_convert_part;

typedef struct rf_convert_job {
    const rf_converter *from, *to;
    const rf_convert_options *options;
    rf_convert_stats *stats;
    rf_convert_part parts[RF_CONVERT_PARTS];
    size_t n_parts;
    rf_classes classes; /* of all parts; n = 0: one kind */
    char *first;        /* the first finding, for --strict */
    rf_convert_reason first_reason;
} rf_convert_job;

/* Finds and measures the images of an intake, in parallel (data/convert_probe.c). */
rf_status rf_convert_probe(rf_convert_job *job, rf_intake *intake);
/* Reads the headers of the images from the first one on, whose names are those of files. */
rf_status rf_convert_measure(rf_convert_job *job, rf_intake *intake, size_t first);
/* Pictures in the image folders that none of n intakes names: YOLO's become negatives of theirs, others are counted
 * (data/convert_unnamed.c). `out`: the output folder, whose pictures are none. */
rf_status rf_convert_unnamed(rf_convert_job *job, rf_intake *intakes, const rf_convert_input *inputs, size_t n,
                             const char *out);
/* Tells the pictures that stand in two parts. */
rf_status rf_convert_leaks(rf_convert_job *job);
/* Checks what was read and moves it to the parts of the job: one named `part`, or with options->split two, "train" and
 * "val" (data/convert_select.c). */
rf_status rf_convert_select(rf_convert_job *job, rf_intake *intake, const char *part);
/* The faces order[first..end) of an image. */
typedef struct rf_face_span {
    const size_t *order;
    size_t first, end;
} rf_face_span;

/* Decides which pictures the boxes of an intake belong to, gives its images the sizes that this means and leaves out
 * those whose annotation is for another size (data/convert_exif.c). The faces of image i are order[first[i]..first[i +
 * 1]).
 */
rf_status rf_convert_exif(rf_convert_job *job, rf_intake *intake, const size_t *order, const size_t *first,
                          bool *usable, rf_exif_rule *rule);
/* Whether every kind that options->classes names is met in one of n intakes: RF_ERR_USER (data/convert_kinds.c). */
rf_status rf_check_classes(const rf_convert_job *job, const rf_intake *intakes, size_t n);
/* Writes all parts below `out` (data/convert_write.c). */
rf_status rf_convert_write(rf_convert_job *job, const char *out);

/* The writer of data/convert_coco.c, in data/coco_write.c. */
rf_status rf_coco_write(const rf_converted *set, const char *path);

/* Counts and tells one sentence about n items; line 0: the file as a whole. */
rf_status rf_convert_tell(rf_convert_job *job, rf_convert_reason reason, size_t n, const char *file, int line,
                          const char *fmt, ...) RF_PRINTF(6, 7);

#endif
