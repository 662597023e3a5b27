/* SPDX-License-Identifier: Apache-2.0 */
/* rf-train: from a folder of photos with boxes to a face detector. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/find.h"
#include "cli/model.h"
#include "cli/output.h"
#include "cli/programs.h"
#include "cli/say.h"
#include "cli/terms.h"
#include "cli/train_list.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "eval/metric.h"
#include "layers/detector.h"
#include "layers/weights.h"
#include "train/compare.h"

static const char name[] = "rf-train";

typedef struct session {
    rf_config config;
    rf_dataset *val;
    rf_wider_gt *gt; /* NULL without data.val_gt */
    double last_shown;
} session;

/* ---- what is printed ---- */

static rf_status print_layers(const rf_config *config) {
    rf_layer_row *rows = NULL;
    size_t n = 0;
    RF_TRY(rf_detector_table(config, (int)config->input.size, (int)config->input.size, &rows, &n));
    rf_say("%-24s %16s %12s %12s\n", "layer", "output", "parameters", "MFLOP");
    for (size_t i = 0; i < n; i++) {
        char shape[64];
        rf_say("%-24s %16s %12zu %12.1f\n", rows[i].name, rf_shape_text(&rows[i].shape, shape), rows[i].params,
               rows[i].mflops);
    }
    rf_free(rows);
    return RF_OK;
}

static rf_status print_plan(const rf_config *config) {
    rf_train_plan plan;
    RF_TRY(print_layers(config));
    RF_TRY(rf_train_make_plan(config, &plan));
    double mb = 1e-6;
    rf_say("\n%zu parameters, %zu anchors, %.2f GFLOP forward an image\n", plan.learnable, plan.anchors,
           plan.gflops_per_image);
    rf_say("memory for batches of %ld images of %ldx%ld: %.0f MB\n", config->train.batch, config->input.size,
           config->input.size, (double)(plan.arena.arena_bytes + plan.parameter_bytes + plan.loader_bytes) * mb);
    rf_say("  arena       %8.0f MB for %d buffers of %.0f MB in all; at least %.0f MB are alive at once\n",
           (double)plan.arena.arena_bytes * mb, plan.arena.n_buffers, (double)plan.arena.sum_bytes * mb,
           (double)plan.arena.peak_live_bytes * mb);
    rf_say("  parameters  %8.0f MB with gradients and momenta\n  loader      %8.0f MB\n",
           (double)plan.parameter_bytes * mb, (double)plan.loader_bytes * mb);
    char threads[RF_THREADS_TEXT];
    rf_say("%s\n\n", rf_threads_text(threads, sizeof threads));
    return RF_OK;
}

static void show_step(void *ctx, const rf_train_line *line) {
    session *s = ctx;
    bool terminal = rf_say_is_terminal();
    double now = rf_clock_seconds();
    if (!line->logged && (!terminal || now - s->last_shown < 0.2)) return;
    s->last_shown = now;
    char eta[RF_DATE_BYTES];
    rf_duration_text(line->eta_seconds, eta);
    if (terminal) rf_say_text("\r\033[K");
    rf_say("step %" PRIu64 "/%" PRIu64 " epoch %.2f loss %.4f", line->step, line->total_steps, line->epoch,
           line->total);
    for (int i = 0; i < line->terms->n; i++)
        if (line->terms->v[i].flags & RF_TERM_SHOW) rf_say(" %s %.4f", line->terms->v[i].name, line->values[i]);
    for (int k = 0; k < line->n_parts; k++) rf_say(k ? " + %.4g" : " parts %.4g", line->parts[k]);
    rf_say(" lr %.2g %.2f img/s wait %.1f%% eta %s", line->lr, line->images_per_second, 100 * line->data_wait, eta);
    if (!terminal || line->logged) rf_say_text("\n");
    rf_say_flush();
}

