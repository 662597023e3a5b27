/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "core/file.h"
#include "core/lock.h"
#include "core/mem.h"

enum { MAX_LINKS = 16, PATH_BYTES = 4096 };

/* What can be done about an error of the system, after its text. */
static const char *advice(int error) {
    switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return "; choose a place where you may write";
    case ENOSPC:
    case EDQUOT:
        return "; make room there, or choose another place";
    default:
        return "; choose another place";
    }
}

static rf_status cannot(const rf_output_file *out) {
    int error = errno;
    return rf_fail(RF_ERR_IO, "%s: cannot write '%s': %s%s", out->option, out->path, strerror(error), advice(error));
}

/* ---- what was open already ---- */

static int number_of(const char *digits) {
    char *end;
    long n = strtol(digits, &end, 10);
    return *digits >= '0' && *digits <= '9' && *end == 0 && n < 1 << 20 ? (int)n : -1;
}

/* N of /dev/fd/N and its other names, else -1. */
static int descriptor_named(const char *path) {
    static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    char own[64];
    snprintf(own, sizeof own, "/proc/%ld/fd/", (long)getpid());
    const char *const folders[] = {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", own};
    for (int i = 0; i < 3; i++)
        if (strcmp(path, streams[i]) == 0) return i;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0) return number_of(path + strlen(folders[i]));
    return -1;
}

/* The descriptor that a path stands for by its name or by a link to such a name, else -1. */
static int descriptor_of(const char *path) {
    char at[PATH_BYTES], next[PATH_BYTES];
    if (strcmp(path, "-") == 0) return STDOUT_FILENO;
    snprintf(at, sizeof at, "%s", path);
    for (int i = 0; i < MAX_LINKS; i++) {
        int file = descriptor_named(at);
        ssize_t n = file >= 0 ? -1 : readlink(at, next, sizeof next - 1);
        if (n < 0) return file;
        next[n] = 0;
        size_t folder = *next == '/' ? 0 : (size_t)(rf_path_base(at) - at);
        if (folder + (size_t)n >= sizeof at) return -1;
        memmove(at + folder, next, (size_t)n + 1);
    }
    return -1;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* stdout or stderr when they were redirected to this file or pipe, else -1. */
static int redirected_to(const struct stat *info) {
    struct stat open_one;
    for (int file = STDOUT_FILENO; file <= STDERR_FILENO; file++)
        if (!S_ISCHR(info->st_mode) && fstat(file, &open_one) == 0 && same_file(info, &open_one)) return file;
    return -1;
}

static rf_status take_descriptor(rf_output_file *out, int file) {
    struct stat info, standard;
    int flags = fcntl(file, F_GETFL);
    if (flags < 0) return rf_fail(RF_ERR_USER, "%s %s: descriptor %d is not open", out->option, out->path, file);
    if ((flags & O_ACCMODE) == O_RDONLY)
        return rf_fail(RF_ERR_USER, "%s %s: descriptor %d is open for reading only", out->option, out->path, file);
    out->stream = true;
    out->file = fcntl(file, F_DUPFD_CLOEXEC, 3);
    if (out->file < 0) return cannot(out);
    if (file == STDOUT_FILENO || (fstat(file, &info) == 0 && fstat(STDOUT_FILENO, &standard) == 0 &&
                                  file != STDERR_FILENO && same_file(&info, &standard)))
        rf_say_on_stderr();
    return RF_OK;
}

/* ---- before the work ---- */

/* A file is made and gone, without a name where the system can. */
static int try_folder(const char *folder) {
    char name[PATH_BYTES];
    int file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 && errno != EACCES && errno != EROFS && errno != EDQUOT && errno != ENOSPC) {
        snprintf(name, sizeof name, "%s/.rf-%ld", folder, (long)getpid()); /* own name */
        file = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (file >= 0) unlink(name);
    }
    if (file < 0) return errno;
    close(file);
    return 0;
}

