/* SPDX-License-Identifier: Apache-2.0 */
/* What rf-eval says about files of predictions: how much was read, what was odd, what they may mean instead. */
#ifndef RF_CLI_EVAL_NOTES_H
#define RF_CLI_EVAL_NOTES_H

#include "core/json.h"
#include "eval/predictions.h"

/* Prints the summary and puts it into the JSON as the object "predictions". */
void rf_eval_tell_notes(const rf_prediction_notes *notes, rf_json_writer *out);
/* Prints a doubt (eval/doubts.h) as a warning and puts it into the JSON as "doubt"; takes the text over. */
rf_status rf_eval_tell_doubt(rf_text *doubt, rf_json_writer *out);

#endif
