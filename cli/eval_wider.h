/* SPDX-License-Identifier: Apache-2.0 */
/* rf-eval --gt: scores faces by the WIDER FACE protocol, both rules, and draws the curves. */
#ifndef RF_CLI_EVAL_WIDER_H
#define RF_CLI_EVAL_WIDER_H

#include "core/json.h"
#include "data/dataset.h"
#include "eval/wider_ap.h"

typedef struct rf_wider_job {
    const rf_wider_gt *gt;
    rf_wider_rule rule; /* which leads in what is printed and drawn */
    const char *report; /* folder; NULL: nothing is written */
    rf_json_writer *out;
} rf_wider_job;

/* The faces of a data set's images, lists[n_samples]; images of the ground truth that the data set lacks count as
 * without detections, and are counted in words. */
rf_status rf_eval_wider(const rf_wider_job *job, const rf_dataset *dataset, const rf_face_list *lists);
/* Detections in a folder of prediction files. */
rf_status rf_eval_wider_files(const rf_wider_job *job, const char *pred);

#endif
