/* SPDX-License-Identifier: Apache-2.0 */
/* Finding faces in pictures with a trained model. docs/library.md has a first program.
 *
 * Threads: a detector is used by one thread at a time (a second one at the same time is refused with
 * RF_ERROR_ARGUMENT); several detectors may work in several threads at once, and give the same bytes as one alone. A
 * detector has threads of its own. The library has no state of the process: it does not print, exit, read the
 * environment, install handlers or depend on the locale. */
#ifndef RF_DETECTOR_H
#define RF_DETECTOR_H

#include <stddef.h>

#include "image.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rf_detector rf_detector;

/* How a detector is opened. Fill it with zeros and set `size`: 0 or NULL in any member means the default, and later
 * versions add members behind the last. */
typedef struct rf_detector_options {
    size_t size;   /* sizeof(rf_detector_options) */
    int threads;   /* of the detector, the calling one included; 0: as many as the process may use. At most 1024 */
    float score;   /* faces below this are not given, 0 to 1; 0: 0.5 */
    float iou;     /* of overlapping faces above this one is kept, 0 to 1; 0: as the model says, mostly 0.4 */
    int long_side; /* pictures are resized so that the longer side has this many pixels; 0: as the model says, mostly
                      the size that they have. Smaller is faster and loses small faces */
    int flip; /* 1: the mirror image is looked at, too, which takes twice the time; -1: not; 0: as the model says */
    const char *const *folders;  /* NULL-terminated: where models are looked for by name. Read while opening */
    const char *const *settings; /* NULL-terminated "section.key=value", any of rf's configuration, such as
                                    "eval.tile=2048"; they come after the members above. Read while opening */
} rf_detector_options;

/* One thing found. */
typedef struct rf_detection {
    float box[4]; /* x1 y1 x2 y2 in pixels of the picture, which begins at 0; may reach beyond it */
    float score;  /* 0 to 1 */
    int label;    /* what it is: rf_detector_label tells its name; 0, mostly "face", where the model knows one kind */
    int n_points; /* 5 mostly, or as many as the model was trained for, up to 98; 0: none */
    const float *points; /* [n_points][2]: x, y in pixels of the picture. Of five: left eye, right eye, nose, left and
                            right corner of the mouth, left as seen in the picture. NULL when n_points is 0 */
} rf_detection;

/* Opens a model: a file (.safetensors, .pth, .params with the names of a public model), the folder of a training run
 * (its best.safetensors, else last.safetensors), or a name without a slash, looked for with and without .safetensors
 * in options->folders and then in share/rf/models of the prefix that the library is installed in. NULL or "": "face",
 * the model that comes with rf. options may be NULL. *out is closed with rf_detector_close; NULL on failure.
 * RF_ERROR_FILE (nothing of this name), RF_ERROR_FORMAT (not a model, truncated), RF_ERROR_ARGUMENT (NULL, a wrong
 * option or setting, weights that do not fit their configuration), RF_ERROR_NOT_FINITE, RF_ERROR_MEMORY. Thread safe.
 */
RF_API int rf_detector_open(const char *model, const rf_detector_options *options, rf_detector **out);
/* The same of a model file's `bytes` bytes in memory, which belong to the caller and are not needed afterwards. */
RF_API int rf_detector_open_bytes(const void *data, size_t bytes, const rf_detector_options *options,
                                  rf_detector **out);

/* Ends its threads and frees all that belongs to it; NULL is allowed. Never fails. No other thread may be using it. */
RF_API void rf_detector_close(rf_detector *detector);

/* Finds the faces in a picture: *faces are *n detections by falling score, in an array that belongs to the detector
 * until its next rf_detector_detect or its end, as their points do. The picture is only read. After the first picture
 * of a size (the last four sizes are kept) and with no more faces than before, nothing is allocated. RF_ERROR_ARGUMENT
 * (NULL, impossible sizes or strides, in use by another thread), RF_ERROR_MEMORY; *n is 0 then, and the detector is
 * ready for the next picture. */
RF_API int rf_detector_detect(rf_detector *detector, const rf_picture *picture, const rf_detection **faces, size_t *n);

/* What a model says of itself: the text under a key of its file's metadata, "description", "license" and others
 * (without a leading "rf.", too); "terms" are those of the data that it learnt from, "file" is where it was found,
 * "configuration" its settings. NULL when it says
 * nothing. The text belongs to the detector until its end. Thread safe. */
RF_API const char *rf_detector_info(const rf_detector *detector, const char *key);

/* The name of a label, of a model of one kind mostly "face" for 0; NULL when the model has no such label: the kinds
 * that it tells apart are those from 0 up to the first NULL. The text belongs to the detector until its end. Thread
 * safe. */
RF_API const char *rf_detector_label(const rf_detector *detector, int label);

#ifdef __cplusplus
}
#endif

#endif
