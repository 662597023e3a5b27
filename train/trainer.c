/* SPDX-License-Identifier: Apache-2.0 */
#include "train/trainer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/mem.h"
#include "layers/branch.h"
#include "layers/init.h"
#include "layers/weights.h"
#include "train/trainer_internal.h"

static void say(void (*to)(void *, const char *), void *ctx, const char *fmt, va_list args) {
    char text[1024];
    if (!to) return;
    vsnprintf(text, sizeof text, fmt, args);
    to(ctx, text);
}

void rf_trainer_note(const rf_trainer *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(t->callbacks.note, t->callbacks.ctx, fmt, args);
    va_end(args);
}

void rf_trainer_warn(const rf_trainer *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(t->callbacks.warn, t->callbacks.ctx, fmt, args);
    va_end(args);
}

rf_status rf_train_make_plan(const rf_config *config, rf_train_plan *out) {
    memset(out, 0, sizeof *out);
    rf_params *params = NULL;
    rf_train_graph net = {0};
    rf_status status;
    RF_TRY_GOTO(rf_detector_params(config, &params));
    RF_TRY_GOTO(rf_train_graph_make(config, params, &net));
    RF_TRY_GOTO(rf_train_graph_report(config, &net, &out->arena));
    size_t averages = config->optim.ema > 0;
    out->parameter_bytes =
        ((3 + averages) * params->data_count + (1 + averages) * params->state_count) * sizeof(rf_real);
    size_t batch = (size_t)config->train.batch * (size_t)config->input.size * (size_t)config->input.size * 3;
    out->loader_bytes = batch * ((size_t)config->data.prefetch + 1 + sizeof(float));
    out->learnable = rf_params_learnable(params);
    out->anchors = net.detector.anchors;
    for (int i = 0; i < rf_graph_node_count(net.graph); i++) {
        rf_node_info info = rf_graph_node(net.graph, i);
        if (info.pass == RF_PASS_FORWARD) out->gflops_per_image += info.flops / 1e9 / (double)config->train.batch;
    }
fail:
    rf_train_graph_free(&net);
    rf_params_free(params);
    return status;
}

/* ---- opening ---- */

static rf_status make_paths(rf_trainer *t, const char *out_dir) {
    t->out_dir = rf_strdup(out_dir);
    t->log_path = rf_path_join(out_dir, "train.jsonl");
    t->last_path = rf_path_join(out_dir, "last.safetensors");
    t->best_path = rf_path_join(out_dir, "best.safetensors");
    return t->out_dir && t->log_path && t->last_path && t->best_path ? RF_OK : RF_ERR_NOMEM;
}

static rf_status load_init(rf_trainer *t, const char *init) {
    rf_params_init(t->params, t->progress.seed);
    RF_TRY(rf_branches_start(t->params, &t->config));
    if (!init || !*init) init = t->config.model.init;
    if (*init) RF_TRY(rf_weights_load(init, t->params, NULL));
    rf_optimizer_reset_ema(&t->optimizer);
    return RF_OK;
}

/* What a resumed run is given against what its checkpoint tells, before anything is built. */
static rf_status compare_with_checkpoint(rf_trainer *t) {
    rf_progress before = {0};
    RF_TRY(rf_checkpoint_peek(t->last_path, &before, &t->before));
    return rf_resume_compare(t->out_dir, t->before, &before.origin, &t->config, &t->progress.origin, &t->changes);
}

/* Weights and position of a run that starts or continues. */
static rf_status load(rf_trainer *t, const rf_train_options *options) {
    if (!options->resume) return load_init(t, options->init);
    rf_origin origin = t->progress.origin;
    RF_TRY(rf_checkpoint_read(t->last_path, &t->optimizer, &t->progress));
    t->progress.origin = origin;
    return RF_OK;
}

/* The place in the epoch must be the one that the number of updates tells: files of earlier versions do not hold the
 * number of images. */