static void show_note(void *ctx, const char *sentence) {
    (void)ctx;
    rf_say("%s\n", sentence);
    rf_say_flush();
}

static void show_warning(void *ctx, const char *sentence) {
    (void)ctx;
    rf_note("%s: %s\n", name, sentence);
}

/* ---- evaluation while training ---- */

static void add_metric(rf_eval_result *out, const char *metric, double value) {
    rf_say(" %s %.4f", metric, value);
    if (!isfinite(value) || out->n == RF_METRIC_MAX) return;
    snprintf(out->item[out->n].name, sizeof out->item[out->n].name, "%s", metric);
    out->item[out->n++].value = value;
}

/* out->asked and out->read are set. */
static rf_status measure(const session *s, const rf_face_list *lists, rf_eval_result *out) {
    rf_say("validation:");
    if (s->gt) { /* the hardest subset holds all faces of the others: it leads */
        rf_wider_result *wider = rf_alloc(1, sizeof *wider);
        rf_status status = wider ? rf_score_wider(s->gt, s->val, lists, wider) : RF_ERR_NOMEM;
        for (int i = RF_WIDER_SUBSETS - 1; status == RF_OK && i >= 0; i--)
            add_metric(out, rf_wider_subset_names[i], wider->rules[RF_WIDER_PYTHON].ap[i]);
        const double *matlab = status == RF_OK ? wider->rules[RF_WIDER_MATLAB].ap : NULL;
        if (matlab)
            rf_say(" (by the MATLAB tool's rule %.4f, %.4f, %.4f)", matlab[RF_WIDER_HARD], matlab[RF_WIDER_MEDIUM],
                   matlab[RF_WIDER_EASY]);
        rf_free(wider);
        RF_TRY(status);
    } else {
        for (int m = 0; m < rf_metric_count(); m++) {
            rf_metric_values all;
            if (rf_metric_at(m)->needs_mesh && !s->val->mesh) continue;
            RF_TRY(rf_metric_measure(rf_metric_at(m), s->val, lists, &all));
            for (int k = 0; k < all.n; k++) add_metric(out, all.v[k].name, all.v[k].value);
        }
    }
    if (out->read < out->asked) rf_say(" over %zu of %zu pictures", out->read, out->asked);
    rf_say("\n");
    rf_say_flush();
    return RF_OK;
}

static rf_status evaluate(void *ctx, rf_params *params, const rf_param_values *values, rf_eval_result *out) {
    session *s = ctx;
    rf_finder *finder = NULL;
    rf_find_all found = {0};
    rf_face_list *lists = rf_alloc(s->val->n_samples, sizeof *lists);
    rf_status status = lists ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_params_fold(params, values);
    if (status == RF_OK) status = rf_finder_open(&s->config, params, &finder);
    if (status == RF_OK) status = rf_find_faces(finder, s->val, lists, &found);
    if (status == RF_OK) {
        out->asked = s->val->n_samples;
        out->read = found.images;
        out->shrunk = found.shrunk;
    }
    if (status == RF_OK && found.images) status = measure(s, lists, out);
    if (status == RF_OK && found.shrunk) rf_say_shrunk(found.shrunk, rf_smallest_look(&found), &s->config);
    rf_finder_close(finder);
    rf_find_all_free(&found);
    for (size_t i = 0; lists && i < s->val->n_samples; i++) rf_face_list_free(&lists[i]);
    rf_free(lists);
    return status;
}

/* ---- the program ---- */

static rf_status open_gt(session *s) {
    char *dir = rf_path_join(s->config.data.root, s->config.data.val_gt);
    char *list = *s->config.data.val_list ? rf_path_join(s->config.data.root, s->config.data.val_list) : NULL;
    bool complete = dir && (list || !*s->config.data.val_list);
    rf_status status = complete ? rf_open_ground_truth(dir, list, &s->gt) : RF_ERR_NOMEM;
    if (status == RF_OK) status = rf_check_ground_truth(s->gt, s->val);
    rf_free(dir);
    rf_free(list);
    return status;
}

