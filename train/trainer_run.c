/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/text.h"
#include "train/schedule.h"
#include "train/trainer_internal.h"

/* Puts the names of a batch's images behind the message of a failed step. */
static rf_status blame_batch(const rf_batch *batch, rf_status status) {
    rf_text names = {0};
    for (size_t i = 0; i < batch->count; i++) rf_text_printf(&names, "%s%s", i ? ", " : "", batch->names[i]);
    char *text = NULL;
    if (rf_text_finish(&names, &text, NULL) != RF_OK) return status;
    char reason[600];
    snprintf(reason, sizeof reason, "%s", rf_error_message());
    status =
        rf_fail(status, "%s; batch %zu of epoch %u: %s; nothing was saved. Try a smaller optim.lr or optim.clip_norm",
                reason, batch->index, batch->epoch, text);
    rf_free(text);
    return status;
}

static double scalar(const rf_trainer *t, rf_value v) {
    return v == RF_NONE ? 0 : (double)*rf_exec_data(t->net.exec, v);
}

/* A loss or gradient that is not finite: runs the step again to find where it begins. */
static rf_status trace(rf_trainer *t, const rf_batch *batch, const char *what) {
    rf_status status = rf_exec_trace_nonfinite(t->net.exec, true, false);
    if (status == RF_OK) status = rf_fail(RF_ERR_NONFINITE, "the %s is not finite, though every node is", what);
    rf_fail_context(status, "update %llu", (unsigned long long)t->progress.step + 1);
    return blame_batch(batch, status);
}

static void add_losses(const rf_trainer *t, rf_train_sums *sums) {
    const rf_loss_values *v = &t->net.values;
    sums->micro_batches++;
    sums->total += scalar(t, v->total);
    for (int i = 0; i < v->terms.n; i++) sums->terms[i] += scalar(t, v->terms.v[i].value);
}

/* Forward and backward of batch `part` of an update; gradients add to those of the update's earlier batches. */
static rf_status run_batch(rf_trainer *t, const rf_batch *batch, long part) {
    rf_exec *exec = t->net.exec;
    size_t pixels = batch->count * (size_t)batch->size * (size_t)batch->size * 3;
    rf_real *input = rf_exec_data(exec, t->net.detector.input);
    for (size_t i = 0; i < pixels; i++) input[i] = batch->input[i];
    rf_loss_batch faces = {.faces = batch->faces,
                           .n_faces = batch->n_faces,
                           .mesh = batch->mesh,
                           .placements = batch->placements,
                           .number = t->progress.step * (uint64_t)t->config.optim.accumulate + (uint64_t)part};
    RF_TRY(rf_loss_set_batch(t->net.loss, &faces));
    RF_TRY(rf_exec_forward(exec, true));
    double total = scalar(t, t->net.values.total);
    if (!isfinite(total)) return trace(t, batch, "loss");
    RF_TRY(rf_exec_backward(exec, part > 0));
    add_losses(t, &t->line);
    add_losses(t, &t->epoch);
    return RF_OK;
}

/* Tells of images that could not be read since the last call. */
static void tell_skipped(rf_trainer *t) {
    const rf_skipped *list;
    size_t n = rf_loader_skipped(t->loader, &list);
    for (; t->skipped_told < n; t->skipped_told++)
        rf_trainer_note(t, "skipped %s (%zu so far): %s", list[t->skipped_told].name, t->skipped_told + 1,
                        list[t->skipped_told].reason);
}

static rf_status run_update(rf_trainer *t) {
    long accumulate = t->config.optim.accumulate;
    const rf_batch *batch = NULL;
    for (long k = 0; k < accumulate; k++) {
        /* The loader keeps a batch until it is asked for the next one. */
        if (t->overfit && t->held)
            batch = t->held;
        else
            RF_TRY(rf_loader_next(t->loader, &batch));
        t->held = batch;
        RF_TRY(run_batch(t, batch, k));
    }
    double scale = 1.0 / (double)accumulate;
    t->grad_norm = rf_optimizer_grad_norm(&t->optimizer) * scale;
    if (!isfinite(t->grad_norm)) return trace(t, batch, "gradient");
    double limit = t->config.optim.clip_norm;
    if (limit > 0 && t->grad_norm > limit) scale *= limit / t->grad_norm;
    double epoch = (double)t->progress.step / (double)t->steps_per_epoch;
    t->lr = t->overfit ? t->config.optim.lr : rf_schedule_rate(&t->config, epoch);
    rf_optimizer_step(&t->optimizer, t->lr, scale);
    t->progress.step++;
    t->line.updates++;
    t->epoch.updates++;
    tell_skipped(t);
    return RF_OK;
}