static rf_status check_position(const rf_trainer *t) {
    const rf_progress *p = &t->progress;
    uint64_t batches = rf_loader_batches(t->loader), accumulate = (uint64_t)t->config.optim.accumulate;
    if (t->overfit || (p->batch < batches && p->epoch * t->steps_per_epoch + p->batch / accumulate == p->step))
        return RF_OK;
    return rf_fail(
        RF_ERR_USER,
        "--resume: the checkpoint stands after update %llu at batch %llu of epoch %lu, which does not fit the "
        "%llu updates that an epoch has now: the data set changed; start a new run with --init %s and "
        "another --out",
        (unsigned long long)p->step, (unsigned long long)p->batch, (unsigned long)p->epoch,
        (unsigned long long)t->steps_per_epoch, t->last_path);
}

static rf_status count_steps(rf_trainer *t) {
    uint64_t accumulate = (uint64_t)t->config.optim.accumulate;
    t->steps_per_epoch = rf_loader_batches(t->loader) / accumulate;
    if (t->steps_per_epoch == 0)
        return rf_fail(RF_ERR_USER, "optim.accumulate=%ld needs %ld batches for one update, an epoch has %zu",
                       t->config.optim.accumulate, t->config.optim.accumulate, rf_loader_batches(t->loader));
    double total = t->config.schedule.epochs * (double)t->steps_per_epoch;
    t->total_steps = (uint64_t)(total + 0.999999);
    if (t->overfit) t->total_steps = 200;
    uint64_t limit = (uint64_t)t->config.train.max_steps;
    if (limit && (limit < t->total_steps || t->overfit)) t->total_steps = limit;
    RF_TRY(check_position(t));
    if (t->overfit) return rf_loader_seek(t->loader, 0, 0);
    return rf_loader_seek(t->loader, t->progress.epoch, t->progress.batch);
}

rf_status rf_trainer_open(const rf_train_options *options, rf_trainer **out) {
    rf_trainer *t = rf_alloc(1, sizeof *t);
    if (!t) return RF_ERR_NOMEM;
    rf_status status;
    t->config = *options->config;
    t->callbacks = options->callbacks;
    t->overfit = options->overfit;
    t->progress = (rf_progress){.seed = (uint64_t)t->config.train.seed, .best = -1};
    rf_origin_of(options->dataset, &t->progress.origin);
    t->progress.origin.overfit = t->overfit;
    if (!options->resume && options->init && rf_config_holds_text(options->init)) /* so that the run's files tell it */
        snprintf(t->config.model.init, sizeof t->config.model.init, "%s", options->init);
    RF_TRY_GOTO(make_paths(t, options->out_dir));
    if (options->resume) {
        RF_TRY_GOTO(rf_trainer_claim(t, true));
        RF_TRY_GOTO(compare_with_checkpoint(t));
    } else if (rf_file_exists(t->last_path)) { /* claimed when all else is well, so that mistakes leave no folder */
        RF_TRY_GOTO(rf_trainer_claim(t, false));
    }
    RF_TRY_GOTO(rf_detector_params(&t->config, &t->params));
    RF_TRY_GOTO(rf_optimizer_init(&t->optimizer, &t->config, t->params));
    RF_TRY_GOTO(rf_train_graph_make(&t->config, t->params, &t->net));
    RF_TRY_GOTO(rf_loader_open(options->dataset, &t->config, (uint64_t)t->config.train.seed, &t->loader));
    RF_TRY_GOTO(load(t, options));
    RF_TRY_GOTO(count_steps(t));
    RF_TRY_GOTO(rf_train_graph_plan(&t->config, &t->net));
    if (!options->resume) RF_TRY_GOTO(rf_trainer_claim(t, false));
    RF_TRY_GOTO(rf_trainer_begin_files(t, options->resume));
    *out = t;
    return RF_OK;
fail:
    rf_trainer_close(t);
    return status;
}

void rf_trainer_close(rf_trainer *t) {
    if (!t) return;
    rf_loader_close(t->loader);
    rf_train_graph_free(&t->net);
    rf_optimizer_free(&t->optimizer);
    rf_params_free(t->params);
    rf_changes_free(&t->changes);
    rf_free(t->before);
    rf_lock_release(t->lock);
    rf_free(t->out_dir);
    rf_free(t->log_path);
    rf_free(t->last_path);
    rf_free(t->best_path);
    rf_free(t);
}

const rf_exec *rf_trainer_exec(const rf_trainer *t) {
    return t->net.exec;
}

const rf_params *rf_trainer_params(const rf_trainer *t) {
    return t->params;
}
