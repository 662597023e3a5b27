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
    const char *header = t->progress.revision == 0 ? ""
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
    char header[80], *path = numbered(t, "config", t->progress.revision, "ini");
    snprintf(header, sizeof header, "# In use until update %llu.\n", (unsigned long long)t->progress.step);
    rf_status status = write_settings(path, header, t->before);
    rf_free(path);
    return status;
}

/* Figures that are measured in two ways cannot be compared: the best file so far keeps its figure under another name.
 */
static rf_status restart_best(rf_trainer *t) {
    rf_progress *p = &t->progress;
    if (!t->changes.measures || p->best < 0) return RF_OK;
    char *path = numbered(t, "best", p->revision, "safetensors");
    if (!path) return RF_ERR_NOMEM;
    if (rename(t->best_path, path) == 0)
        rf_trainer_warn(
            t,
            "the validation is measured in another way from here on: the best file so far (%.4f after update "
            "%llu) is kept as %s, best.safetensors begins anew",
            p->best, (unsigned long long)p->best_step, path);
    rf_free(path);
    p->best = -1;
    p->best_step = p->best_asked = p->best_read = 0;
    return RF_OK;
}

/* In this order: when a crash comes in between, the checkpoint still tells of the old settings, and the next try writes
 * the same files again. */
static rf_status tell_changes(rf_trainer *t) {
    const rf_changes *changes = &t->changes;
    t->progress.revision++;
    for (size_t i = 0; i < changes->n; i++) {
        const rf_change *c = &changes->v[i];
        rf_trainer_warn(t, "changed on resuming: %s: %s -> %s%s%s", c->name, *c->before ? c->before : "(none)",
                        *c->now ? c->now : "(none)", *c->remark ? "; " : "", c->remark);
    }
    RF_TRY(rf_trainer_log_changes(t, changes));
    if (changes->settings) RF_TRY(keep_settings(t));
    RF_TRY(write_config(t));
    RF_TRY(restart_best(t));
    return rf_checkpoint_write(t->last_path, &t->config, &t->optimizer, &t->progress);
}

/* What a crash left of a change that did not come about. */
static void forget_next_settings(const rf_trainer *t) {
    char *path = numbered(t, "config", t->progress.revision + 1, "ini");
    if (path) unlink(path);
    rf_free(path);
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
    if (t->changes.n) return tell_changes(t);
    forget_next_settings(t);
    return write_config(t);
}
