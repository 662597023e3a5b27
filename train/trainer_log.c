/* SPDX-License-Identifier: Apache-2.0 */
/* train.jsonl: one JSON object a line, with the key "step" in each; what a resumed run repeats is dropped first. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/text.h"
#include "train/trainer_internal.h"

void rf_train_sums_clear(rf_train_sums *sums, const rf_loader *loader) {
    memset(sums, 0, sizeof *sums);
    sums->begin = rf_clock_seconds();
    sums->wait_begin = rf_loader_wait_seconds(loader);
}

static rf_status append(const rf_trainer *t, rf_json_writer *w) {
    char *text = NULL;
    rf_json_end_object(w);
    RF_TRY(rf_json_finish(w, &text));
    rf_status status = rf_file_append_line(t->log_path, text);
    rf_free(text);
    return status;
}

static void begin_line(const rf_trainer *t, rf_json_writer *w, const char *kind) {
    rf_json_begin_object(w, NULL);
    rf_json_put_string(w, "kind", kind);
    rf_json_put_int(w, "step", (long long)t->progress.step);
    rf_json_put_number(w, "epoch", (double)t->progress.step / (double)t->steps_per_epoch);
}

static void put_losses(const rf_trainer *t, rf_json_writer *w, const rf_train_sums *sums) {
    const rf_term_list *terms = &t->net.values.terms;
    double n = sums->micro_batches ? (double)sums->micro_batches : 1;
    rf_json_put_number(w, "loss", sums->total / n);
    for (int i = 0; i < terms->n; i++)
        if (terms->v[i].flags & RF_TERM_LOG) rf_json_put_number(w, terms->v[i].name, sums->terms[i] / n);
}

/* Means of the terms, and what the terms of each part add to the loss. */
static void mean_terms(const rf_trainer *t, rf_train_line *line) {
    const rf_term_list *terms = line->terms = &t->net.values.terms;
    double n = t->line.micro_batches ? (double)t->line.micro_batches : 1;
    for (int i = 0; i < terms->n; i++) {
        const rf_term *term = &terms->v[i];
        line->values[i] = t->line.terms[i] / n;
        if (term->part == 0) continue;
        line->parts[term->part - 1] += term->weight * line->values[i];
        if (line->n_parts < term->part) line->n_parts = term->part;
    }
}

static void put_facts(const rf_trainer *t, rf_json_writer *w) {
    rf_loss_fact facts[RF_LOSS_FACTS];
    size_t n = rf_loss_facts(t->net.loss, facts);
    for (size_t i = 0; i < n; i++) rf_json_put_number(w, facts[i].name, facts[i].value);
}

static rf_train_line make_line(const rf_trainer *t) {
    const rf_train_sums *s = &t->line;
    double n = (double)s->micro_batches, seconds = rf_clock_seconds() - s->begin;
    double wait = rf_loader_wait_seconds(t->loader) - s->wait_begin;
    if (seconds <= 0) seconds = 1e-9;
    return (rf_train_line){
        .step = t->progress.step,
        .total_steps = t->total_steps,
        .steps_per_epoch = t->steps_per_epoch,
        .epoch = (double)t->progress.step / (double)t->steps_per_epoch,
        .total = s->total / n,
        .lr = t->lr,
        .grad_norm = t->grad_norm,
        .images_per_second = n * (double)t->config.train.batch / seconds,
        .data_wait = wait / seconds,
        .eta_seconds = (double)(t->total_steps - t->progress.step) * seconds / (double)s->updates,
    };
}

rf_status rf_trainer_log_step(rf_trainer *t) {
    rf_train_line line = make_line(t);
    mean_terms(t, &line);
    bool due = t->progress.step % (uint64_t)t->config.train.log_every == 0 || t->progress.step == t->total_steps;
    line.logged = due;
    if (due) {
        rf_json_writer w = {0};
        begin_line(t, &w, "train");
        put_losses(t, &w, &t->line);
        rf_json_put_number(&w, "lr", line.lr);
        rf_json_put_number(&w, "grad_norm", line.grad_norm);
        rf_json_put_number(&w, "img_s", line.images_per_second);
        rf_json_put_number(&w, "data_wait", line.data_wait);
        put_facts(t, &w);
        RF_TRY(append(t, &w));
    }
    if (t->callbacks.step) t->callbacks.step(t->callbacks.ctx, &line);
    if (due) rf_train_sums_clear(&t->line, t->loader);
    return RF_OK;
}

rf_status rf_trainer_log_epoch(rf_trainer *t) {
    rf_json_writer w = {0};
    begin_line(t, &w, "epoch");
    put_losses(t, &w, &t->epoch);
    rf_json_put_number(&w, "seconds", rf_clock_seconds() - t->epoch.begin);
    rf_status status = append(t, &w);
    rf_train_sums_clear(&t->epoch, t->loader);
    return status;
}