/* Tells what a file of weights will fill, before anything is read or written for the run. */
static rf_status tell_init(const rf_config *config, const char *init, bool resume) {
    rf_params *params = NULL;
    rf_weights_report report = {0};
    rf_text text = {0};
    char *sentence = NULL;
    if (!init || !*init) init = config->model.init;
    if (resume || !*init) return RF_OK;
    rf_status status;
    RF_TRY_GOTO(rf_detector_params(config, &params));
    RF_TRY_GOTO(rf_weights_load(init, params, &report));
    rf_weights_report_text(&report, &text);
    RF_TRY_GOTO(rf_text_finish(&text, &sentence, NULL));
    rf_say("weights from %s: %s\n", init, sentence);
fail:
    rf_free(sentence);
    rf_weights_report_free(&report);
    rf_params_free(params);
    return status;
}

/* There is no best without an evaluation that gave a figure. */
static void tell_done(const char *out_dir) {
    char *best = rf_path_join(out_dir, "best.safetensors");
    bool there = best && rf_file_exists(best);
    rf_say("done: %s/last.safetensors%s; peak memory %.0f MB\n", out_dir, there ? ", best.safetensors" : "",
           (double)rf_peak_rss() / 1e6);
    rf_free(best);
}

/* How many objects of each kind there are to learn from. */
static void say_classes(const rf_dataset *dataset) {
    size_t of[RF_CLASSES_MAX] = {0};
    if (dataset->classes.n < 2) return;
    for (size_t f = 0; f < dataset->n_faces; f++) of[dataset->faces[f].label] += !dataset->faces[f].ignore;
    for (int k = 0; k < dataset->classes.n; k++)
        rf_say("%s%zu %s", k ? ", " : "kinds of objects: ", of[k], dataset->classes.name[k]);
    rf_say("\n");
}

static rf_status train(session *s, const char *out_dir, const char *init, bool resume, bool overfit) {
    rf_dataset *dataset = NULL;
    rf_trainer *trainer = NULL;
    rf_status status;
    RF_TRY_GOTO(tell_init(&s->config, init, resume));
    RF_TRY_GOTO(rf_open_training_set(&s->config, &dataset));
    RF_TRY_GOTO(rf_open_validation_set(&s->config, &s->val));
    if (s->val && *s->config.data.val_gt) RF_TRY_GOTO(open_gt(s));
    rf_say("%zu training images with %zu faces (%zu with landmarks, %zu to ignore), %zu validation images\n",
           dataset->n_samples, dataset->n_faces, dataset->n_with_points, dataset->n_ignored,
           s->val ? s->val->n_samples : 0);
    say_classes(dataset);
    rf_train_options options = {.config = &s->config,
                                .dataset = dataset,
                                .out_dir = out_dir,
                                .init = init,
                                .resume = resume,
                                .overfit = overfit,
                                .callbacks = {s, show_step, show_note, show_warning, s->val ? evaluate : NULL}};
    RF_TRY_GOTO(rf_trainer_open(&options, &trainer));
    RF_TRY_GOTO(print_plan(&s->config)); /* what can go wrong has had its chance: a plan of 44 lines would hide it */
    RF_TRY_GOTO(rf_trainer_run(trainer));
    tell_done(out_dir);
fail:
    rf_trainer_close(trainer);
    rf_wider_gt_free(s->gt);
    rf_dataset_free(s->val);
    rf_dataset_free(dataset);
    return status;
}

static void tell_table(const char *table, const char *dir) {
    rf_say_text(table);
    rf_say("\npictures: %s/*.svg\n", dir);
}

