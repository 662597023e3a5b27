/* SPDX-License-Identifier: Apache-2.0 */
/* rf-eval: average precision of a model, or of anybody's predictions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/eval_protocol.h"
#include "cli/eval_wider.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/programs.h"
#include "cli/sets.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/mesh_table.h"
#include "eval/metric.h"
#include "eval/predictions.h"

static const char name[] = "rf-eval";

typedef struct job {
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
} job;

/* ---- results ---- */

static rf_status score_generic(job *j, const rf_dataset *dataset, const rf_face_list *lists) {
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
    return RF_OK;
}

/* Whether there is something to measure: asked before the work. */
static rf_status check_truth(const job *j, const rf_dataset *dataset) {
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

static void free_lists(rf_face_list *lists, size_t n) {
    for (size_t i = 0; lists && i < n; i++) rf_face_list_free(&lists[i]);
    rf_free(lists);
}

static rf_status score_predictions(job *j) {
    rf_wider_gt *gt = NULL;
    RF_TRY(rf_open_ground_truth(j->gt, j->list, &gt));
    rf_status status = rf_eval_wider_files(&(rf_wider_job){gt, j->rule, j->report, &j->out}, j->pred_in);
    rf_wider_gt_free(gt);
    return status;
}

static rf_protocol_job protocol_job(job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    return (rf_protocol_job){.protocol = j->protocol,
                             .dataset = dataset,
                             .lists = lists,
                             .report = j->report,
                             .pred_out = j->pred_out,
                             .sizes = j->sizes,
                             .ids = j->ids,
                             .out = &j->out};
}

static rf_status open_data(const job *j, rf_dataset **out);

/* A protocol on predictions in files. */
static rf_status score_files(job *j) {
    rf_dataset *dataset = NULL;
    RF_TRY(open_data(j, &dataset));
    rf_protocol_job work = protocol_job(j, dataset, NULL);
    rf_status status = check_truth(j, dataset);
    if (status == RF_OK) status = rf_eval_protocol_files(&work, j->pred_in);
    rf_dataset_free(dataset);
    return status;
}

/* ---- a model ---- */

static rf_status score_against_gt(job *j, const rf_dataset *dataset, const rf_face_list *lists) {
    rf_wider_gt *gt = NULL;
    RF_TRY(rf_open_ground_truth(j->gt, j->list, &gt));
    rf_status status = rf_eval_wider(&(rf_wider_job){gt, j->rule, j->report, &j->out}, dataset, lists);
    rf_wider_gt_free(gt);
    return status;
}

static rf_status write_predictions(const job *j, const rf_dataset *dataset, const rf_face_list *lists) {
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
static void tell_passed_over(job *j, const rf_dataset *dataset, const rf_find_all *found) {
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

static rf_status run_dataset(job *j, rf_model *model, const rf_dataset *dataset) {
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

/* The validation part of what --data names: the set whose annotation speaks of "val", else the last one. */
static rf_status open_data(const job *j, rf_dataset **out) {
    rf_set_list sets = {0};
    RF_TRY(rf_sets_find(j->data, j->images, &sets));
    size_t pick = sets.n - 1;
    for (size_t i = 0; i < sets.n; i++)
        if (strstr(sets.v[i].annotation, "val")) pick = i;
    rf_status status = rf_dataset_open("auto", sets.v[pick].annotation, sets.v[pick].images, j->list, out);
    rf_sets_free(&sets);
    return status;
}

static rf_status add_set(rf_text_list *sets, char text[96], const char *key, const char *value) {
    if (!value) return RF_OK;
    snprintf(text, 96, "eval.%s=%s", key, value);
    return rf_text_list_add(sets, text);
}

/* From the weakest: what --paper stands for, what the user sets by --set, the options of single settings. */
static rf_status collect_settings(const job *j, rf_text_list *all) {
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

static rf_status evaluate_model(job *j) {
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

/* What is to be written can be, before the work begins, and is nothing that is read. */
static rf_status check_outputs(job *j) {
    const char *const inputs[][2] = {{"the model", j->model},     {"the annotation", j->data},
                                     {"the list", j->list},       {"the configuration", j->config},
                                     {"the ground truth", j->gt}, {"the predictions", j->pred_in}};
    RF_TRY(rf_output_open("--json", j->json, &j->file));
    RF_TRY(rf_output_claim_folder("--pred-out", j->pred_out, "rf-eval"));
    RF_TRY(rf_output_claim_folder("--report", j->report, "rf-eval"));
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        RF_TRY(rf_output_not_input("--json", j->json, inputs[i][0], inputs[i][1]));
    return rf_output_not_input("--pred-out", j->pred_out, "the predictions", j->pred_in);
}

static rf_status write_json(job *j) {
    char *text = NULL;
    rf_json_end_object(&j->out);
    RF_TRY(rf_json_finish(&j->out, &text));
    rf_status status = rf_output_write(&j->file, text);
    rf_free(text);
    return status;
}

int rf_eval_main(int argc, char **argv) {
    static job j = {.score = -1, .iou = -1, .flip = -1, .tile = -1};
    long threads = 0;
    const char *named = NULL;
    const rf_option options[] = {
        {"model", 'm', RF_OPT_TEXT, &named, "MODEL", RF_MODEL_DOC, 0, 0},
        {"data", 'd', RF_OPT_TEXT, &j.data, "ROOT", "data set: folder or annotation file, as rf-data check takes it", 0,
         0},
        {"images", 0, RF_OPT_TEXT, &j.images, "DIR", "image folder of an annotation file (guessed)", 0, 0},
        {"list", 0, RF_OPT_TEXT, &j.list, "FILE", "only the images this file names, one a line", 0, 0},
        {"gt", 0, RF_OPT_TEXT, &j.gt, "DIR", "the official .mat files: print easy, medium and hard", 0, 0},
        {"protocol", 0, RF_OPT_TEXT, &j.protocol_name, "fddb|pascal_faces|mafa|landmarks|coco|wider_test",
         "score as a data set's publications do; pascal_faces also fits AFW", 0, 0},
        {"pred", 0, RF_OPT_TEXT, &j.pred_in, "DIR",
         "score predictions, no model: a folder with DIR/<event>/<image>.txt (with --gt or --protocol and --data), "
         "files\n"
         "as FDDB has them or COCO's results JSON (with --protocol and --data)",
         0, 0},
        {"rule", 0, RF_OPT_TEXT, &j.rule_name, "python|matlab",
         "with --gt: which program's AP leads in what is printed and drawn, the Python port's or that of the data\n"
         "set's own MATLAB tool; the other stands beside it (python)",
         0, 0},
        {"ids", 0, RF_OPT_TEXT, &j.ids, "FILE",
         "with --pred RESULTS.json (COCO's results): the COCO annotation that tells which picture an image_id is", 0,
         0},
        {"sizes", 0, RF_OPT_TEXT, &j.sizes, "FILE",
         "with --protocol fddb: name, width and height of each picture, one a line, where the pictures are not at hand",
         0, 0},
        {"pred-out", 0, RF_OPT_TEXT, &j.pred_out, "DIR", "write predictions in that layout", 0, 0},
        {"scales", 0, RF_OPT_TEXT, &j.scales, "original|srn|S[,S...]",
         "short edges to test at (the model's eval.scales), or SRN's schedule", 0, 0},
        {"flip", 0, RF_OPT_TOGGLE, &j.flip, NULL, "also test the mirror image (eval.flip; --no-flip)", 0, 0},
        {"tile", 0, RF_OPT_INT, &j.tile, "SIDE",
         "look at pictures of more than SIDE x SIDE pixels in tiles, 2048 say, instead of shrinking them (eval.tile)",
         0, 16384},
        {"merge", 0, RF_OPT_TEXT, &j.merge, "nms|soft_linear|soft_gaussian|vote|weighted",
         "how overlapping detections are merged (eval.merge)", 0, 0},
        {"iou", 0, RF_OPT_REAL, &j.iou, "X", "threshold of the merge (eval.iou)", 0, 1},
        {"score", 0, RF_OPT_REAL, &j.score, "X", "lowest score (eval.score)", 0, 1},
        {"paper", 0, RF_OPT_FLAG, &j.paper, NULL,
         "the paper's test: 500,800,1100,1400,1700, flip, voting; --set and the options above\nchange parts of it", 0,
         0},
        {"config", 'c', RF_OPT_TEXT, &j.config, "INI", "configuration, when the weights carry none or another", 0, 0},
        {"set", 0, RF_OPT_LIST, &j.sets, "SECTION.KEY=VALUE", "override a setting; may be repeated", 0, 0},
        {"json", 0, RF_OPT_TEXT, &j.json, "FILE", "write the results as one JSON object; -: to stdout", 0, 0},
        {"report", 0, RF_OPT_TEXT, &j.report, "DIR", "write the curves as SVG and CSV (with --gt or --protocol)", 0, 0},
        {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC, 0, 1024},
        {0}};
    const rf_program program = {
        name,
        "average precision of a detector",
        "MODEL --data ROOT [options]  |  --pred DIR --gt DIR [options]  |  --pred DIR --protocol NAME --data ROOT",
        "  Finds the faces of every image of a data set and scores them: by the official WIDER FACE protocol when "
        "--gt\n"
        "  names the folder with its .mat files, by the protocol of another data set with --protocol, else by average\n"
        "  precision at IoU 0.5 and 0.5:0.95 and landmark error.",
        options,
        "  rf-eval runs/mnet/best.safetensors --data /data/widerface --gt /data/widerface/ground_truth\n"
        "  rf-eval --pred predictions --gt /data/widerface/ground_truth --report report\n"
        "  rf-eval best.safetensors --data FDDB/ellipses.txt --images FDDB/originalPics --protocol fddb --report "
        "report\n"
        "  rf-eval best.safetensors --data wider_face_test_filelist.txt --images WIDER_test/images --protocol "
        "wider_test\n"
        "      --pred-out submission",
        "  Exit status 1 tells that pictures were skipped; --json has their names and reasons under \"errors\".",
        0,
        1};
    size_t n = 0;
    rf_args_action action = rf_args_parse(&program, argc, argv, &j.model, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (named && n) return rf_cli_usage(name, "two models: %s and --model %s", j.model, named);
    if (named) j.model = named;
    n += named != NULL;
    if (j.protocol_name && !(j.protocol = rf_protocol_find(j.protocol_name))) return rf_cli_fail(name, RF_ERR_USER);
    int rule = j.rule_name ? rf_name_find("rule", j.rule_name, rf_wider_rule_names, RF_WIDER_RULES) : RF_WIDER_PYTHON;
    if (rule < 0) return rf_cli_fail(name, RF_ERR_USER);
    j.rule = (rf_wider_rule)rule;
    if (j.rule_name && !j.gt) return rf_cli_usage(name, "--rule is about the official ground truth: add --gt DIR");
    if (j.sizes && !(j.protocol && j.protocol->needs_ellipses))
        return rf_cli_usage(name, "--sizes is for --protocol fddb");
    if (j.ids && !(j.protocol && j.pred_in))
        return rf_cli_usage(name, "--ids is for --protocol NAME --pred RESULTS.json");
    if (j.protocol && j.gt) return rf_cli_usage(name, "--gt and --protocol: one at a time");
    if (j.pred_in && (n || (j.protocol ? !j.data : !j.gt)))
        return rf_cli_usage(name, "--pred DIR takes --gt DIR, or --protocol and --data, and no model");
    if (!j.pred_in && (!n || !j.data))
        return rf_cli_usage(name, "a model and --data ROOT are needed, or --pred and --gt");
    if (j.pred_in && j.data && rf_output_is_input(j.pred_in, j.data))
        return rf_cli_usage(name, "--pred and --data are one: the annotation would be scored by itself");
    if (j.report && !j.gt && !(j.protocol && j.protocol->x_label))
        return rf_cli_usage(name,
                            "--report draws curves: add --gt DIR for WIDER FACE, or for data of your own --protocol "
                            "pascal_faces (precision and recall at IoU 0.5)");
    if (j.protocol && !j.protocol->x_label && !j.pred_out)
        return rf_cli_usage(name, "--protocol %s writes a folder: add --pred-out DIR", j.protocol_name);
    rf_set_threads((int)threads);
    rf_json_begin_object(&j.out, NULL);
    const char *found = j.model ? rf_find_model(j.model) : NULL; /* one that is nowhere is told in its turn */
    if (found) j.model = found;
    rf_status_clear();
    rf_status status = rf_signals_install();
    if (status == RF_OK) status = check_outputs(&j);
    if (status == RF_OK)
        status = j.pred_in && j.protocol ? score_files(&j) : j.pred_in ? score_predictions(&j) : evaluate_model(&j);
    if (status == RF_OK) status = write_json(&j);
    rf_output_close(&j.file);
    return status != RF_OK ? rf_cli_fail(name, status) : j.partial;
}
