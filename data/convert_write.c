/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the parts of a conversion: each into a folder of a temporary name, all of which are renamed at the end. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/convert_impl.h"

enum { BUFFER = 1 << 18 };
static const char mark[] = ".tmp-";

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    return remove(path);
}

/* Links inside are removed, not followed. */
static void remove_folder(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Removes the temporaries of `part` that conversions left behind when they were killed. */
static void sweep(const char *out, const char *part) {
    size_t n = strlen(part);
    DIR *dir = opendir(out);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        if (strncmp(name, part, n) != 0 || strncmp(name + n, mark, sizeof mark - 1) != 0) continue;
        long pid = strtol(name + n + sizeof mark - 1, NULL, 10);
        if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH) continue;
        char *path = rf_path_join(out, name); /* own name */
        if (path) remove_folder(path);
        rf_free(path);
    }
    if (dir) closedir(dir);
}

static rf_status cannot(const char *path) {
    return rf_fail(RF_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
}

static rf_status copy_bytes(int in, int out, const char *source, const char *target, char *buffer) {
    for (;;) {
        ssize_t n = read(in, buffer, BUFFER);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rf_fail(RF_ERR_IO, "cannot read '%s': %s", source, strerror(errno));
        if (n == 0) return RF_OK;
        for (ssize_t done = 0; done < n;) {
            ssize_t k = write(out, buffer + done, (size_t)(n - done));
            if (k < 0 && errno == EINTR) continue;
            if (k < 0) return cannot(target);
            done += k;
        }
    }
}

static rf_status copy_file(const char *source, const char *target) {
    rf_status status = RF_ERR_NOMEM;
    int out = -1, in = open(source, O_RDONLY | O_CLOEXEC);
    if (in < 0) return rf_fail(RF_ERR_IO, "cannot open '%s': %s", source, strerror(errno));
    char *buffer = rf_alloc(BUFFER, 1);
    if (!buffer) goto fail;
    out = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    status = out < 0 ? cannot(target) : copy_bytes(in, out, source, target, buffer);
fail:
    if (out >= 0 && close(out) != 0 && status == RF_OK) status = cannot(target);
    close(in);
    rf_free(buffer);
    return status;
}

static rf_status link_file(const char *source, const char *target) {
    char *real = realpath(source, NULL);
    if (!real) return rf_fail(RF_ERR_IO, "cannot find '%s': %s", source, strerror(errno));
    rf_status status = symlink(real, target) == 0 ? RF_OK : cannot(target);
    free(real);
    return status;
}

/* Puts one image into the folder `images`, below the same name. */
static rf_status place_image(rf_image_place place, const char *root, const char *name, const char *images) {
    char *source = rf_path_join(root, name), *target = NULL; /* reads */
    rf_status status = source ? rf_below_make(images, name, &target) : RF_ERR_NOMEM;
    if (status == RF_OK) status = place == RF_IMAGES_COPY ? copy_file(source, target) : link_file(source, target);
    rf_free(source);
    rf_free(target);
    return status;
}

static rf_status place_images(const rf_convert_job *job, const rf_convert_part *part) {
    const rf_convert_options *o = job->options;
    const rf_dataset *d = part->set.dataset;
    if (o->place == RF_IMAGES_KEEP) return RF_OK;
    char *images = rf_path_join(part->temporary, "images");
    rf_status status = images ? rf_dir_make(images) : RF_ERR_NOMEM;
    for (size_t i = 0; status == RF_OK && i < d->n_samples; i++) {
        status = place_image(o->place, part->root, d->samples[i].name, images);
        if (status == RF_OK && o->progress && !o->progress(o->ctx, i + 1, d->n_samples))
            status = rf_fail(RF_ERR_INTERRUPTED, "stopped after placing %zu of %zu images; nothing was written", i + 1,
                             d->n_samples);
    }
    rf_free(images);
    return status;
}

static rf_status name_part(rf_convert_part *part, const char *out) {
    char text[32];
    snprintf(text, sizeof text, "%s%ld", mark, (long)getpid());
    part->final = rf_path_join(out, part->name); /* own name */
    if (!part->final) return RF_ERR_NOMEM;
    size_t n = strlen(part->final), m = strlen(text);
    part->temporary = rf_alloc(n + m + 1, 1);
    if (!part->temporary) return RF_ERR_NOMEM;
    memcpy(part->temporary, part->final, n);
    memcpy(part->temporary + n, text, m);
    struct stat info;
    if (lstat(part->final, &info) == 0)
        return rf_fail(RF_ERR_USER, "%s exists already; choose another --out or remove it", part->final);
    return RF_OK;
}

static rf_status write_part(const rf_convert_job *job, const rf_convert_part *part) {
    remove_folder(part->temporary); /* of an earlier process with this number */
    RF_TRY(rf_dir_make(part->temporary));
    RF_TRY(place_images(job, part));
    char *path = rf_path_join(part->temporary, job->to->output); /* own name */
    rf_status status = path ? job->to->write(&part->set, path) : RF_ERR_NOMEM;
    const rf_set_note note = {part->exif, job->to->direct ? part->set.dataset->classes : (rf_classes){0}};
    if (status == RF_OK && (note.exif != RF_EXIF_UNTOLD || note.classes.n)) status = rf_set_note_write(path, &note);
    rf_free(path);
    return status;
}

/* Makes what was written durable, then shows it under its names. */
static rf_status finish_parts(rf_convert_job *job, const char *out) {
    int folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = folder >= 0 && syncfs(folder) == 0;
    rf_status status = synced ? RF_OK : cannot(out);
    for (size_t i = 0; status == RF_OK && i < job->n_parts; i++)
        if (rename(job->parts[i].temporary, job->parts[i].final) != 0) status = cannot(job->parts[i].final);
    if (status == RF_OK) fsync(folder);
    if (folder >= 0) close(folder);
    return status;
}

static void count_part(rf_convert_stats *stats, const rf_convert_part *part) {
    const rf_dataset *d = part->set.dataset;
    stats->images += d->n_samples;
    stats->faces += d->n_faces;
    stats->ignored += d->n_ignored;
    stats->with_points += d->n_with_points;
    stats->classes = d->classes;
    for (size_t f = 0; f < d->n_faces; f++) stats->by_class[d->faces[f].label]++;
    for (int i = 0; i < RF_CONVERT_PART_NAMES; i++)
        if (strcmp(part->name, rf_convert_part_names[i]) == 0) stats->part_images[i] += d->n_samples;
}

rf_status rf_convert_write(rf_convert_job *job, const char *out) {
    rf_status status;
    bool made = !rf_dir_exists(out);
    for (size_t i = 0; i < job->n_parts; i++) {
        job->parts[i].set.dataset->classes = job->classes;
        RF_TRY(name_part(&job->parts[i], out));
    }
    RF_TRY_GOTO(rf_dir_make(out));
    for (size_t i = 0; i < job->n_parts; i++) {
        sweep(out, job->parts[i].name);
        RF_TRY_GOTO(write_part(job, &job->parts[i]));
    }
    RF_TRY_GOTO(finish_parts(job, out));
    for (size_t i = 0; i < job->n_parts; i++) count_part(job->stats, &job->parts[i]);
    return RF_OK;
fail:
    for (size_t i = 0; i < job->n_parts; i++) remove_folder(job->parts[i].temporary);
    if (made) rmdir(out);
    return status;
}