/* ---- checkpoints and evaluation ---- */

/* A file that holds what no training can continue from must not replace one that does: running statistics may overflow
 * while the loss is still finite. */
static rf_status save(const rf_trainer *t, const char *path) {
    const rf_param *bad = rf_params_find_nonfinite(t->params);
    if (bad)
        return rf_fail(RF_ERR_NONFINITE,
                       "update %llu: %s holds NaN or infinity; nothing was saved. Try a smaller optim.lr or "
                       "optim.clip_norm",
                       (unsigned long long)t->progress.step, bad->name);
    return rf_checkpoint_write(path, &t->config, &t->optimizer, &t->progress);
}

/* Figures are compared where they are over the same pictures. With more of the set readable a figure comes before any
 * over fewer; one over fewer takes the place of none. */
static bool is_best(const rf_trainer *t, const rf_eval_result *m) {
    const rf_progress *p = &t->progress;
    double value = m->item[0].value;
    if (p->best < 0 || (p->best_asked == m->asked && p->best_read == m->read) || !p->best_asked || !m->asked)
        return value > p->best;
    const char *name = m->item[0].name;
    if (p->best_asked != m->asked) {
        rf_trainer_warn(t,
                        "the validation set has %zu pictures, the best figure so far was over %llu: best begins anew",
                        m->asked, (unsigned long long)p->best_asked);
        return true;
    }
    bool more = m->read > p->best_read;
    rf_trainer_warn(t, "%s %.4f is over %zu pictures, the best so far (%.4f) over %llu: best %s", name, value, m->read,
                    p->best, (unsigned long long)p->best_read,
                    more ? "follows the figure over more pictures" : "stays with the figure over more pictures");
    return more;
}

static void tell_unreadable(const rf_trainer *t, const rf_eval_result *m) {
    if (m->read == m->asked) return;
    if (m->read == 0)
        rf_trainer_warn(t, "validation after update %llu: not one of %zu pictures could be read, so there is no figure",
                        (unsigned long long)t->progress.step, m->asked);
    else
        rf_trainer_warn(t,
                        "validation after update %llu is over %zu of %zu pictures: %zu could not be read, and their "
                        "faces count as missed",
                        (unsigned long long)t->progress.step, m->read, m->asked, m->asked - m->read);
}

static rf_status run_evaluation(rf_trainer *t) {
    if (!t->callbacks.evaluate || t->overfit) return RF_OK;
    rf_progress *p = &t->progress;
    rf_eval_result metrics = {0};
    rf_param_values values = rf_optimizer_weights(&t->optimizer);
    rf_status status = t->callbacks.evaluate(t->callbacks.ctx, t->params, &values, &metrics);
    if (status == RF_ERR_INTERRUPTED) return RF_OK; /* still due */
    RF_TRY(status);
    tell_unreadable(t, &metrics);
    t->unmeasured = metrics.read == 0 ? metrics.asked : 0;
    if (t->unmeasured) { /* no measurement, and still due where the run stays here */
        metrics.n = 0;
        return rf_trainer_log_metrics(t, &metrics);
    }
    if (metrics.n == 0) {
        rf_trainer_warn(t, "validation after update %llu: nothing to measure, no face is annotated",
                        (unsigned long long)p->step);
        return RF_OK;
    }
    p->evaluated = p->step;
    RF_TRY(rf_trainer_log_metrics(t, &metrics));
    if (!is_best(t, &metrics)) return RF_OK;
    p->best = metrics.item[0].value;
    p->best_step = p->step;
    p->best_asked = metrics.asked;
    p->best_read = metrics.read;
    return save(t, t->best_path);
}

static bool due(uint64_t epoch, long every) {
    return every > 0 && epoch % (uint64_t)every == 0;
}

static rf_status save_numbered(const rf_trainer *t, uint64_t epoch) {
    char name[48];
    snprintf(name, sizeof name, "epoch-%04llu.safetensors", (unsigned long long)epoch);
    char *path = rf_path_join(t->out_dir, name); /* own name */
    rf_status status = path ? save(t, path) : RF_ERR_NOMEM;
    rf_free(path);
    return status;
}

/* Whether this is the place of an evaluation that has not been made. */
static bool evaluation_due(const rf_trainer *t) {
    uint64_t step = t->progress.step;
    bool epoch_ends = step > 0 && step % t->steps_per_epoch == 0;
    return t->callbacks.evaluate && !t->overfit && t->progress.evaluated != step &&
           (step >= t->total_steps || (epoch_ends && due(step / t->steps_per_epoch, t->config.train.eval_every)));
}