/* The folder of a path, or the nearest above it that is there: what lies between will be made. */
static rf_status check_nearest(const char *option, const char *what, const char *path) {
    struct stat info;
    char *at = rf_strdup(*path ? path : ".");
    if (!at) return RF_ERR_NOMEM;
    while (lstat(at, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        size_t n = strlen(at);
        while (n > 1 && at[n - 1] == '/') n--;
        while (n && at[n - 1] != '/') n--;
        while (n > 1 && at[n - 1] == '/') n--;
        if (n == 0) at[n++] = '.'; /* what was there is longer than nothing */
        at[n] = 0;
    }
    rf_status status = RF_OK;
    int error = 0;
    if (stat(at, &info) != 0)
        error = errno;
    else if (!S_ISDIR(info.st_mode))
        status =
            rf_fail(RF_ERR_USER, "%s: cannot %s '%s': '%s' is no folder; choose another name", option, what, path, at);
    else
        error = try_folder(at);
    if (error)
        status = rf_fail(RF_ERR_IO, "%s: cannot %s '%s': %s ('%s')%s", option, what, path, strerror(error), at,
                         advice(error));
    rf_free(at);
    return status;
}

/* Whether a file can be made in its folder, which has to be there unless it will be `made`. */
static rf_status check_parent(const char *option, const char *path, bool made) {
    struct stat info;
    size_t n = (size_t)(rf_path_base(path) - path);
    while (n > 1 && path[n - 1] == '/') n--;
    char *folder = n ? rf_strndup(path, n) : rf_strdup(".");
    rf_status status = folder ? RF_OK : RF_ERR_NOMEM;
    if (folder && !made) {
        int error = stat(folder, &info) != 0 ? errno : try_folder(folder);
        if (error == ENOENT)
            status = rf_fail(RF_ERR_IO, "%s: cannot write '%s': there is no folder '%s'; make it, or choose another",
                             option, path, folder);
        else if (error)
            status = rf_fail(RF_ERR_IO, "%s: cannot write '%s': %s%s", option, path, strerror(error), advice(error));
    } else if (folder) {
        status = check_nearest(option, rf_dir_exists(folder) ? "write into" : "make the folder", folder);
    }
    rf_free(folder);
    return status;
}

static rf_status check_regular(const char *option, const char *path, const struct stat *info, bool made) {
    size_t n = strlen(path);
    if (n == 0) return rf_fail(RF_ERR_USER, "%s: the name is empty, expected a file", option);
    if ((info && S_ISDIR(info->st_mode)) || path[n - 1] == '/')
        return rf_fail(RF_ERR_USER, "%s: cannot write '%s': it is a folder, expected the name of a file", option, path);
    if (info && access(path, W_OK) != 0) {
        int error = errno;
        return rf_fail(RF_ERR_IO, "%s: cannot write '%s': %s%s", option, path, strerror(error), advice(error));
    }
    return check_parent(option, path, made);
}

rf_status rf_output_open(const char *option, const char *path, rf_output_file *out) {
    struct stat info;
    *out = (rf_output_file){.option = option, .path = path, .file = -1};
    if (!path) return RF_OK;
    int file = descriptor_of(path);
    bool there = stat(path, &info) == 0;
    if (file < 0 && there) file = redirected_to(&info);
    if (file >= 0) return take_descriptor(out, file);
    if (there && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        out->stream = true;
        out->file = open(path, O_WRONLY | O_CLOEXEC);
        return out->file < 0 ? cannot(out) : RF_OK;
    }
    char *real = realpath(path, NULL); /* the file behind a link, so that the link is not replaced */
    out->target = rf_strdup(real ? real : path);
    free(real);
    if (!out->target) return RF_ERR_NOMEM;
    return check_regular(option, out->target, there ? &info : NULL, false);
}

rf_status rf_output_check_file(const char *option, const char *path) {
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (strcmp(path, "-") == 0)
        return rf_fail(RF_ERR_USER, "%s -: this is no stream, since it is read back: name a file", option);
    if (there && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return rf_fail(RF_ERR_USER, "%s %s is there and is no regular file: choose another name", option, path);
    if (there && redirected_to(&info) >= 0)
        return rf_fail(RF_ERR_USER, "%s %s is what the program prints to: choose another name", option, path);
    return check_regular(option, path, there ? &info : NULL, true);
}

rf_status rf_output_check_folder(const char *option, const char *path) {
    if (!path) return RF_OK;
    if (!*path) return rf_fail(RF_ERR_USER, "%s: the name is empty, expected a folder", option);
    if (descriptor_of(path) >= 0) return rf_fail(RF_ERR_USER, "%s %s: expected a folder, not a stream", option, path);
    return check_nearest(option, rf_dir_exists(path) ? "write into" : "make the folder", path);
}

rf_status rf_output_make_parent(const char *path) {
    size_t n = (size_t)(rf_path_base(path) - path);
    char *folder = rf_strndup(path, n);
    rf_status status = !folder ? RF_ERR_NOMEM : n && !rf_dir_exists(folder) ? rf_dir_make(folder) : RF_OK;
    rf_free(folder);
    return status;
}

/* ---- writing ---- */

static rf_status write_all(const rf_output_file *out, const char *text, size_t bytes) {
    while (bytes) {
        ssize_t n = write(out->file, text, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot(out);
        text += n;
        bytes -= (size_t)n;
    }
    return RF_OK;
}

rf_status rf_output_write(rf_output_file *out, const char *text) {
    if (!out->path) return RF_OK;
    if (out->stream) return write_all(out, text, strlen(text));
    return rf_file_write_atomic(out->target, text, strlen(text));
}

rf_status rf_output_start(rf_output_file *out) {
    if (!out->path || out->stream) return RF_OK;
    out->file = open(out->target, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (out->file < 0) return cannot(out);
    if (!rf_lock_open_file(out->file)) /* lines of two programs would overwrite each other */
        return rf_fail(RF_ERR_USER, "%s %s: another program is writing it: wait for it to end, or choose another file",
                       out->option, out->path);
    return ftruncate(out->file, 0) == 0 ? RF_OK : cannot(out);
}

rf_status rf_output_line(rf_output_file *out, const char *line) {
    if (!out->path) return RF_OK;
    size_t length = strlen(line);
    rf_status status = write_all(out, line, length);
    if (status == RF_OK) status = write_all(out, "\n", 1);
    if (status == RF_OK)
        out->bytes += length + 1;
    else if (!out->stream && ftruncate(out->file, (off_t)out->bytes) == 0)
        lseek(out->file, 0, SEEK_END);
    return status;
}

rf_status rf_output_bytes(rf_output_file *out, const void *bytes, size_t n) {
    return out->path ? write_all(out, bytes, n) : RF_OK;
}

void rf_output_close(rf_output_file *out) {
    if (out->path && out->file >= 0) close(out->file);
    rf_free(out->target);
    *out = (rf_output_file){.file = -1};
}

bool rf_output_is_input(const char *output, const char *input) {
    struct stat a, b;
    return output && input && stat(output, &a) == 0 && stat(input, &b) == 0 && same_file(&a, &b) && !S_ISCHR(a.st_mode);
}

rf_status rf_output_not_input(const char *option, const char *output, const char *what, const char *input) {
    if (!rf_output_is_input(output, input)) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s %s is %s itself: choose another name", option, output, what);
}
