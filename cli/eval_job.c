/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval_job.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/eval_protocol.h"
#include "cli/eval_wider.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/say.h"
#include "cli/sets.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "data/mesh_table.h"
#include "eval/confusion.h"
#include "eval/metric.h"
#include "eval/predictions.h"

/* ---- the data ---- */

/* The validation part of what --data names: the set whose annotation speaks of "val", else the last one. */
static rf_status open_data(const rf_eval_job *j, rf_dataset **out) {
    rf_set_list sets = {0};
    RF_TRY(rf_sets_find(j->data, j->images, &sets));
    size_t pick = sets.n - 1;
    for (size_t i = 0; i < sets.n; i++)
        if (strstr(sets.v[i].annotation, "val")) pick = i;
    rf_status status = rf_dataset_open("auto", sets.v[pick].annotation, sets.v[pick].images, j->list, out);
    rf_sets_free(&sets);
    return status;
}

/* Whether there is something to measure: asked before the work. */
static rf_status check_truth(const rf_eval_job *j, const rf_dataset *dataset) {
    if (j->protocol) RF_TRY(rf_protocol_check(j->protocol, dataset));
    if (j->gt) {
        rf_wider_gt *gt = NULL;
        RF_TRY(rf_open_ground_truth(j->gt, j->list, &gt));
        rf_status status = rf_check_ground_truth(gt, dataset);
        rf_wider_gt_free(gt);
        RF_TRY(status);
    }
    bool writes = j->pred_out != NULL || (j->protocol && !j->protocol->x_label);
    if (j->gt || writes || dataset->n_faces > dataset->n_ignored) return RF_OK;
    return rf_fail(
        RF_ERR_USER,
        "%s: none of its %zu images has an annotated face, so there is nothing to measure; name an annotation "
        "with faces, or write what is found with --pred-out DIR or rf-detect",
        dataset->annotation_path, dataset->n_samples);
}

/* ---- somebody's predictions ---- */

rf_status rf_eval_predictions(rf_eval_job *j) {
    rf_wider_gt *gt = NULL;
    RF_TRY(rf_open_ground_truth(j->gt, j->list, &gt));
    rf_status status = rf_eval_wider_files(&(rf_wider_job){gt, j->rule, j->report, &j->out}, j->pred_in);
    rf_wider_gt_free(gt);
    return status;
}

static rf_protocol_job protocol_job(rf_eval_job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    return (rf_protocol_job){.protocol = j->protocol,
                             .dataset = dataset,
                             .lists = lists,
                             .report = j->report,
                             .pred_out = j->pred_out,
                             .sizes = j->sizes,
                             .ids = j->ids,
                             .out = &j->out};
}

/* A protocol on predictions in files. */
rf_status rf_eval_files(rf_eval_job *j) {
    rf_dataset *dataset = NULL;
    RF_TRY(open_data(j, &dataset));
    rf_protocol_job work = protocol_job(j, dataset, NULL);
    rf_status status = check_truth(j, dataset);
    if (status == RF_OK) status = rf_eval_protocol_files(&work, j->pred_in);
    rf_dataset_free(dataset);
    return status;
}

/* ---- a model ---- */

/* Which kinds are taken for which, at a score and an overlap that people work with. */
static rf_status tell_confusion(rf_eval_job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    static const double score = 0.5, iou = 0.5;
    const rf_classes *classes = &dataset->classes;
    rf_confusion found;
    int n = classes->n;
    if (n < 2) return RF_OK;
    RF_TRY(rf_confusion_make(dataset, lists, (float)score, (float)iou, &found));
    rf_say("objects of a kind (lines) found as (columns), score %g and IoU %g or more:\n%-16s", score, iou, "");
    for (int k = 0; k <= n; k++) rf_say(" %12.12s", k < n ? classes->name[k] : "not found");
    rf_json_begin_array(&j->out, "confusion");
    for (int t = 0; t <= n; t++) {
        rf_say("\n%-16.16s", t < n ? classes->name[t] : "background");
        rf_json_begin_array(&j->out, NULL);
        for (int k = 0; k <= n; k++) {
            if (t < n || k < n) rf_say(" %12zu", found.count[t][k]);
            rf_json_put_int(&j->out, NULL, (long long)found.count[t][k]);
        }
        rf_json_end_array(&j->out);
    }
    rf_json_end_array(&j->out);
    rf_say("\n");
    return RF_OK;
}

