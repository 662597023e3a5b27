/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"

struct rf_atomic_file {
    char *path, *temporary, *folder;
    FILE *stream;
    int error; /* errno of the first write that failed, 0 = none */
};

enum { NAME_TRIES = 100, STEM_BYTES = 128 }; /* some file systems end names at 143 bytes */

static const char mark[] = ".tmp-";

/* What the temporaries of `base` begin with: its name, or of one so long that nothing can follow it a part and a number
 * that stands for the rest. */
static void stem_of(const char *base, char stem[STEM_BYTES]) {
    size_t length = strlen(base), kept = STEM_BYTES - 16;
    if (length < STEM_BYTES) {
        memcpy(stem, base, length + 1);
        return;
    }
    while (kept > 0 && (base[kept] & 0xC0) == 0x80) kept--; /* no half of a letter: some file systems refuse it */
    snprintf(stem, STEM_BYTES, "%.*s~%08x", (int)kept, base, rf_crc32(0, base, length));
}

/* Only this process's own counter and number make the name, so two writers of one path never share a temporary. */
static int create_temporary(const char *path, char *name, size_t bytes) {
    static atomic_uint serial;
    char stem[STEM_BYTES];
    const char *base = rf_path_base(path);
    int fd = -1;
    stem_of(base, stem);
    for (int i = 0; i < NAME_TRIES && fd < 0; i++) {
        snprintf(name, bytes, "%.*s%s%s%ld-%u", (int)(base - path), path, stem, mark, (long)getpid(),
                 atomic_fetch_add(&serial, 1));
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    return fd;
}

/* The folder of a path, "." for a bare name; rf_free it. */
static char *folder_of(const char *path) {
    const char *base = rf_path_base(path);
    return base == path ? rf_strdup(".") : rf_strndup(path, (size_t)(base - path));
}

static void release(rf_atomic_file *file) {
    rf_free(file->path);
    rf_free(file->temporary);
    rf_free(file->folder);
    rf_free(file);
}

rf_status rf_atomic_open(const char *path, rf_atomic_file **out) {
    if (rf_dir_exists(path))
        return rf_fail(RF_ERR_IO, "cannot write '%s': it is a folder, expected the name of a file", path);
    rf_atomic_file *file = rf_alloc(1, sizeof *file);
    if (!file) return RF_ERR_NOMEM;
    size_t name_bytes = strlen(path) + 64;
    file->path = rf_strdup(path);
    file->temporary = rf_alloc(name_bytes, 1);
    file->folder = folder_of(path);
    if (!file->path || !file->temporary || !file->folder) {
        release(file);
        return RF_ERR_NOMEM;
    }
    int fd = create_temporary(path, file->temporary, name_bytes);
    if (fd < 0) {
        rf_status status = rf_fail(RF_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
        release(file);
        return status;
    }
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        close(fd);
        unlink(file->temporary);
        release(file);
        return rf_fail(RF_ERR_NOMEM, "out of memory: no stream for '%s'", path);
    }
    *out = file;
    return RF_OK;
}

FILE *rf_atomic_stream(rf_atomic_file *file) {
    return file->stream;
}

static rf_status write_error(const rf_atomic_file *file) {
    return rf_fail(RF_ERR_IO, "cannot write '%s': %s; the file is as it was before", file->path,
                   file->error ? strerror(file->error) : "a write failed; is the disk full?");
}

rf_status rf_atomic_write(rf_atomic_file *file, const void *data, size_t bytes) {
    if (file->error) return write_error(file);
    errno = 0;
    if (bytes && fwrite(data, 1, bytes, file->stream) != bytes) {
        file->error = errno ? errno : EIO;
        return write_error(file);
    }
    return RF_OK;
}

/* After the rename the folder is synced too, otherwise a power cut could bring the old name back. A file system that
 * cannot sync folders is no reason to fail. */
static void sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

rf_status rf_atomic_commit(rf_atomic_file *file) {
    rf_status status = RF_OK;
    bool bad = file->error != 0;
    errno = 0;
    if (!bad && (fflush(file->stream) != 0 || ferror(file->stream) || fsync(fileno(file->stream)) != 0)) {
        file->error = errno;
        bad = true;
    }
    if (fclose(file->stream) != 0 && !bad) {
        file->error = errno;
        bad = true;
    }
    if (!bad && rename(file->temporary, file->path) != 0) {
        file->error = errno;
        bad = true;
    }
    if (bad) {
        status = write_error(file);
        unlink(file->temporary);
    } else {
        sync_folder(file->folder);
    }
    release(file);
    return status;
}

void rf_atomic_abort(rf_atomic_file *file) {
    if (!file) return;
    fclose(file->stream);
    unlink(file->temporary);
    release(file);
}

rf_status rf_file_write_atomic(const char *path, const void *data, size_t bytes) {
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    rf_status status = rf_atomic_write(file, data, bytes);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}

static bool is_leftover(const char *name, const char *stem) {
    size_t length = strlen(stem);
    if (strncmp(name, stem, length) != 0 || strncmp(name + length, mark, sizeof mark - 1) != 0) return false;
    long pid = strtol(name + length + sizeof mark - 1, NULL, 10);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void rf_atomic_sweep(const char *path) {
    char stem[STEM_BYTES];
    char *folder = folder_of(path);
    char **names;
    size_t n;
    stem_of(rf_path_base(path), stem);
    if (folder && rf_dir_list(folder, NULL, false, &names, &n) == RF_OK) {
        for (size_t i = 0; i < n; i++) {
            char *full = is_leftover(names[i], stem) ? rf_path_join(folder, names[i]) : NULL;
            if (full) unlink(full);
            rf_free(full);
        }
        rf_names_free(names, n);
    }
    rf_free(folder);
}
