/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data/convert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"
#include "data/annotation.h"
#include "data/convert_impl.h"
#include "data/sniff.h"

#define RF_CONVERTER(name) extern const rf_converter rf_converter_##name;
#include "data/converters.def"
#undef RF_CONVERTER

const rf_converter *const rf_converters[RF_CONVERTER_COUNT] = {
#define RF_CONVERTER(name) &rf_converter_##name,
#include "data/converters.def"
#undef RF_CONVERTER
};

const char *const rf_convert_part_names[RF_CONVERT_PART_NAMES] = {"train", "val", "test"};

static const size_t annotation_max_bytes = (size_t)4 << 30;

rf_status rf_converter_find(const char *name, bool writable, const rf_converter **out) {
    const rf_converter *fitting[RF_CONVERTER_COUNT];
    const char *names[RF_CONVERTER_COUNT];
    size_t n = 0;
    for (int i = 0; i < RF_CONVERTER_COUNT; i++) {
        if (writable && !rf_converters[i]->write) continue;
        fitting[n] = rf_converters[i];
        names[n] = fitting[n]->name;
        n++;
    }
    int at = rf_name_find(writable ? "format to write" : "format", name, names, n);
    if (at < 0) return RF_ERR_USER;
    *out = fitting[at];
    return RF_OK;
}

rf_status rf_convert_tell(rf_convert_job *job, rf_convert_reason reason, size_t n, const char *file, int line,
                          const char *fmt, ...) {
    char text[2048], *first = job->stats->first[reason];
    va_list args;
    size_t used = (size_t)snprintf(text, 1024, line > 0 ? "%s:%d" : "%s", file, line);
    if (used > 1023) used = 1023;
    if (!*first) snprintf(first, RF_CONVERT_PLACE, "%.255s", used < RF_CONVERT_PLACE ? text : rf_path_base(text));
    used += (size_t)snprintf(text + used, 3, ": ");
    va_start(args, fmt);
    vsnprintf(text + used, sizeof text - used, fmt, args);
    va_end(args);
    job->stats->left_out[reason] += n;
    if (job->options->finding) job->options->finding(job->options->ctx, reason, text);
    if (job->first || rf_convert_is_note(reason)) return RF_OK;
    job->first = rf_strdup(text);
    job->first_reason = reason;
    return job->first ? RF_OK : RF_ERR_NOMEM;
}

/* The file's name relative to `folder`, else its base. */
static const char *relative_name(const char *path, const char *folder) {
    size_t n = folder ? strlen(folder) : 0;
    while (n > 1 && folder[n - 1] == '/') n--;
    bool below = n > 0 && strncmp(path, folder, n) == 0 && path[n] == '/';
    return below ? path + n + strspn(path + n, "/") : rf_path_base(path);
}

/* Adds to the message what a file is that is not what was said. */
static rf_status name_other(const rf_converter *from, const char *text, size_t bytes) {
    char message[1024];
    snprintf(message, sizeof message, "%s", rf_error_message());
    rf_sniffed s = rf_sniff_text(text, bytes);
    if (s.from && s.from != from)
        return rf_fail(RF_ERR_FORMAT, "%s; the file looks like %.*s (--from %s)", message, rf_converter_title(s.from),
                       s.from->doc, s.from->name);
    if (s.foreign) return rf_fail(RF_ERR_FORMAT, "%s; the file is %s: %s", message, s.foreign->what, s.foreign->advice);
    return rf_fail(RF_ERR_FORMAT, "%s", message);
}