static rf_status score_generic(rf_eval_job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    int measured = 0;
    for (int m = 0; m < rf_metric_count(); m++) {
        rf_metric_values all;
        RF_TRY(rf_metric_measure(rf_metric_at(m), dataset, lists, &all));
        for (int k = 0; k < all.n; k++) {
            if (!isfinite(all.v[k].value)) continue;
            rf_say("%-12s %.6f  %s\n", all.v[k].name, all.v[k].value,
                   k           ? dataset->classes.name[k - 1]
                   : all.n > 1 ? "mean of the kinds that follow"
                               : rf_metric_at(m)->doc);
            rf_json_put_number(&j->out, all.v[k].name, all.v[k].value);
            measured++;
        }
    }
    if (!measured) rf_say("%s: no face is annotated, so nothing was measured\n", dataset->annotation_path);
    return tell_confusion(j, dataset, lists);
}

static void free_lists(rf_face_list *lists, size_t n) {
    for (size_t i = 0; lists && i < n; i++) rf_face_list_free(&lists[i]);
    rf_free(lists);
}

static rf_status score_against_gt(rf_eval_job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    rf_wider_gt *gt = NULL;
    RF_TRY(rf_open_ground_truth(j->gt, j->list, &gt));
    rf_status status = rf_eval_wider(&(rf_wider_job){gt, j->rule, j->report, &j->out}, dataset, lists);
    rf_wider_gt_free(gt);
    return status;
}

static rf_status write_predictions(const rf_eval_job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    return j->pred_out && !j->protocol ? rf_predictions_write(j->pred_out, dataset, lists) : RF_OK;
}

static void print_times(const rf_model *model, const rf_find_all *found) {
    rf_finder_stats s = rf_finder_get_stats(model->finder);
    double n = found->images ? (double)found->images : 1;
    char threads[RF_THREADS_TEXT];
    rf_say("%.1f ms an image: %.1f decode, %.1f resize, %.1f network, %.1f boxes, %.1f merge, %.1f build; peak memory "
           "%.0f MB; %s\n",
           1e3 * found->seconds / n, 1e3 * found->decode_seconds / n, 1e3 * s.resize / n, 1e3 * s.network / n,
           1e3 * s.decode / n, 1e3 * s.merge / n, 1e3 * s.build / n, (double)rf_peak_rss() / 1e6,
           rf_threads_text(threads, sizeof threads));
    if (found->shrunk) rf_say_shrunk(found->shrunk, rf_smallest_look(found), &model->config);
}

/* A figure over fewer pictures than asked for says so. */
static void tell_passed_over(rf_eval_job *j, const rf_dataset *dataset, const rf_find_all *found) {
    j->partial = found->unreadable > 0;
    rf_json_put_int(&j->out, "skipped", (long long)found->unreadable);
    rf_json_begin_array(&j->out, "errors");
    for (size_t i = 0; i < found->unreadable; i++) {
        rf_json_begin_object(&j->out, NULL);
        rf_json_put_string(&j->out, "image", dataset->samples[found->passed_over[i].sample].name);
        rf_json_put_string(&j->out, "error", found->passed_over[i].reason);
        rf_json_end_object(&j->out);
    }
    rf_json_end_array(&j->out);
    rf_json_begin_array(&j->out, "shrunk");
    for (size_t i = 0; i < found->shrunk; i++) {
        rf_json_begin_object(&j->out, NULL);
        rf_json_put_string(&j->out, "image", dataset->samples[found->small_looks[i].sample].name);
        rf_json_put_number(&j->out, "scale", found->small_looks[i].scale);
        rf_json_end_object(&j->out);
    }
    rf_json_end_array(&j->out);
    if (!j->partial) return;
    rf_say("%zu of %zu images could not be used and count as images without detections: the figures are too low; "
           "the exit status is 1\n",
           found->unreadable, dataset->n_samples);
}

/* Says what the largest pass may take before anything runs. */
static rf_status print_bound(rf_model *model) {
    size_t bytes;
    const rf_config *c = &model->config;
    int side = (int)sqrt(c->eval.max_pixels * 1e6);
    bool tiled = c->eval.tile > 0;
    if (tiled && c->eval.tile < side) side = (int)c->eval.tile;
    RF_TRY(rf_finder_memory(model->finder, side, side, &bytes));
    if (tiled)
        rf_say("a tile of eval.tile=%ld takes %.0f MB\n", c->eval.tile, (double)bytes / 1e6);
    else
        rf_say("a pass takes at most %.0f MB (eval.max_pixels=%g megapixels)\n", (double)bytes / 1e6,
               c->eval.max_pixels);
    return RF_OK;
}

