/* rf-eval --protocol: scores faces by a protocol, tells the values, draws the figure, writes the detections. */
#ifndef RF_CLI_EVAL_PROTOCOL_H
#define RF_CLI_EVAL_PROTOCOL_H

#include "core/json.h"
#include "eval/protocol.h"

typedef struct rf_protocol_job {
    const rf_protocol *protocol;
    const rf_dataset *dataset;
    const rf_face_list *lists;         /* [n_samples] */
    const rf_ellipse *const *ellipses; /* NULL: boxes */
    const char *report, *pred_out;     /* folders; NULL: nothing is written */
    rf_json_writer *out;
} rf_protocol_job;

rf_status rf_eval_protocol(const rf_protocol_job *job);

/* The same for detections in a folder of prediction files, or in one file as FDDB's program reads it; job->lists and
 * ellipses are not used. */
rf_status rf_eval_protocol_files(const rf_protocol_job *job, const char *pred);

#endif
