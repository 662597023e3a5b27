/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol contract: how a data set's publications score detections. A protocol is a `const rf_protocol
 * rf_protocol_NAME` in a file of eval/ and one line in eval/protocols.def. */
#ifndef RF_EVAL_PROTOCOL_H
#define RF_EVAL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/chart.h"
#include "core/status.h"
#include "data/dataset.h"
#include "detect/faces.h"

typedef struct rf_protocol_input {
    const rf_dataset *truth;
    const rf_face_list *detections;    /* [n_samples] in pixels of that image, any order */
    const rf_ellipse *const *ellipses; /* NULL, or for each sample NULL or the shape of each detection */
    const double *const *scores;       /* NULL, or for each sample NULL or the score of each detection as it was read */
    const int (*sizes)[2];             /* NULL, or width and height of each image; 0 0: not known */
} rf_protocol_input;

enum { RF_PROTOCOL_VALUES = 16 + RF_CLASSES_MAX, RF_PROTOCOL_CURVES = 4, RF_PROTOCOL_NAME = 64 };

typedef struct rf_protocol_value {
    char name[RF_PROTOCOL_NAME]; /* as a key of JSON */
    double value;                /* NaN: nothing to measure */
} rf_protocol_value;

typedef struct rf_protocol_curve {
    const char *name;
    double *x, *y; /* [n], x does not fall */
    double *score; /* [n] lowest score that counts at each point, which falls; NULL: not known */
    size_t n;
} rf_protocol_curve;

/* Start zeroed; free with rf_protocol_result_free. */
typedef struct rf_protocol_result {
    rf_protocol_value values[RF_PROTOCOL_VALUES]; /* the first leads */
    size_t n_values;
    rf_protocol_curve curves[RF_PROTOCOL_CURVES];
    size_t n_curves;
} rf_protocol_result;

typedef struct rf_protocol {
    const char *name, *doc;
    const char *x_label, *y_label; /* of the figure; NULL: there is none */
    double x_max;                  /* where the figure ends; 0: at the last point */
    bool legend_right;             /* where curves that rise leave room */
    double best, worst;            /* leading value of perfect detections, of none at all (NaN: undefined) */
    bool needs_points, needs_kinds, needs_ellipses; /* of the annotation */
    /* RF_ERR_NONFINITE names the image of a detection that is not finite; RF_ERR_NOMEM. Pure and thread safe. */
    rf_status (*run)(const rf_protocol_input *input, rf_protocol_result *out);
    /* Writes the detections below a folder as the data set's own tool or server reads them; NULL: as
     * rf_prediction_write does. Files appear whole. */
    rf_status (*write)(const rf_protocol_input *input, const char *dir);
    /* Writes the curves below an existing folder as the data set's own program does; NULL: it writes none. */
    rf_status (*report)(const rf_protocol_result *result, const char *dir);
} rf_protocol;

typedef enum rf_protocol_id {
#define RF_PROTOCOL(name) RF_PROTOCOL_##name,
#include "eval/protocols.def"
#undef RF_PROTOCOL
    RF_PROTOCOL_COUNT
} rf_protocol_id;

extern const rf_protocol *const rf_protocols[RF_PROTOCOL_COUNT];

/* The protocol called `name`, or NULL with a message that lists the names. */
const rf_protocol *rf_protocol_find(const char *name);

/* Whether the annotation has what the protocol needs: RF_ERR_USER. To be asked before the work is done. */
rf_status rf_protocol_check(const rf_protocol *protocol, const rf_dataset *truth);
/* The same, then runs it. */
rf_status rf_protocol_run(const rf_protocol *protocol, const rf_protocol_input *input, rf_protocol_result *out);
void rf_protocol_result_free(rf_protocol_result *result);

/* The curves as a picture, atomically; RF_ERR_USER for a protocol without a figure. */
rf_status rf_protocol_svg(const rf_protocol *protocol, const rf_protocol_result *result, const char *path);
/* Lines curve,point,x,y after a header line, with a further column score where a curve knows it. */
rf_status rf_protocol_csv(const rf_protocol *protocol, const rf_protocol_result *result, const char *path);

/* For protocols. The score of a detection, in double precision where it was read so. */
static inline double rf_protocol_score(const rf_protocol_input *input, size_t image, size_t k) {
    return input->scores && input->scores[image] ? input->scores[image][k]
                                                 : (double)input->detections[image].items[k].score;
}
/* A further value; a further curve of room for n points (RF_ERR_NOMEM), which starts with none. */
void rf_protocol_put(rf_protocol_result *out, const char *name, double value);
rf_status rf_protocol_new_curve(rf_protocol_result *out, const char *name, size_t room, rf_protocol_curve **curve);
/* A copy of the truth whose faces can be changed: faces belong to the copy (rf_free them), all else is borrowed. */
rf_status rf_protocol_copy_truth(const rf_dataset *truth, rf_dataset *copy);
/* RF_ERR_NONFINITE with the image's name when a score or box is not finite. */
rf_status rf_protocol_check_finite(const rf_protocol_input *input);

#endif
