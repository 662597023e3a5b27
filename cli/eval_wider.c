/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval_wider.h"

#include <stdio.h>

#include "cli/eval_notes.h"
#include "cli/model.h"
#include "cli/say.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "eval/doubts.h"
#include "eval/predictions.h"
#include "eval/report.h"

static const char *const titles[RF_WIDER_RULES] = {"WIDER FACE (Python port)", "WIDER FACE (MATLAB eval_tools)"};
/* In the JSON and the table the plain names are the Python port's whichever rule leads: they mean one thing. */
static const char *const curve_names[RF_WIDER_RULES][RF_WIDER_SUBSETS] = {
    {"easy", "medium", "hard"}, {"matlab_easy", "matlab_medium", "matlab_hard"}};

static rf_status draw(const char *dir, const char *file, const char *title, const rf_curve *curves) {
    char *path = rf_path_join(dir, file); /* own name */
    rf_status status = path ? rf_report_svg(path, title, curves, RF_WIDER_SUBSETS) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

static rf_status write_report(const rf_wider_job *job, const rf_wider_result *result) {
    if (!job->report) return RF_OK;
    rf_curve curves[RF_WIDER_RULES][RF_WIDER_SUBSETS];
    rf_wider_rule other = job->rule == RF_WIDER_PYTHON ? RF_WIDER_MATLAB : RF_WIDER_PYTHON;
    for (int r = 0; r < RF_WIDER_RULES; r++)
        for (int s = 0; s < RF_WIDER_SUBSETS; s++)
            curves[r][s] = (rf_curve){curve_names[r][s], result->rules[r].recall[s], result->rules[r].precision[s],
                                      RF_WIDER_BINS, result->rules[r].ap[s]};
    char second[64], *csv = rf_path_join(job->report, "precision-recall.csv"); /* own name */
    snprintf(second, sizeof second, "precision-recall-%s.svg", rf_wider_rule_names[other]);
    rf_status status = csv ? rf_dir_make(job->report) : RF_ERR_NOMEM;
    if (status == RF_OK) status = draw(job->report, "precision-recall.svg", titles[job->rule], curves[job->rule]);
    if (status == RF_OK) status = draw(job->report, second, titles[other], curves[other]);
    if (status == RF_OK) status = rf_report_csv(csv, curves[0], RF_WIDER_RULES * RF_WIDER_SUBSETS);
    rf_free(csv);
    return status;
}

/* The score to use the detector with, where misses and false alarms weigh alike. */
static void tell_best(const rf_wider_job *job, const rf_wider_result *result) {
    for (int s = 0; s < RF_WIDER_SUBSETS; s++) {
        rf_wider_best best = rf_wider_best_score(result, s);
        char key[64];
        if (best.f1 <= 0) continue;
        rf_say("%-7s best from score %.2f on: precision %.3f, recall %.3f, F1 %.3f\n", rf_wider_subset_names[s],
               best.score, best.precision, best.recall, best.f1);
        snprintf(key, sizeof key, "best_score_%s", rf_wider_subset_names[s]);
        rf_json_put_number(job->out, key, best.score);
        snprintf(key, sizeof key, "best_f1_%s", rf_wider_subset_names[s]);
        rf_json_put_number(job->out, key, best.f1);
    }
}

static rf_status tell(const rf_wider_job *job, const rf_wider_result *result, double seconds) {
    rf_wider_rule other = job->rule == RF_WIDER_PYTHON ? RF_WIDER_MATLAB : RF_WIDER_PYTHON;
    for (int s = 0; s < RF_WIDER_SUBSETS; s++)
        rf_say("%-7s %.6f  (%zu faces)  %s rule; by the %s rule %.6f\n", rf_wider_subset_names[s],
               result->rules[job->rule].ap[s], result->n_faces[s], rf_wider_rule_names[job->rule],
               rf_wider_rule_names[other], result->rules[other].ap[s]);
    for (int r = 0; r < RF_WIDER_RULES; r++)
        for (int s = 0; s < RF_WIDER_SUBSETS; s++)
            rf_json_put_number(job->out, curve_names[r][s], result->rules[r].ap[s]);
    tell_best(job, result);
    rf_say("%zu images, %zu detections, scored in %.2f s\n", job->gt->n_images, result->n_detections, seconds);
    rf_json_put_string(job->out, "rule", rf_wider_rule_names[job->rule]);
    rf_json_put_int(job->out, "images", (long long)job->gt->n_images);
    rf_json_put_int(job->out, "detections", (long long)result->n_detections);
    return write_report(job, result);
}

rf_status rf_eval_wider(const rf_wider_job *job, const rf_dataset *dataset, const rf_face_list *lists) {
    rf_wider_result *result = rf_alloc(1, sizeof *result);
    size_t absent = job->gt->n_images;
    if (!result) return RF_ERR_NOMEM;
    for (size_t i = 0; i < dataset->n_samples; i++)
        absent -= rf_wider_gt_find(job->gt, dataset->samples[i].name) < job->gt->n_images;
    double begin = rf_clock_seconds();
    rf_status status = rf_score_wider(job->gt, dataset, lists, result);
    if (status == RF_OK && absent) {
        rf_say(
            "%zu of the %zu images of the ground truth are not in the data: counted as no detection; --list FILE names "
            "those to score\n",
            absent, job->gt->n_images);
        rf_json_put_int(job->out, "images_absent", (long long)absent);
    }
    if (status == RF_OK) status = tell(job, result, rf_clock_seconds() - begin);
    rf_free(result);
    return status;
}

rf_status rf_eval_wider_files(const rf_wider_job *job, const char *pred) {
    rf_prediction_set set = {0};
    rf_text doubt = {0};
    rf_wider_result *result = rf_alloc(1, sizeof *result);
    if (!result) return RF_ERR_NOMEM;
    rf_status status = rf_predictions_read_wider(pred, job->gt, &set);
    if (status == RF_OK) rf_eval_tell_notes(&set.notes, job->out);
    double begin = rf_clock_seconds();
    const rf_wider_input input = {set.lists, set.scores, set.matlab_rows};
    if (status == RF_OK) status = rf_wider_ap(job->gt, &input, result);
    if (status == RF_OK) status = tell(job, result, rf_clock_seconds() - begin);
    if (status == RF_OK) status = rf_doubts_wider(job->gt, set.lists, &doubt);
    if (status == RF_OK) status = rf_eval_tell_doubt(&doubt, job->out);
    rf_prediction_set_free(&set);
    rf_free(result);
    return status;
}