rf_status rf_trainer_log_metrics(rf_trainer *t, const rf_eval_result *metrics) {
    rf_json_writer w = {0};
    begin_line(t, &w, "eval");
    for (int i = 0; i < metrics->n; i++) rf_json_put_number(&w, metrics->item[i].name, metrics->item[i].value);
    if (metrics->asked) {
        rf_json_put_int(&w, "images", (long long)metrics->read);
        rf_json_put_int(&w, "unreadable", (long long)(metrics->asked - metrics->read));
    }
    if (metrics->shrunk) rf_json_put_int(&w, "shrunk", (long long)metrics->shrunk);
    return append(t, &w);
}

rf_status rf_trainer_log_changes(const rf_trainer *t, const rf_changes *changes) {
    rf_json_writer w = {0};
    char *text = NULL;
    RF_TRY(rf_config_text(&t->config, &text));
    begin_line(t, &w, "settings");
    rf_json_put_int(&w, "revision", (long long)t->revision);
    rf_json_put_int(&w, "config_crc32", (long long)rf_crc32(0, text, strlen(text)));
    rf_free(text);
    rf_json_begin_object(&w, "changed");
    for (size_t i = 0; i < changes->n; i++) {
        rf_json_begin_object(&w, changes->v[i].name);
        rf_json_put_string(&w, "before", changes->v[i].before);
        rf_json_put_string(&w, "now", changes->v[i].now);
        rf_json_end_object(&w);
    }
    rf_json_end_object(&w);
    return append(t, &w);
}

/* What rewinding asks of a line of the log. */
typedef struct log_line {
    bool settings;
    double step, revision, config_crc;
} log_line;

/* Whether a line belongs to what the checkpoint already has. A torn last line does not. */
static bool belongs(const rf_trainer *t, const char *line, size_t bytes, log_line *out) {
    rf_json *root = NULL;
    *out = (log_line){.step = -1};
    if (rf_json_parse(line, bytes, &root) != RF_OK) return false;
    const char *kind = "";
    rf_json_string(rf_json_get(root, "kind"), &kind);
    uint64_t limit = strcmp(kind, "eval") == 0 ? t->progress.evaluated : t->progress.step;
    bool keep = rf_json_number(rf_json_get(root, "step"), &out->step) && out->step <= (double)limit;
    out->settings = strcmp(kind, "settings") == 0;
    rf_json_number(rf_json_get(root, "revision"), &out->revision);
    rf_json_number(rf_json_get(root, "config_crc32"), &out->config_crc);
    rf_json_free(root);
    return keep;
}

/* The change of settings that a line tells came about if the checkpoint was written with them, or is of a later step.
 */
static bool came_about(const rf_trainer *t, const log_line *line) {
    return !t->before || line->step < (double)t->progress.step ||
           line->config_crc == (double)rf_crc32(0, t->before, strlen(t->before));
}

/* The lines that belong; *last is where the last change of settings begins, SIZE_MAX: none. */
static void gather(rf_trainer *t, const char *text, rf_text *kept, size_t *last, bool *drop_last) {
    *last = SIZE_MAX;
    t->revision = 0;
    for (const char *line = text; *line;) {
        size_t bytes = strcspn(line, "\n");
        log_line facts;
        if (bytes && belongs(t, line, bytes, &facts)) {
            if (facts.settings) {
                *last = kept->used;
                *drop_last = !came_about(t, &facts);
                t->revision = *drop_last ? t->revision : (uint64_t)facts.revision;
            }
            rf_text_put_bytes(kept, line, bytes);
            rf_text_put(kept, "\n");
        }
        line += bytes + (line[bytes] == '\n');
    }
}

rf_status rf_trainer_log_rewind(rf_trainer *t) {
    if (!rf_file_exists(t->log_path)) return rf_file_write_atomic(t->log_path, "", 0);
    uint8_t *data = NULL;
    size_t size = 0, bytes = 0, last;
    bool drop_last = false;
    RF_TRY(rf_file_read(t->log_path, 0, &data, &size));
    rf_text kept = {0};
    gather(t, (const char *)data, &kept, &last, &drop_last);
    rf_free(data);
    char *out = NULL;
    RF_TRY(rf_text_finish(&kept, &out, &bytes));
    if (last != SIZE_MAX && drop_last) {
        size_t length = strcspn(out + last, "\n") + 1;
        memmove(out + last, out + last + length, bytes - last - length);
        bytes -= length;
    }
    rf_status status = rf_file_write_atomic(t->log_path, out, bytes);
    rf_free(out);
    return status;
}
