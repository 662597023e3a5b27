/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's folder holds beside checkpoints and log, and who may write into it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "train/trainer_internal.h"

static rf_status check_run(const rf_trainer *t, bool resume) {
    bool exists = rf_file_exists(t->last_path);
    if (!exists) RF_TRY(rf_path_hidden(t->last_path));
    if (resume && !exists)
        return rf_fail(RF_ERR_USER, "--resume: there is no %s; leave --resume out to start a run there", t->last_path);
    if (!resume && exists)
        return rf_fail(RF_ERR_USER, "%s holds a run already: add --resume to continue it, or choose another --out",
                       t->out_dir);
    return RF_OK;
}

rf_status rf_trainer_claim(rf_trainer *t, bool resume) {
    if (t->lock) return RF_OK;
    RF_TRY(check_run(t, resume));
    RF_TRY(rf_lock_make(t->out_dir, "a training run", &t->lock));
    if (!rf_lock_holds(t->lock))
        rf_trainer_warn(t, "the file system of %s knows no locks: nothing keeps a second run out of it", t->out_dir);
    return check_run(t, resume); /* another run may have come and gone until the lock was ours */
}

/* DIR/STEM.N.SUFFIX; rf_free it. */
static char *numbered(const rf_trainer *t, const char *stem, uint64_t number, const char *suffix) {
    char name[64];
    snprintf(name, sizeof name, "%s.%llu.%s", stem, (unsigned long long)number, suffix);
    return rf_path_join(t->out_dir, name); /* own name */
}

static rf_status write_settings(const char *path, const char *header, const char *text) {
    rf_text out = {0};
    char *whole = NULL;
    size_t bytes = 0;
    rf_text_put(&out, header);
    rf_text_put(&out, text);
    RF_TRY(rf_text_finish(&out, &whole, &bytes));
    rf_status status = path ? rf_file_write_atomic(path, whole, bytes) : RF_ERR_NOMEM;
    rf_free(whole);
    return status;
}

static rf_status write_config(const rf_trainer *t) {
    char *text = NULL, *path = rf_path_join(t->out_dir, "config.ini");
    const char *header = t->revision == 0 ? ""
                                          : "# In use since the run was resumed with other settings. Those "
                                            "before are in config.1.ini and so on;\n"
                                            "# train.jsonl tells what changed after which update (kind "
                                            "\"settings\").\n";
    rf_status status = path ? rf_config_text(&t->config, &text) : RF_ERR_NOMEM;
    if (status == RF_OK) status = write_settings(path, header, text);
    rf_free(text);
    rf_free(path);
    return status;
}

static rf_status keep_settings(const rf_trainer *t) {
    char header[80], *path = numbered(t, "config", t->revision, "ini");
    snprintf(header, sizeof header, "# In use until update %llu.\n", (unsigned long long)t->progress.step);
    rf_status status = write_settings(path, header, t->before);
    rf_free(path);
    return status;
}

/* Figures that are measured in two ways cannot be compared: the best file so far keeps its figure under another name.
 */
static void keep_best(const rf_trainer *t, const rf_progress *before) {
    char *path = numbered(t, "best", t->revision, "safetensors");
    if (path && rename(t->best_path, path) == 0)
        rf_trainer_warn(
            t,
            "the validation is measured in another way from here on: the best file so far (%.4f after update "
            "%llu) is kept as %s, best.safetensors begins anew",
            before->best, (unsigned long long)before->best_step, path);
    rf_free(path);
}

/* What a crash left of a change that did not come about. */
static void forget_next_settings(const rf_trainer *t) {
    char *path = numbered(t, "config", t->revision + 1, "ini");
    if (path) unlink(path);
    rf_free(path);
}

static void warn_of_changes(const rf_trainer *t) {
    for (size_t i = 0; i < t->changes.n; i++) {
        const rf_change *c = &t->changes.v[i];
        rf_trainer_warn(t, "changed on resuming: %s: %s -> %s%s%s", c->name, *c->before ? c->before : "(none)",
                        *c->now ? c->now : "(none)", *c->remark ? "; " : "", c->remark);
    }
}

/* The checkpoint decides: until it is written with the new settings the change has not come about, and is forgotten by
 * the next one who resumes. config.ini is written on every resuming. */
static rf_status make_changes(rf_trainer *t) {
    rf_progress before = t->progress;
    t->revision++;
    rf_status status = rf_trainer_log_changes(t, &t->changes);
    if (status == RF_OK && t->changes.settings) status = keep_settings(t);
    bool restarts = t->changes.measures && t->progress.best >= 0;
    if (restarts) {
        t->progress.best = -1;
        t->progress.best_step = t->progress.best_asked = t->progress.best_read = 0;
    }
    if (status == RF_OK) status = rf_checkpoint_write(t->last_path, &t->config, &t->optimizer, &t->progress);
    if (status != RF_OK) {
        char reason[1024];
        snprintf(reason, sizeof reason, "%s", rf_error_message());
        t->revision--;
        forget_next_settings(t);
        rf_trainer_log_rewind(t);
        return rf_fail(status, "%s", reason);
    }
    warn_of_changes(t);
    if (restarts) keep_best(t, &before);
    return write_config(t);
}

rf_status rf_trainer_begin_files(rf_trainer *t, bool resume) {
    if (!resume) {
        RF_TRY(write_config(t));
        return rf_file_write_atomic(t->log_path, "", 0);
    }
    rf_atomic_sweep(t->last_path);
    rf_atomic_sweep(t->best_path);
    rf_trainer_note(t, "resuming %s after update %llu", t->last_path, (unsigned long long)t->progress.step);
    if (t->progress.step >= t->total_steps)
        rf_trainer_note(t, "the settings ask for %llu updates: nothing is left to train",
                        (unsigned long long)t->total_steps);
    RF_TRY(rf_trainer_log_rewind(t));
    if (t->changes.n) return make_changes(t);
    forget_next_settings(t);
    return write_config(t);
}