/* --compare: no training, but what several runs have logged, side by side. */
static int compare(const rf_text_list *texts, const char *dir) {
    rf_run_group *groups = rf_alloc(texts->n, sizeof *groups);
    char *table = NULL;
    rf_status status = groups ? rf_output_claim_folder("--out", dir, "rf-train --compare") : RF_ERR_NOMEM;
    for (size_t i = 0; i < texts->n && status == RF_OK; i++) status = rf_run_group_parse(texts->v[i], &groups[i]);
    if (status != RF_OK) status = rf_fail_context(status, "--compare");
    if (status == RF_OK) status = rf_compare_runs(groups, texts->n, dir, &table);
    if (status == RF_OK) tell_table(table + 1, dir);
    rf_free(table);
    for (size_t i = 0; groups && i < texts->n; i++) rf_run_group_free(&groups[i]);
    rf_free(groups);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}

static int print_reference(void) {
    char *text = NULL;
    rf_status status = rf_config_reference(&text);
    if (status != RF_OK) return rf_cli_fail(name, status);
    rf_say_text(text);
    rf_free(text);
    return 0;
}

/* The configuration that is taken for a data set alone. */
#define DEFAULT_CONFIG "mnet025_short"

/* What a run starts from has terms that go on with it. */
static rf_status inherit_terms(rf_config *config, const char *init, const char *out_dir, bool resume) {
    char *last = resume ? rf_path_join(out_dir, "last.safetensors") : NULL;
    if (resume && !last) return RF_ERR_NOMEM;
    const char *from = resume ? last : init && *init ? init : config->model.init;
    rf_status status = *from && rf_file_exists(from) ? rf_terms_inherit(from, config) : RF_OK;
    rf_free(last);
    return status;
}

/* What the command line says. */
static rf_text_list sets, compared;
static const char *out, *init, *config_path;
static bool resume, overfit, plan, reference, list;
static long threads, seed = -1;
static rf_option_key keys[] = {{&sets, "data.root"},
                               {&sets, "train.batch"},
                               {&sets, "schedule.epochs"},
                               {&sets, "optim.lr"},
                               {&sets, "input.size"}};

static const rf_option options[] = {
    {"data", 'd', RF_OPT_KEY, &keys[0], "DIR", "the data set, with train/label.txt and val/label.txt (data.root)", 0,
     0},
    {"batch", 'b', RF_OPT_KEY, &keys[1], "N", "images a step (train.batch)", 0, 0},
    {"epochs", 'e', RF_OPT_KEY, &keys[2], "X", "length of the training (schedule.epochs)", 0, 0},
    {"lr", 0, RF_OPT_KEY, &keys[3], "X", "learning rate after the warm-up (optim.lr)", 0, 0},
    {"size", 0, RF_OPT_KEY, &keys[4], "SIDE", "side of the square training images (input.size)", 0, 0},
    {"set", 0, RF_OPT_LIST, &sets, "SECTION.KEY=VALUE",
     "override a setting of the configuration; may be repeated; --SECTION.KEY VALUE is the same", 0, 0},
    {"out", 'o', RF_OPT_TEXT, &out, "DIR",
     "folder of the run: config.ini, train.jsonl, checkpoints (runs/train); of --compare's pictures (runs/compare)", 0,
     0},
    {"resume", 'r', RF_OPT_FLAG, &resume, NULL,
     "continue from DIR/last.safetensors, bit for bit; settings that changed are listed, those that cannot are "
     "refused",
     0, 0},
    {"init", 0, RF_OPT_TEXT, &init, "WEIGHTS",
     "start from these weights (safetensors, .pth, .params, a run's folder, a model's name), matched by name", 0, 0},
    {"threads", 't', RF_OPT_INT, &threads, "N", RF_THREADS_DOC "; results do not depend on it", 0, 1024},
    {"seed", 0, RF_OPT_INT, &seed, "N", "instead of train.seed", 0, 2147483647},
    {"list", 0, RF_OPT_FLAG, &list, NULL,
     "print the configurations that are found by name, with size and cost, and stop", 0, 0},
    {"plan", 0, RF_OPT_FLAG, &plan, NULL, "print the layers and the memory plan, and stop", 0, 0},
    {"reference", 0, RF_OPT_FLAG, &reference, NULL, "print docs/configuration.md, every setting and preset, and stop",
     0, 0},
    {"overfit", 0, RF_OPT_FLAG, &overfit, NULL, "repeat the first batch: the loss must fall to nearly zero", 0, 0},
    {"compare", 0, RF_OPT_LIST, &compared, "NAME=RUN[,RUN...]",
     "instead of training: one curve for the mean of these finished runs; may be repeated", 0, 0},
    {0}};

