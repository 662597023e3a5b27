/* SPDX-License-Identifier: Apache-2.0 */
/* The data linter: what is wrong with a data set, before training finds out. */
#ifndef RF_DATA_LINT_H
#define RF_DATA_LINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "data/dataset.h"

typedef enum rf_severity {
    RF_LINT_WARNING, /* training copes, but it is probably not meant so */
    RF_LINT_ERROR,   /* the image or the face cannot be used */
} rf_severity;

typedef struct rf_finding {
    rf_severity severity;
    const char *file; /* the annotation file */
    int line;
    const char *text; /* one sentence; valid during the callback */
} rf_finding;

/* Called from the calling thread, in the order of the annotation file's images. */
typedef void (*rf_finding_fn)(void *ctx, const rf_finding *finding);

enum { RF_SIZE_BINS = 8, RF_COUNT_BINS = 8 };

typedef struct rf_lint_stats {
    size_t images, faces, ignored, with_points;
    size_t errors, warnings;
    size_t unusable_images; /* missing, unreadable or damaged */
    size_t empty_images;    /* without a face that is not ignored */
    size_t max_faces;       /* in one image, ignored ones not counted */
    /* faces by height: below 8, 16, 32, 64, 128, 256, 512 pixels, and above; ignored ones not counted */
    size_t by_height[RF_SIZE_BINS];
    /* images by number of faces: 0, 1, 2, 3..4, 5..9, 10..29, 30..99, 100 and more */
    size_t by_count[RF_COUNT_BINS];
    size_t by_class[RF_CLASSES_MAX];                  /* faces of each kind of object; ignored ones not counted */
    int min_width, min_height, max_width, max_height; /* of the readable images; 0 when there is none */
    double mean_pixels;
    size_t exif_images;        /* with an EXIF orientation */
    size_t exif_fit, exif_not; /* of them: whose boxes fit only the picture as it is read, or only as it is not */
    size_t unnamed;            /* pictures in the image folder that the set does not name */
    char first_unnamed[256];
} rf_lint_stats;

/* Pictures of the sets that were looked at so far; start from zeros, end with rf_lint_seen_clear. */
typedef struct rf_lint_seen {
    struct rf_seen_picture {
        uint32_t crc;
        size_t bytes;
        char *name; /* "photo.jpg of val/label.txt" */
    } * v;          /* sorted */
    size_t n;
} rf_lint_seen;
void rf_lint_seen_clear(rf_lint_seen *seen);
/* For rf_lint: the picture of these bytes, NULL: none; and adding one, which is found after the sorting. */
const struct rf_seen_picture *rf_lint_seen_find(const rf_lint_seen *seen, uint32_t crc, size_t bytes);
rf_status rf_lint_seen_add(rf_lint_seen *seen, uint32_t crc, size_t bytes, const char *name, const char *set);
void rf_lint_seen_sort(rf_lint_seen *seen);
/* Counts the pictures below an image folder that are none of the set's; a folder that cannot be listed has none. */
rf_status rf_lint_unnamed(const rf_dataset *dataset, rf_lint_stats *stats);

extern const char *const rf_size_bin_names[RF_SIZE_BINS];
extern const char *const rf_count_bin_names[RF_COUNT_BINS];

/* Decodes every image in full, in parallel, and looks at every face. Findings: the parser's remarks; images that are
 * missing, unreadable or damaged; the same name twice; the same bytes under two names; boxes empty, outside or reaching
 * out of the image; the same box twice; boxes that fit only the picture turned by EXIF when it is not (or the other way
 * round); landmarks far outside the box; eyes and mouth corners in the order of the mirror image; boxes that look like
 * shares of the image's size, or like corners where sizes are expected. Returns RF_OK however much is found and fails
 * only when memory is out. callback may be NULL. seen (NULL: none) has the pictures of
 * earlier sets, which are told where they come again, and gets those of this one. */
rf_status rf_lint(const rf_dataset *dataset, rf_lint_seen *seen, rf_finding_fn callback, void *ctx,
                  rf_lint_stats *stats);

#endif
