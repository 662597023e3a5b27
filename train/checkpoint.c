/* SPDX-License-Identifier: Apache-2.0 */
#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/cpu.h"
#include "core/file.h"
#include "core/mem.h"
#include "layers/weights.h"

static const char format_name[] = "rf-checkpoint-1";
enum { META_MAX = 24, MAX_PACKS = 3 + RF_OPTIMIZER_MAX_SLOTS };

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
    rf_param_values values = rf_optimizer_weights(o);
    RF_TRY(rf_weights_pack_model(o->params, &values, &p->pack[p->n]));
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
        RF_TRY(rf_weights_pack_state(o->params, o->params->state, "raw.", &p->pack[p->n]));
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

static const char *real_name(void) {
    return sizeof(rf_real) == sizeof(double) ? "double" : "float";
}

void rf_origin_of(const rf_dataset *dataset, rf_origin *out) {
    *out = (rf_origin){.images = dataset->n_samples, .faces = dataset->n_faces, .data_crc = rf_dataset_crc(dataset)};
    snprintf(out->version, sizeof out->version, "%s", RF_VERSION);
    snprintf(out->isa, sizeof out->isa, "%s", rf_isa_text(rf_isa_current()));
    snprintf(out->real, sizeof out->real, "%s", real_name());
}

/* The metadata of a file, which point into the rest. */
typedef struct meta {
    const char *keys[META_MAX], *values[META_MAX];
    char numbers[META_MAX][40];
    size_t n;
} meta;

static void meta_text(meta *m, const char *key, const char *value) {
    m->keys[m->n] = key;
    m->values[m->n++] = value;
}

static void meta_count(meta *m, const char *key, uint64_t value) {
    snprintf(m->numbers[m->n], sizeof m->numbers[0], "%" PRIu64, value);
    meta_text(m, key, m->numbers[m->n]);
}

static void meta_fill(meta *m, const rf_progress *p, const char *config) {
    meta_text(m, "rf.format", format_name);
    meta_text(m, "rf.version", RF_VERSION);
    meta_text(m, "rf.isa", rf_isa_text(rf_isa_current()));
    meta_text(m, "rf.real", real_name());
    meta_text(m, "rf.config", config);
    meta_count(m, "rf.step", p->step);
    meta_count(m, "rf.epoch", p->epoch);
    meta_count(m, "rf.batch", p->batch);
    meta_count(m, "rf.seed", p->seed);
    snprintf(m->numbers[m->n], sizeof m->numbers[0], "%.17g", p->best);
    meta_text(m, "rf.best", m->numbers[m->n]);
    meta_count(m, "rf.best_step", p->best_step);
    meta_count(m, "rf.best_asked", p->best_asked);
    meta_count(m, "rf.best_read", p->best_read);
    meta_count(m, "rf.evaluated", p->evaluated);
    meta_count(m, "rf.images", p->origin.images);
    meta_count(m, "rf.faces", p->origin.faces);
    meta_count(m, "rf.data_crc32", p->origin.data_crc);
    meta_count(m, "rf.overfit", p->origin.overfit);
}

rf_status rf_checkpoint_write(const char *path, const rf_config *config, const rf_optimizer *optimizer,
                              const rf_progress *progress) {
    packs p = {.n = 0};
    meta m = {.n = 0};
    char *text = NULL;
    rf_status status = packs_make(optimizer, &p);
    if (status != RF_OK) goto fail;
    RF_TRY_GOTO(rf_config_text(config, &text));
    meta_fill(&m, progress, text);
    RF_TRY_GOTO(rf_st_write(path, p.all, p.count, m.keys, m.values, m.n));
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

/* What files of earlier versions do not have stays 0. */
static rf_status meta_optional(const char *path, const rf_st_file *file, const char *key, uint64_t *out) {
    return rf_st_meta(file, key) ? meta_unsigned(path, file, key, out) : RF_OK;
}

static void meta_copy(const rf_st_file *file, const char *key, char *out, size_t bytes) {
    const char *text = rf_st_meta(file, key);
    snprintf(out, bytes, "%s", text ? text : "");
}

static rf_status read_origin(const char *path, const rf_st_file *file, rf_progress *progress) {
    uint64_t crc = 0, overfit = 0;
    rf_origin *o = &progress->origin;
    RF_TRY(meta_optional(path, file, "rf.best_asked", &progress->best_asked));
    RF_TRY(meta_optional(path, file, "rf.best_read", &progress->best_read));
    RF_TRY(meta_optional(path, file, "rf.images", &o->images));
    RF_TRY(meta_optional(path, file, "rf.faces", &o->faces));
    RF_TRY(meta_optional(path, file, "rf.data_crc32", &crc));
    RF_TRY(meta_optional(path, file, "rf.overfit", &overfit));
    o->data_crc = (uint32_t)crc;
    o->overfit = overfit != 0;
    meta_copy(file, "rf.version", o->version, sizeof o->version);
    meta_copy(file, "rf.isa", o->isa, sizeof o->isa);
    meta_copy(file, "rf.real", o->real, sizeof o->real);
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
    return read_origin(path, file, progress);
}

static bool has_raw_state(const rf_st_file *file, const rf_params *params) {
    char name[2 * RF_NAME_BYTES];
    for (size_t i = 0; i < params->count; i++) {
        if (!rf_param_is_state(&params->entries[i])) continue;
        snprintf(name, sizeof name, "raw.%s", params->entries[i].name);
        if (rf_st_find(file, name)) return true;
    }
    return false;
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
    rf_optimizer_reset_ema(o); /* the plain names are the averages */
    RF_TRY(rf_weights_unpack_array(path, file, o->params, "raw.", o->params->data));
    if (!has_raw_state(file, o->params)) return RF_OK; /* before 0.2.0 the statistics were not averaged */
    return rf_weights_unpack_state(path, file, o->params, "raw.", o->params->state);
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

static rf_status copy_config(const char *path, const rf_st_file *file, char **text) {
    const char *found = rf_st_meta(file, "rf.config");
    if (!found) return rf_fail(RF_ERR_FORMAT, "%s carries no configuration: name one with --config", path);
    *text = rf_strdup(found);
    return *text ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_checkpoint_peek(const char *path, rf_progress *progress, char **config_text) {
    rf_st_file *file = NULL;
    *config_text = NULL;
    RF_TRY(rf_st_read(path, &file));
    rf_progress found = {0};
    rf_status status = read_progress(path, file, &found);
    if (status == RF_OK) status = copy_config(path, file, config_text);
    if (status == RF_OK) *progress = found;
    rf_st_free(file);
    return status;
}

rf_status rf_checkpoint_config(const char *path, char **text) {
    rf_st_file *file = NULL;
    RF_TRY(rf_weights_read(path, &file));
    rf_status status = copy_config(path, file, text);
    rf_st_free(file);
    return status;
}
