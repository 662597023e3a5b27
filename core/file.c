/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

static const size_t default_max_bytes = (size_t)16 << 30;

/* Reads exactly `size` bytes; a file that shrinks meanwhile is an error. */
static rf_status read_all(int fd, const char *path, uint8_t *data, size_t size) {
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, data + have, size - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rf_fail(RF_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
        if (n == 0)
            return rf_fail(RF_ERR_IO, "cannot read '%s': it ended at byte %zu of %zu; is it being written?", path, have,
                           size);
        have += (size_t)n;
    }
    return RF_OK;
}

/* What came from the standard input: kept, since it can be read once only and several parts of a program may ask. */
static pthread_mutex_t stdin_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *stdin_text;
static size_t stdin_bytes;
static bool stdin_ended;

static rf_status read_stdin(size_t limit) {
    size_t capacity = stdin_bytes;
    while (!stdin_ended) {
        if (stdin_bytes == capacity) {
            size_t grown = capacity ? 2 * capacity : 1 << 16;
            uint8_t *text = rf_realloc(stdin_text, capacity, grown, 1);
            if (!text) return rf_fail_context(RF_ERR_NOMEM, "reading the standard input");
            stdin_text = text;
            capacity = grown;
        }
        ssize_t n = read(STDIN_FILENO, stdin_text + stdin_bytes, capacity - stdin_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rf_fail(RF_ERR_IO, "cannot read the standard input: %s", strerror(errno));
        stdin_bytes += (size_t)n;
        stdin_ended = n == 0;
        if (stdin_bytes > limit)
            return rf_fail(RF_ERR_FORMAT, "the standard input has more than the %zu bytes that are accepted here",
                           limit);
    }
    return RF_OK;
}

static rf_status take_stdin(size_t limit, uint8_t **data, size_t *size) {
    pthread_mutex_lock(&stdin_lock);
    rf_status status = read_stdin(limit);
    if (status == RF_OK && !(*data = rf_alloc(stdin_bytes + 1, 1))) status = RF_ERR_NOMEM;
    if (status == RF_OK) {
        if (stdin_bytes) memcpy(*data, stdin_text, stdin_bytes);
        *size = stdin_bytes;
    }
    pthread_mutex_unlock(&stdin_lock);
    return status;
}

/* The standard input under any of its names. */
static bool is_stdin(const char *path) {
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0) return true;
    return false;
}

rf_status rf_file_read(const char *path, size_t max_bytes, uint8_t **data, size_t *size) {
    rf_status status = RF_OK;
    uint8_t *buffer = NULL;
    struct stat info;
    size_t limit = max_bytes ? max_bytes : default_max_bytes;
    if (is_stdin(path)) return take_stdin(limit, data, size);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* else a pipe would be waited for before it is refused */
    if (fd < 0) return rf_fail(RF_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fd, &info) != 0) {
        status = rf_fail(RF_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
        goto fail;
    }
    if (!S_ISREG(info.st_mode)) {
        status = rf_fail(RF_ERR_IO, "cannot read '%s': it is %s, expected a file", path,
                         S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
        goto fail;
    }
    if ((uintmax_t)info.st_size > limit) {
        status = rf_fail(RF_ERR_FORMAT, "'%s' has %jd bytes, more than the %zu that are accepted here", path,
                         (intmax_t)info.st_size, limit);
        goto fail;
    }
    size_t bytes = (size_t)info.st_size;
    buffer = rf_alloc(bytes + 1, 1);
    if (!buffer) {
        status = rf_fail_context(RF_ERR_NOMEM, "reading '%s'", path);
        goto fail;
    }
    RF_TRY_GOTO(read_all(fd, path, buffer, bytes));
    close(fd);
    *data = buffer;
    *size = bytes;
    return RF_OK;
fail:
    rf_free(buffer);
    close(fd);
    return status;
}

rf_status rf_file_append_line(const char *path, const char *line) {
    size_t length = strlen(line);
    char *text = rf_alloc(length + 1, 1);
    if (!text) return RF_ERR_NOMEM;
    memcpy(text, line, length);
    text[length] = '\n';

    rf_status status = RF_OK;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = rf_fail(RF_ERR_IO, "cannot append to '%s': %s", path, strerror(errno));
    } else {
        ssize_t n;
        off_t before = lseek(fd, 0, SEEK_END);
        do n = write(fd, text, length + 1);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t)(length + 1))
            status = rf_fail(RF_ERR_IO, "cannot append to '%s': %s", path,
                             n < 0 ? strerror(errno) : "the line was written only in part; is the disk full?");
        if (n >= 0 && status != RF_OK && before >= 0 && ftruncate(fd, before) != 0) errno = 0; /* torn, and said so */
        if (close(fd) != 0 && status == RF_OK)
            status = rf_fail(RF_ERR_IO, "cannot append to '%s': %s", path, strerror(errno));
    }
    rf_free(text);
    return status;
}

rf_status rf_path_check(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0) return RF_OK;
    if (errno == ENOENT || errno == ENOTDIR) return rf_fail(RF_ERR_USER, "%s: no such file or folder", path);
    return rf_fail(RF_ERR_IO, "%s: %s", path, strerror(errno));
}

rf_status rf_path_hidden(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 || errno != EACCES) return RF_OK;
    return rf_fail(RF_ERR_IO, "%s: %s", path, strerror(EACCES));
}

bool rf_file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

bool rf_dir_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}
