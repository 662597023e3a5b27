#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "layers/weights.h"

static const char format_name[] = "rf-checkpoint-1";
enum { META_COUNT = 10, MAX_PACKS = 2 + RF_OPTIMIZER_MAX_SLOTS };

/* All tensors of the file, gathered from several packs. */
typedef struct packs {
    rf_weights_pack pack[MAX_PACKS];
    int n;
    rf_st_tensor *all;
    size_t count;
} packs;

static void packs_free(packs *p) {
    for (int i = 0; i < p->n; i++) rf_weights_pack_free(&p->pack[i]);
    rf_free(p->all);
}

static rf_status packs_make(const rf_optimizer *o, packs *p) {
    RF_TRY(rf_weights_pack_model(o->params, rf_optimizer_weights(o), &p->pack[p->n]));
    p->n++;
    for (int s = 0; s < o->kind->n_slots; s++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s.", o->kind->slot_names[s]);
        RF_TRY(rf_weights_pack_array(o->params, o->slots[s], prefix, &p->pack[p->n]));
        p->n++;
    }
    if (o->ema) {
        RF_TRY(rf_weights_pack_array(o->params, o->params->data, "raw.", &p->pack[p->n]));
        p->n++;
    }
    for (int i = 0; i < p->n; i++) p->count += p->pack[i].count;
    p->all = rf_alloc(p->count, sizeof *p->all);
    if (!p->all) return RF_ERR_NOMEM;
    size_t at = 0;
    for (int i = 0; i < p->n; i++) {
        memcpy(p->all + at, p->pack[i].tensors, p->pack[i].count * sizeof *p->all);
        at += p->pack[i].count;
    }
    return RF_OK;
}

rf_status rf_checkpoint_write(const char *path, const rf_config *config, const rf_optimizer *optimizer,
                              const rf_progress *progress) {
    packs p = {.n = 0};
    char *text = NULL, numbers[7][40];
    rf_status status = packs_make(optimizer, &p);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(rf_config_text(config, &text));
    snprintf(numbers[0], sizeof numbers[0], "%" PRIu64, progress->step);
    snprintf(numbers[1], sizeof numbers[1], "%" PRIu32, progress->epoch);
    snprintf(numbers[2], sizeof numbers[2], "%" PRIu64, progress->batch);
    snprintf(numbers[3], sizeof numbers[3], "%" PRIu64, progress->seed);
    snprintf(numbers[4], sizeof numbers[4], "%.17g", progress->best);
    snprintf(numbers[5], sizeof numbers[5], "%" PRIu64, progress->best_step);
    snprintf(numbers[6], sizeof numbers[6], "%" PRIu64, progress->evaluated);
    const char *keys[META_COUNT] = {"rf.format", "rf.version", "rf.config", "rf.step",      "rf.epoch",
                                    "rf.batch",  "rf.seed",    "rf.best",   "rf.best_step", "rf.evaluated"};
    const char *values[META_COUNT] = {format_name, RF_VERSION, text,       numbers[0], numbers[1],
                                      numbers[2],  numbers[3], numbers[4], numbers[5], numbers[6]};
    RF_TRY_GOTO(rf_st_write(path, p.all, p.count, keys, values, META_COUNT));
fail:
    rf_free(text);
    packs_free(&p);
    return status;
}

static rf_status meta_unsigned(const char *path, const rf_st_file *file, const char *key, uint64_t *out) {
    const char *text = rf_st_meta(file, key);
    if (!text)
        return rf_fail(RF_ERR_FORMAT, "%s: no '%s' in its metadata: a model, not a checkpoint to resume from", path,
                       key);
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9') /* strtoull would take a blank and a sign */
        return rf_fail(RF_ERR_FORMAT, "%s: metadata '%s' is '%s', expected a whole number", path, key, text);
    *out = value;
    return RF_OK;
}

static rf_status read_progress(const char *path, const rf_st_file *file, rf_progress *progress) {
    uint64_t epoch;
    const char *format = rf_st_meta(file, "rf.format");
    if (format && strcmp(format, format_name) != 0)
        return rf_fail(RF_ERR_FORMAT, "%s: its format is '%s', expected '%s': another version of rf wrote it", path,
                       format, format_name);
    RF_TRY(meta_unsigned(path, file, "rf.step", &progress->step));
    RF_TRY(meta_unsigned(path, file, "rf.epoch", &epoch));
    RF_TRY(meta_unsigned(path, file, "rf.batch", &progress->batch));
    RF_TRY(meta_unsigned(path, file, "rf.seed", &progress->seed));
    RF_TRY(meta_unsigned(path, file, "rf.best_step", &progress->best_step));
    RF_TRY(meta_unsigned(path, file, "rf.evaluated", &progress->evaluated));
    if (epoch > UINT32_MAX) return rf_fail(RF_ERR_FORMAT, "%s: epoch %" PRIu64 " is out of range", path, epoch);
    progress->epoch = (uint32_t)epoch;
    const char *best = rf_st_meta(file, "rf.best");
    char *end;
    progress->best = best ? strtod(best, &end) : -1;
    if (best && (end == best || *end || !isfinite(progress->best)))
        return rf_fail(RF_ERR_FORMAT, "%s: the best value '%s' is no number", path, best);
    return RF_OK;
}

static rf_status read_arrays(const char *path, const rf_st_file *file, rf_optimizer *o) {
    rf_weights_report report = {0};
    RF_TRY(rf_weights_apply(path, file, o->params, &report));
    rf_status status = RF_OK;
    if (report.n_missing)
        status = rf_fail(RF_ERR_FORMAT, "%s is of another model: '%s' and %zu more are missing", path,
                         report.missing[0], report.n_missing - 1);
    rf_weights_report_free(&report);
    RF_TRY(status);
    for (int s = 0; s < o->kind->n_slots; s++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s.", o->kind->slot_names[s]);
        RF_TRY(rf_weights_unpack_array(path, file, o->params, prefix, o->slots[s]));
    }
    if (!o->ema) return RF_OK;
    rf_optimizer_reset_ema(o); /* the plain names are the average */
    return rf_weights_unpack_array(path, file, o->params, "raw.", o->params->data);
}

rf_status rf_checkpoint_read(const char *path, rf_optimizer *optimizer, rf_progress *progress) {
    rf_st_file *file = NULL;
    RF_TRY(rf_st_read(path, &file));
    rf_progress found = {0};
    rf_status status = read_progress(path, file, &found);
    if (status == RF_OK) status = read_arrays(path, file, optimizer);
    if (status == RF_OK) *progress = found;
    rf_st_free(file);
    return status;
}

rf_status rf_checkpoint_config(const char *path, char **text) {
    rf_st_file *file = NULL;
    RF_TRY(rf_weights_read(path, &file));
    const char *found = rf_st_meta(file, "rf.config");
    rf_status status = RF_OK;
    if (!found)
        status = rf_fail(RF_ERR_FORMAT, "%s carries no configuration: name one with --config", path);
    else if (!(*text = rf_strdup(found)))
        status = RF_ERR_NOMEM;
    rf_st_free(file);
    return status;
}