/* The state is safe before an evaluation, which may take minutes, and holds its result after. */
static rf_status save_and_evaluate(rf_trainer *t) {
    RF_TRY(save(t, t->last_path));
    RF_TRY(run_evaluation(t));
    rf_train_sums_clear(&t->line, t->loader); /* the evaluation's time is not training time */
    return t->progress.evaluated == t->progress.step ? save(t, t->last_path) : RF_OK;
}

/* Where the next update begins: part of what is saved, so it is settled before anything else can fail. Batches that do
 * not fill an update are left out of the epoch. */
static rf_status settle_position(rf_trainer *t) {
    uint64_t step = t->progress.step;
    bool epoch_ends = step % t->steps_per_epoch == 0 && !t->overfit;
    if (epoch_ends && rf_loader_batches(t->loader) % (uint64_t)t->config.optim.accumulate)
        RF_TRY(rf_loader_seek(t->loader, (uint32_t)(step / t->steps_per_epoch), 0));
    size_t batch;
    rf_loader_position(t->loader, &t->progress.epoch, &batch);
    t->progress.batch = batch;
    return RF_OK;
}

/* After an update: what ends with an epoch, with the run, or by number of updates. */
static rf_status housekeeping(rf_trainer *t) {
    uint64_t step = t->progress.step, epoch = step / t->steps_per_epoch;
    bool epoch_ends = step % t->steps_per_epoch == 0 && !t->overfit, run_ends = step >= t->total_steps;
    if (epoch_ends) RF_TRY(rf_trainer_log_epoch(t));
    bool evaluated = evaluation_due(t);
    if (evaluated)
        RF_TRY(save_and_evaluate(t));
    else if (run_ends || (epoch_ends && due(epoch, t->config.train.save_every)) ||
             due(step, t->config.train.save_steps))
        RF_TRY(save(t, t->last_path));
    if (epoch_ends && due(epoch, t->config.train.keep_every)) RF_TRY(save_numbered(t, epoch));
    return epoch_ends || evaluated || run_ends ? rf_trainer_plot(t) : RF_OK;
}

/* Whether a signal asks to end and something is left to do. A run whose work is done ends as done. */
static bool must_stop(const rf_trainer *t) {
    return rf_signal_pending() && (t->progress.step < t->total_steps || evaluation_due(t));
}

static rf_status stop(const rf_trainer *t) {
    const char *signal_name = rf_signal_name(rf_signal_pending());
    if (t->progress.step == 0)
        return rf_fail(RF_ERR_INTERRUPTED, "stopped by %s before the first update: there is nothing to save",
                       signal_name);
    RF_TRY(save(t, t->last_path));
    return rf_fail(RF_ERR_INTERRUPTED, "stopped by %s after update %llu%s, saved to %s; continue with --resume",
                   signal_name, (unsigned long long)t->progress.step,
                   evaluation_due(t) ? ", whose evaluation is still due" : "", t->last_path);
}

/* A log or a picture that cannot be written ends the run, but not without an attempt to save what was learnt. */
static rf_status save_after(const rf_trainer *t, rf_status status) {
    char reason[700];
    if (status != RF_ERR_IO) return status;
    snprintf(reason, sizeof reason, "%s", rf_error_message());
    bool saved = save(t, t->last_path) == RF_OK;
    if (!saved && !rf_file_exists(t->last_path)) return rf_fail(status, "%s; nothing could be saved", reason);
    return rf_fail(status, "%s; update %llu %s %s; continue with --resume", reason,
                   (unsigned long long)t->progress.step,
                   saved ? "was saved to" : "could not be saved, an earlier one is in", t->last_path);
}

static rf_status end(const rf_trainer *t) {
    if (!t->unmeasured) return RF_OK;
    return rf_fail(
        RF_ERR_FORMAT,
        "the training is done and saved to %s, but not measured: not one of %zu validation pictures could be "
        "read; see that they can and continue with --resume",
        t->last_path, t->unmeasured);
}

rf_status rf_trainer_run(rf_trainer *t) {
    rf_train_sums_clear(&t->line, t->loader);
    rf_train_sums_clear(&t->epoch, t->loader);
    if (must_stop(t)) return stop(t);
    if (t->progress.step > 0 && evaluation_due(t)) {
        RF_TRY(save_and_evaluate(t));
        RF_TRY(rf_trainer_plot(t));
    }
    while (!must_stop(t)) {
        if (t->progress.step >= t->total_steps) return end(t);
        RF_TRY(run_update(t));
        RF_TRY(settle_position(t));
        rf_status status = rf_trainer_log_step(t);
        if (status == RF_OK) status = housekeeping(t);
        if (status != RF_OK) return save_after(t, status);
    }
    return stop(t);
}
