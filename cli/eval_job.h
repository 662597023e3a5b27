/* SPDX-License-Identifier: Apache-2.0 */
/* What rf-eval was asked for, and its three ways to do it. Each adds its results to job->out and prints them. */
#ifndef RF_CLI_EVAL_JOB_H
#define RF_CLI_EVAL_JOB_H

#include "cli/args.h"
#include "cli/output.h"
#include "core/json.h"
#include "eval/protocol.h"
#include "eval/wider_ap.h"

typedef struct rf_eval_job {
    const char *model, *data, *images, *list, *gt, *scales, *merge, *pred_in, *pred_out, *json, *config, *report,
        *protocol_name, *rule_name, *sizes, *ids;
    const rf_protocol *protocol;
    rf_wider_rule rule;
    double score, iou;
    long tile;
    int flip; /* -1: as the settings say */
    bool paper;
    bool partial; /* pictures were passed over */
    rf_text_list sets;
    rf_json_writer out;  /* what --json writes */
    rf_output_file file; /* where */
} rf_eval_job;

/* A model on a data set. */
rf_status rf_eval_model(rf_eval_job *job);
/* Somebody's predictions, by the official ground truth. */
rf_status rf_eval_predictions(rf_eval_job *job);
/* The same by a protocol. */
rf_status rf_eval_files(rf_eval_job *job);

#endif