static const rf_program program = {
    name,
    "train a face detector",
    "[CONFIG] --data DIR [--section.key value]... [--out DIR] [options]",
    "  Trains the detector that CONFIG describes, an INI file or its name (--list; " DEFAULT_CONFIG
    " when there\n  is only --data), prints the layer table, the memory plan and one line every\n"
    "  train.log_every updates, appends train.jsonl, evaluates on the validation set every train.eval_every "
    "epochs\n"
    "  and keeps last.safetensors and best.safetensors. Ctrl-C and a\n"
    "  closing terminal finish the update and save. One program at a time may write into DIR.",
    options,
    "  rf-train mnet025 --data /data/widerface --out runs/mnet\n"
    "  rf-train mnet025 --data DIR --batch 4 --epochs 30 --augment.flip 0\n"
    "  rf-train configs/r50.ini --plan\n"
    "  rf-train configs/mnet025.ini --out runs/mnet --resume\n"
    "  rf-train --compare base=runs/a,runs/b --compare wide=runs/c,runs/d --out runs/compare",
    NULL,
    0,
    1};

int rf_train_main(int argc, char **argv) {
    size_t n;
    rf_args_action action = rf_args_parse(&program, argc, argv, &config_path, &n);
    if (action != RF_ARGS_RUN) return rf_args_exit_code(action);
    if (reference) return print_reference();
    if (compared.n) return compare(&compared, out ? out : "runs/compare");
    if (list) {
        rf_status listed = rf_train_list();
        return listed == RF_OK ? 0 : rf_cli_fail(name, listed);
    }
    if (n == 0 && rf_text_list_sets(&sets, "data.root")) {
        config_path = DEFAULT_CONFIG;
        rf_say("no configuration is named, so it is " DEFAULT_CONFIG " (rf train --list shows the others)\n");
    }
    if (!config_path)
        return rf_cli_usage(name, "a configuration is needed, for example mnet025 (rf train --list shows all)");
    if (resume && init)
        return rf_cli_usage(name, "--init and --resume exclude each other: a resumed run has its weights in DIR");
    if (!(config_path = rf_find_config(config_path))) return rf_cli_fail(name, RF_ERR_USER);
    if (init && *init && !(init = rf_find_model(init))) return rf_cli_fail(name, RF_ERR_USER);
    static session s;
    char seed_text[48];
    snprintf(seed_text, sizeof seed_text, "train.seed=%ld", seed);
    rf_set_threads((int)threads);
    rf_status status = seed >= 0 ? rf_text_list_add(&sets, seed_text) : RF_OK;
    if (status == RF_OK) status = rf_config_load(config_path, sets.v, sets.n, &s.config);
    if (status == RF_OK && !plan) status = inherit_terms(&s.config, init, out ? out : "runs/train", resume);
    if (status == RF_OK && plan) status = print_plan(&s.config);
    rf_say_flush();
    if (status == RF_OK && !plan) status = rf_signals_install();
    if (status == RF_OK && !plan) status = rf_output_check_folder("--out", out ? out : "runs/train");
    if (status == RF_OK && !plan) status = train(&s, out ? out : "runs/train", init, resume, overfit);
    return status == RF_OK ? 0 : rf_cli_fail(name, status);
}
