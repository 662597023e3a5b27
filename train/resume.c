/* SPDX-License-Identifier: Apache-2.0 */
#include "train/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

/* Keys, or all of a section, that a resumed run keeps. The checkpoint would not fit the network, its numbers would mean
 * something else, or an update and an epoch would not be what they were. */
static const char *const kept[] = {
    "model.",    "cascade.",   "anchors.",         "input.colour", "input.mean", "input.std",
    "loss.kind", "optim.kind", "optim.accumulate", "train.batch",  "train.seed",
};
/* Keys that figures of the validation depend on. */
static const char *const measuring[] = {"eval.", "data.val", "data.exif", "data.format"};

#define NEW_RUN "start a new run with --init %s/last.safetensors and another --out"
enum { TOLD = 8 };

static bool listed(const char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        bool section = names[i][length - 1] == '.' || strcmp(names[i], "data.val") == 0;
        if (section ? strncmp(name, names[i], length) == 0 : strcmp(name, names[i]) == 0) return true;
    }
    return false;
}
#define LISTED(names, name) listed(names, sizeof(names) / sizeof *(names), name)

static rf_status add(rf_changes *changes, const char *name, const char *before, const char *now, const char *remark) {
    if (changes->n == changes->capacity) {
        size_t grown = changes->capacity ? 2 * changes->capacity : 16;
        rf_change *v = rf_realloc(changes->v, changes->capacity, grown, sizeof *v);
        if (!v) return RF_ERR_NOMEM;
        changes->v = v;
        changes->capacity = grown;
    }
    rf_change *change = &changes->v[changes->n];
    *change = (rf_change){.before = rf_strdup(before), .now = rf_strdup(now), .remark = remark};
    snprintf(change->name, sizeof change->name, "%s", name);
    changes->n++;
    return change->before && change->now ? RF_OK : RF_ERR_NOMEM;
}

void rf_changes_free(rf_changes *changes) {
    for (size_t i = 0; i < changes->n; i++) {
        rf_free(changes->v[i].before);
        rf_free(changes->v[i].now);
    }
    rf_free(changes->v);
    *changes = (rf_changes){0};
}

static const char *or_none(const char *text) {
    return *text ? text : "(none)";
}

/* The keys that cannot change, gathered into one sentence. */
typedef struct refusal {
    rf_text keys;
    size_t n;
} refusal;

static void refuse(refusal *r, const char *name, const char *before, const char *now) {
    if (r->n < TOLD)
        rf_text_printf(&r->keys, "%s%s = %s, not %s", r->n ? "; " : "", name, or_none(before), or_none(now));
    r->n++;
}

static rf_status finish_refusal(refusal *r, const char *dir) {
    char *keys = NULL, more[40] = "";
    if (r->n > TOLD) snprintf(more, sizeof more, " and %zu more", r->n - TOLD);
    RF_TRY(rf_text_finish(&r->keys, &keys, NULL));
    if (r->n == 0) {
        rf_free(keys);
        return RF_OK;
    }
    rf_status status = rf_fail(RF_ERR_USER, "--resume: the run in %s keeps %s%s: resume it with that, or " NEW_RUN, dir,
                               keys, more, dir);
    rf_free(keys);
    return status;
}

/* Averages are in the file, or they are not. */
static bool is_kept(const char *name, const rf_config *before, const rf_config *now) {
    if (strcmp(name, "optim.ema") == 0) return (before->optim.ema > 0) != (now->optim.ema > 0);
    return LISTED(kept, name);
}

static rf_status compare_key(const rf_key *key, const rf_config *before, const rf_config *now, refusal *r,
                             rf_changes *out) {
    char name[64], *a = NULL, *b = NULL;
    snprintf(name, sizeof name, "%s.%s", key->section, key->name);
    rf_status status = rf_config_value_text(before, key, &a);
    if (status == RF_OK) status = rf_config_value_text(now, key, &b);
    if (status == RF_OK && strcmp(a, b) != 0) {
        if (is_kept(name, before, now)) {
            refuse(r, name, a, b);
        } else {
            out->settings = true;
            out->measures = out->measures || LISTED(measuring, name);
            status = add(out, name, a, b, "");
        }
    }
    rf_free(a);
    rf_free(b);
    return status;
}

/* A preset is the values that it gives, and these are compared. */
static rf_status compare_settings(const char *dir, const char *text, rf_config *now, rf_changes *out) {
    rf_config *before = rf_alloc(1, sizeof *before);
    refusal r = {.n = 0};
    if (!before) return RF_ERR_NOMEM;
    rf_status status = rf_config_parse("the settings of the run", text, NULL, 0, before);
    if (status != RF_OK) rf_fail_context(status, "%s/last.safetensors", dir);
    if (status == RF_OK && *now->model.init && strcmp(now->model.init, before->model.init) != 0)
        status = add(out, "model.init", before->model.init, now->model.init,
                     "without effect: a resumed run has its weights in its folder");
    if (status == RF_OK) {
        memcpy(now->model.init, before->model.init, sizeof now->model.init);
        before->model.preset = now->model.preset;
    }
    for (size_t i = 0; status == RF_OK && i < rf_config_key_count(); i++)
        status = compare_key(rf_config_key(i), before, now, &r, out);
    if (status == RF_OK)
        status = finish_refusal(&r, dir);
    else
        rf_text_clear(&r.keys);
    rf_free(before);
    return status;
}

static rf_status compare_text(rf_changes *out, const char *name, const char *before, const char *now,
                              const char *remark) {
    if (!*before || strcmp(before, now) == 0) return RF_OK;
    return add(out, name, before, now, remark);
}

static rf_status compare_data(const char *dir, const rf_origin *before, const rf_origin *now, rf_changes *out) {
    char a[96], b[96];
    if (before->images == 0) return RF_OK;
    if (before->images != now->images)
        return rf_fail(RF_ERR_USER,
                       "--resume: the training set has %" PRIu64 " images, the run in %s was begun with %" PRIu64
                       ", and its epochs would mean something else: resume it with the same set, or " NEW_RUN,
                       now->images, dir, before->images, dir);
    if (before->faces == now->faces && before->data_crc == now->data_crc) return RF_OK;
    snprintf(a, sizeof a, "%" PRIu64 " images, %" PRIu64 " faces, checksum %08" PRIx32, before->images, before->faces,
             before->data_crc);
    snprintf(b, sizeof b, "%" PRIu64 " images, %" PRIu64 " faces, checksum %08" PRIx32, now->images, now->faces,
             now->data_crc);
    return add(out, "training set", a, b, "other names or annotations");
}

rf_status rf_resume_compare(const char *dir, const char *config_text, const rf_origin *before, rf_config *config,
                            const rf_origin *now, rf_changes *out) {
    static const char bits[] = "the bits may differ from those of an uninterrupted run";
    *out = (rf_changes){0};
    RF_TRY(compare_settings(dir, config_text, config, out));
    if (before->images && before->overfit != now->overfit)
        return rf_fail(RF_ERR_USER, "--resume: the run in %s was begun %s --overfit: resume it %s it", dir,
                       before->overfit ? "with" : "without", before->overfit ? "with" : "without");
    RF_TRY(compare_data(dir, before, now, out));
    RF_TRY(compare_text(out, "version", before->version, now->version, bits));
    RF_TRY(compare_text(out, "instruction set", before->isa, now->isa, bits));
    return compare_text(out, "numbers", before->real, now->real, bits);
}
