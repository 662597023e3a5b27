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

const char *const rf_convert_reason_names[RF_CONVERT_REASONS] = {
    [RF_CONVERT_MISSING] = "images missing",
    [RF_CONVERT_BROKEN] = "images unreadable",
    [RF_CONVERT_SIZE] = "images of another size",
    [RF_CONVERT_DOUBLED] = "images named twice",
    [RF_CONVERT_NO_AREA] = "faces without area",
    [RF_CONVERT_OUTSIDE] = "faces outside of their image",
    [RF_CONVERT_DANGLING] = "annotations of unlisted images",
    [RF_CONVERT_MIXED] = "images annotated by the other rule of EXIF turning",
    [RF_CONVERT_TURNED] = "images with EXIF turning",
    [RF_CONVERT_UNSURE] = "images of whose EXIF turning nothing is known",
    [RF_CONVERT_RENAMED] = "images by another name",
};

bool rf_convert_is_note(rf_convert_reason reason) {
    return reason == RF_CONVERT_TURNED || reason == RF_CONVERT_UNSURE || reason == RF_CONVERT_RENAMED;
}

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

rf_status rf_convert_tell(rf_convert_job *job, rf_convert_reason reason, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    job->stats->left_out[reason]++;
    if (job->options->finding) job->options->finding(job->options->ctx, reason, text);
    if (job->first || rf_convert_is_note(reason)) return RF_OK;
    job->first = rf_strdup(text);
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

static rf_status read_file(const rf_converter *from, const char *path, const char *folder, rf_intake *intake) {
    rf_status status;
    uint8_t *text = NULL;
    size_t bytes = 0;
    RF_TRY_GOTO(rf_file_read(path, annotation_max_bytes, &text, &bytes));
    if (!from->binary) RF_TRY_GOTO(rf_text_check(path, (const char *)text, bytes));
    RF_TRY_GOTO(rf_intake_file(intake, path));
    rf_source source = {.path = path, .text = (const char *)text, .bytes = bytes, .name = relative_name(path, folder)};
    status = from->read(&source, intake);
fail:
    if (status == RF_ERR_FORMAT && text) status = name_other(from, (const char *)text, bytes);
    rf_free(text);
    return status;
}

static rf_status convert_input(rf_convert_job *job, const rf_convert_input *input) {
    const rf_convert_options *o = job->options;
    rf_intake intake = {
        .root = input->root, .category = o->category, .keep_difficult = o->keep_difficult, .left = o->left};
    rf_status status = RF_OK;
    intake.real_root = realpath(input->root, NULL);
    for (size_t i = 0; i < input->n_files; i++) {
        if (o->progress && !o->progress(o->ctx, 0, 0)) {
            status = rf_fail(RF_ERR_INTERRUPTED, "stopped while reading; nothing was written");
            goto fail;
        }
        RF_TRY_GOTO(read_file(job->from, input->files[i], input->folder, &intake));
    }
    if (intake.n_images == 0) {
        status = rf_fail(RF_ERR_FORMAT, "%s: no image is listed", input->files[0]);
        goto fail;
    }
    RF_TRY_GOTO(rf_convert_probe(job, &intake));
    status = rf_convert_select(job, &intake, input->part);
fail:
    rf_intake_free(&intake);
    return status;
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
    for (size_t i = 0; i < n; i++) RF_TRY_GOTO(convert_input(&job, &inputs[i]));
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