/* A file of which nothing but wrong entries came is perhaps another kind of file. */
static rf_status check_kind(const rf_converter *from, const rf_source *source, const rf_intake *intake, size_t n_faces,
                            size_t n_notes) {
    if (intake->n_faces > n_faces || intake->n_notes == n_notes) return RF_OK;
    const rf_intake_note *note = &intake->notes[n_notes];
    rf_sniffed s = rf_sniff_text(source->text, source->bytes);
    if (rf_convert_is_note(note->reason) || ((!s.from || s.from == from) && !s.foreign)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: %s", source->path, note->line, note->text);
}

static rf_status read_file(const rf_converter *from, const char *path, const char *folder, rf_intake *intake) {
    rf_status status;
    uint8_t *text = NULL;
    size_t bytes = 0;
    RF_TRY_GOTO(rf_file_read(path, annotation_max_bytes, &text, &bytes));
    if (!from->binary) RF_TRY_GOTO(rf_text_check(path, (const char *)text, bytes));
    RF_TRY_GOTO(rf_intake_file(intake, path));
    rf_set_note note = {0};
    if (from->direct) RF_TRY_GOTO(rf_set_note_read(path, &note));
    rf_source source = {.path = path,
                        .text = (const char *)text,
                        .bytes = bytes,
                        .name = relative_name(path, folder),
                        .classes = &note.classes};
    size_t n_faces = intake->n_faces, n_notes = intake->n_notes;
    RF_TRY_GOTO(from->read(&source, intake));
    status = check_kind(from, &source, intake, n_faces, n_notes);
fail:
    if (status == RF_ERR_FORMAT && text) status = name_other(from, (const char *)text, bytes);
    rf_free(text);
    return status;
}

/* Reads one of n files; where there are several, one that cannot be read is left out. */
static rf_status read_one(const rf_converter *from, const char *path, const rf_convert_input *input,
                          rf_intake *intake) {
    size_t n_images = intake->n_images, n_faces = intake->n_faces;
    rf_status status = read_file(from, path, input->folder, intake);
    if (input->n_files < 2 || (status != RF_ERR_FORMAT && status != RF_ERR_IO)) return status;
    rf_intake_rewind(intake, n_images, n_faces);
    if (!intake->n_files || strcmp(intake->files[intake->n_files - 1], path) != 0) RF_TRY(rf_intake_file(intake, path));
    return rf_intake_skip(intake, RF_ERR_FORMAT, RF_CONVERT_WRONG_FILE, RF_NO_IMAGE, 0);
}

static rf_status tell_notes(rf_convert_job *job, const rf_intake *intake) {
    for (size_t i = 0; i < intake->n_notes; i++) {
        const rf_intake_note *note = &intake->notes[i];
        RF_TRY(rf_convert_tell(job, note->reason, note->n, intake->files[note->file], note->line, "%s%s",
                               rf_convert_is_note(note->reason) ? "note: " : "", note->text));
    }
    return RF_OK;
}

/* Reads what an input has and finds its pictures. */
static rf_status read_input(rf_convert_job *job, const rf_convert_input *input, rf_intake *intake) {
    const rf_convert_options *o = job->options;
    *intake = (rf_intake){.root = input->root,
                          .columns = o->columns,
                          .keep_difficult = o->keep_difficult,
                          .scheme = o->points,
                          .left = o->left};
    intake->real_root = realpath(input->root, NULL);
    for (size_t i = 0; i < input->n_files; i++) {
        if (o->progress && !o->progress(o->ctx, 0, 0))
            return rf_fail(RF_ERR_INTERRUPTED, "stopped while reading; nothing was written");
        RF_TRY(read_one(job->from, input->files[i], input, intake));
    }
    RF_TRY(tell_notes(job, intake));
    if (intake->n_images == 0)
        return job->first ? rf_fail(RF_ERR_FORMAT, "%s; nothing else can be read", job->first)
                          : rf_fail(RF_ERR_FORMAT, "%s: no image is listed", input->files[0]);
    return rf_convert_probe(job, intake);
}

static rf_status convert_inputs(rf_convert_job *job, const rf_convert_input *inputs, size_t n, const char *out) {
    rf_intake *intakes = rf_alloc(n, sizeof *intakes);
    rf_status status = intakes ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; i < n && status == RF_OK; i++) status = read_input(job, &inputs[i], &intakes[i]);
    if (status == RF_OK) status = rf_check_classes(job, intakes, n);
    if (status == RF_OK) status = rf_convert_unnamed(job, intakes, inputs, n, out);
    for (size_t i = 0; i < n && status == RF_OK; i++) status = rf_convert_select(job, &intakes[i], inputs[i].part);
    for (size_t i = 0; intakes && i < n; i++) rf_intake_free(&intakes[i]);
    rf_free(intakes);
    return status == RF_OK ? rf_convert_leaks(job) : status;
}

static size_t count_left_out(const rf_convert_stats *stats) {
    size_t n = 0;
    for (int i = 0; i < RF_CONVERT_REASONS; i++)
        if (!rf_convert_is_note(i)) n += stats->left_out[i];
    return n;
}

static void free_parts(rf_convert_job *job) {
    for (size_t i = 0; i < job->n_parts; i++) {
        rf_convert_part *p = &job->parts[i];
        rf_dataset_free(p->set.dataset);
        rf_free(p->set.sizes);
        rf_free(p->root);
        rf_free(p->temporary);
        rf_free(p->final);
    }
    rf_free(job->first);
}

rf_status rf_convert(const rf_converter *from, const rf_converter *to, const rf_convert_input *inputs, size_t n,
                     const char *out, const rf_convert_options *options, rf_convert_stats *stats) {
    rf_convert_job job = {.from = from, .to = to, .options = options, .stats = stats};
    rf_status status = RF_OK;
    *stats = (rf_convert_stats){0};
    if (options->split > 0 && n > 1)
        return rf_fail(RF_ERR_USER, "there are %zu parts already (%s, %s, ...); leave --split away", n, inputs[0].part,
                       inputs[1].part);
    RF_TRY_GOTO(convert_inputs(&job, inputs, n, out));
    if (options->strict && job.first) {
        size_t others = count_left_out(stats) - 1;
        status =
            rf_fail(RF_ERR_FORMAT, "%s (and %zu more); nothing was written, since --strict is on", job.first, others);
        goto fail;
    }
    status = rf_convert_write(&job, out);
fail:
    free_parts(&job);
    return status;
}