static rf_status run_dataset(rf_eval_job *j, rf_model *model, const rf_dataset *dataset) {
    rf_find_all found = {0};
    rf_face_list *lists = rf_alloc(dataset->n_samples, sizeof *lists);
    rf_status status = lists ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK) status = print_bound(model);
    if (status == RF_OK) status = rf_find_faces(model->finder, dataset, lists, &found);
    if (status == RF_OK && found.images == 0)
        status = rf_fail(RF_ERR_FORMAT,
                         "%s: none of its %zu images can be used, the first because: %s; rf-data check tells more",
                         dataset->annotation_path, dataset->n_samples, found.passed_over[0].reason);
    if (status == RF_OK) status = write_predictions(j, dataset, lists);
    if (status == RF_OK && j->gt)
        status = score_against_gt(j, dataset, lists);
    else if (status == RF_OK) {
        rf_protocol_job work = protocol_job(j, dataset, lists);
        status = j->protocol ? rf_eval_protocol(&work) : score_generic(j, dataset, lists);
        rf_json_put_int(&j->out, "images", (long long)dataset->n_samples);
        rf_json_put_int(&j->out, "detections", (long long)found.detections);
    }
    if (status == RF_OK) print_times(model, &found);
    if (status == RF_OK)
        rf_json_put_number(&j->out, "ms_per_image", 1e3 * found.seconds / (double)(found.images ? found.images : 1));
    if (status == RF_OK) tell_passed_over(j, dataset, &found);
    rf_find_all_free(&found);
    free_lists(lists, dataset->n_samples);
    return status;
}

static rf_status add_set(rf_text_list *sets, char text[96], const char *key, const char *value) {
    if (!value) return RF_OK;
    snprintf(text, 96, "eval.%s=%s", key, value);
    return rf_text_list_add(sets, text);
}

/* From the weakest: what --paper stands for, what the user sets by --set, the options of single settings. */
static rf_status collect_settings(const rf_eval_job *j, rf_text_list *all) {
    static const char *const paper[] = {"eval.scales=500,800,1100,1400,1700", "eval.schedule=scales",
                                        "eval.long_edge=1.5", "eval.merge=vote", "eval.flip=yes"};
    static char text[7][96];
    char score[32], iou[32], tile[32];
    const char *scales = j->scales, *flip = j->flip < 0 ? NULL : j->flip ? "yes" : "no";
    bool srn = scales && strcmp(scales, "srn") == 0;
    for (size_t i = 0; j->paper && i < sizeof paper / sizeof *paper; i++) RF_TRY(rf_text_list_add(all, paper[i]));
    for (size_t i = 0; i < j->sets.n; i++) RF_TRY(rf_text_list_add(all, j->sets.v[i]));
    snprintf(score, sizeof score, "%.17g", j->score);
    snprintf(iou, sizeof iou, "%.17g", j->iou);
    if (scales && strcmp(scales, "original") == 0) scales = "0";
    RF_TRY(add_set(all, text[0], "schedule", srn ? "srn" : scales ? "scales" : NULL));
    RF_TRY(add_set(all, text[1], "scales", srn ? NULL : scales));
    RF_TRY(add_set(all, text[2], "merge", j->merge));
    RF_TRY(add_set(all, text[3], "flip", flip));
    RF_TRY(add_set(all, text[4], "score", j->score >= 0 ? score : NULL));
    snprintf(tile, sizeof tile, "%ld", j->tile);
    RF_TRY(add_set(all, text[6], "tile", j->tile >= 0 ? tile : NULL));
    return add_set(all, text[5], "iou", j->iou >= 0 ? iou : NULL);
}

rf_status rf_eval_model(rf_eval_job *j) {
    rf_text_list settings = {0};
    RF_TRY(collect_settings(j, &settings));
    rf_model model = {0};
    rf_dataset *dataset = NULL;
    RF_TRY(open_data(j, &dataset));
    rf_status status = check_truth(j, dataset);
    if (status == RF_OK && j->pred_out) status = rf_predictions_check(j->pred_out, dataset);
    if (status != RF_OK) {
        rf_dataset_free(dataset);
        return status;
    }
    bool meshes = rf_has_meshes(dataset);
    if (meshes) status = rf_text_list_add(&settings, "?eval.mesh=yes");
    if (status == RF_OK && !(j->model = rf_find_model(j->model))) status = RF_ERR_USER;
    if (status == RF_OK) status = rf_model_open(j->model, j->config, settings.v, settings.n, &model);
    size_t vertices = (size_t)model.config.model.mesh_vertices;
    if (status == RF_OK && meshes && vertices && model.config.eval.mesh)
        status = rf_dataset_read_mesh(dataset, vertices);
    bool chosen = rf_text_list_sets(&j->sets, "data.exif");
    if (status == RF_OK) status = rf_apply_exif(dataset, (rf_exif_rule)model.config.data.exif, chosen);
    if (status == RF_OK) status = rf_apply_classes(dataset, &model.config);
    if (status == RF_OK) status = run_dataset(j, &model, dataset);
    rf_dataset_free(dataset);
    rf_model_close(&model);
    return status;
}
