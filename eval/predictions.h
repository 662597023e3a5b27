/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions of others, as files give them. WIDER FACE's text format: folder/<event>/<image>.txt with the image's
 * name, the number of detections and one line "x y w h score" for each, in pixels. FDDB's: eval/fddb_file.h; COCO's:
 * eval/coco_results.h.
 *
 * With several kinds of objects (data.classes) each row ends with the number of its kind, from 0.
 *
 * Files of other tools are read as the official programs read them: what these take, odd or not, counts here as it
 * counts there; a row or file that they would stop at is left out. Everything odd is counted. */
#ifndef RF_EVAL_PREDICTIONS_H
#define RF_EVAL_PREDICTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"
#include "eval/wider_gt.h"

typedef enum rf_prediction_note {
#define RF_NOTE(name, words) RF_NOTE_##name,
#include "eval/prediction_notes.def"
#undef RF_NOTE
    RF_NOTE_COUNT
} rf_prediction_note;

typedef struct rf_prediction_notes {
    size_t files, rows; /* that were read; rows: detections */
    size_t n[RF_NOTE_COUNT];
    char first[RF_NOTE_COUNT][400]; /* where the first one is: "0--Parade/x.txt:7" */
} rf_prediction_notes;

extern const char *const rf_prediction_note_names[RF_NOTE_COUNT]; /* keys of JSON */
extern const char *const rf_prediction_note_words[RF_NOTE_COUNT]; /* what stands before the number */
void rf_prediction_notes_add(rf_prediction_notes *notes, rf_prediction_note note, const char *fmt, ...) RF_PRINTF(3, 4);

/* RF_ERR_FORMAT when rows came and not one of them could be taken: that is no measurement of anything. */
rf_status rf_prediction_notes_check(const char *path, const rf_prediction_notes *notes);

/* Detections of n images. Start zeroed; rf_prediction_set_free in every case. */
typedef struct rf_prediction_set {
    size_t n;
    rf_face_list *lists;   /* [n] */
    double **scores;       /* [n] the score of each detection as it was read; NULL for an image without any */
    rf_ellipse **ellipses; /* [n] the shape of each detection; NULL: boxes */
    /* [n] so many detections, from the first one on, the WIDER FACE MATLAB tool reads: it takes as many rows as
     * announced and drops a file of which one cannot be read, where the Python port takes all rows */
    size_t *matlab_rows;
    int classes; /* kinds of objects, whose numbers end the rows; below 2: rows have none */
    rf_prediction_notes notes;
} rf_prediction_set;

rf_status rf_prediction_set_make(size_t n, rf_prediction_set *out);
void rf_prediction_set_free(rf_prediction_set *set);
/* Appends a detection to an image. shape: NULL for a box. On RF_ERR_NOMEM nothing is appended. */
rf_status rf_prediction_set_add(rf_prediction_set *set, size_t image, const rf_face *face, double score,
                                const rf_ellipse *shape);
/* A detection from "x y w h score", any doubles: what is wrong with it is noted at `where` (file or image) and `line`.
 * false: the score is no number, the row is to be left out. */
bool rf_prediction_face(const double v[5], const char *where, int line, rf_prediction_notes *notes, rf_face *out);

/* Writes the detections of one image, atomically; the event's folder is made. name: "event/image", ".jpg" is dropped.
 * Numbers have 9 significant digits, so a score reads back unchanged. RF_ERR_IO, RF_ERR_NONFINITE. */
rf_status rf_prediction_write(const char *dir, const char *name, const rf_face *faces, size_t n);

/* Whether every image of a data set has a name that a file below dir can have (core/below.h): RF_ERR_USER with the line
 * of the annotations. To be asked before the work is done. */
rf_status rf_predictions_check(const char *dir, const rf_dataset *dataset);

/* Writes the detections of every image, lists[n_samples]. Images that differ in the suffix only (p.jpg and p.png) have
 * it in the names of their files, p.jpg.txt and p.png.txt. */
rf_status rf_predictions_write(const char *dir, const rf_dataset *dataset, const rf_face_list *lists);

/* Appends the detections of one file to an image of the set; `name` is what notes call the file. A file that is no text
 * or cannot be opened is noted (RF_OK). RF_ERR_NOMEM. */
rf_status rf_prediction_read(const char *path, const char *name, rf_prediction_set *set, size_t image);

/* Reads dir/<name>.txt of every image into *set. Letter case, a suffix of the image in front of ".txt" and a missing
 * folder of the event do not matter, and are noted. RF_ERR_USER when not one is found, RF_ERR_FORMAT when not one can
 * be read, then *set is empty. */
rf_status rf_predictions_read_wider(const char *dir, const rf_wider_gt *gt, rf_prediction_set *set);
/* Images that differ in the suffix only have it in the names of their files, as rf_predictions_write makes them. */
rf_status rf_predictions_read(const char *dir, const rf_dataset *dataset, rf_prediction_set *set);

/* whole[i]: another image differs from image i in the suffix only, so that "NAME.txt" would be both (rf_free it). */
rf_status rf_predictions_doubled(const rf_dataset *dataset, bool **whole);

/* ---- for readers of predictions ---- */

/* Numbers of a row, at most `room` into v: nan and inf are numbers, too; hexadecimal is none. Returns how many there
 * are, room
 * + 1 for more, -1 when a word is no number. The row ends at `end`. */
int rf_prediction_numbers(const char *text, const char *end, double *v, int room);
/* Bytes of a name without the suffix of an image. */
size_t rf_prediction_stem(const char *name, size_t bytes);
/* Bytes of a text without the Ctrl-Z (and white space around it) that DOS tools end files with. */
size_t rf_prediction_text_end(const char *text, size_t bytes);

#endif
