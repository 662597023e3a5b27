/* SPDX-License-Identifier: Apache-2.0 */
/* rf-eval --protocol: scores faces by a protocol, tells the values, draws the figure, writes the detections. */
#ifndef RF_CLI_EVAL_PROTOCOL_H
#define RF_CLI_EVAL_PROTOCOL_H

#include "core/json.h"
#include "eval/predictions.h"
#include "eval/protocol.h"

typedef struct rf_protocol_job {
    const rf_protocol *protocol;
    const rf_dataset *dataset;
    const rf_face_list *lists;     /* [n_samples] */
    const rf_prediction_set *read; /* NULL, or where lists come from: scores and shapes as read */
    const char *report, *pred_out; /* folders; NULL: nothing is written */
    const char *sizes;             /* a list of the pictures' sizes; NULL: they are read from the pictures */
    const char *ids;               /* a COCO annotation that knows the images' ids; NULL: none */
    rf_json_writer *out;
} rf_protocol_job;

rf_status rf_eval_protocol(const rf_protocol_job *job);

/* The same for detections in a folder of prediction files, in files as FDDB's program reads them, or in COCO's results
 * JSON; job->lists and read are not used. */
rf_status rf_eval_protocol_files(const rf_protocol_job *job, const char *pred);

#endif
