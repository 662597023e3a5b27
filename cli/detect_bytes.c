/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/detect.h"
#include "core/mem.h"
#include "core/signals.h"

enum { CHUNK = 1 << 18, PATIENCE = 100 /* milliseconds between looks for a signal */ };

struct rf_bytes {
    int file;
    char *name;
    uint8_t *data;
    size_t start, end, capacity;
    uint64_t passed, size; /* of a regular file */
    bool regular, ended;
    const atomic_bool *stop;
};

rf_status rf_bytes_open(const char *path, const atomic_bool *stop, rf_bytes **out) {
    struct stat info;
    *out = NULL;
    rf_bytes *b = rf_alloc(1, sizeof *b);
    if (!b) return RF_ERR_NOMEM;
    b->stop = stop;
    bool standard = strcmp(path, "-") == 0;
    /* A FIFO without a writer is waited for by poll, where a signal ends it. */
    b->file = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    b->name = rf_strdup(standard ? "the standard input" : path);
    rf_status status = b->name ? RF_OK : RF_ERR_NOMEM;
    if (status == RF_OK && (b->file < 0 || fstat(b->file, &info) != 0))
        status = rf_fail(RF_ERR_IO, "cannot open '%s': %s", b->name, strerror(errno));
    if (status == RF_OK && S_ISDIR(info.st_mode))
        status = rf_fail(RF_ERR_USER, "%s is a folder, expected pictures or a film", b->name);
    if (status == RF_OK && standard && isatty(b->file))
        status = rf_fail(RF_ERR_USER, "-: the standard input is a terminal, expected a pipe or a file; "
                                      "ffmpeg -i FILM -f image2pipe -c:v mjpeg - | rf detect ... - is one");
    if (status != RF_OK) {
        rf_bytes_close(b);
        return status;
    }
    b->regular = S_ISREG(info.st_mode);
    b->size = b->regular ? (uint64_t)info.st_size : 0;
    *out = b;
    return RF_OK;
}

void rf_bytes_close(rf_bytes *b) {
    if (!b) return;
    if (b->file >= 0) close(b->file);
    rf_free(b->name);
    rf_free(b->data);
    rf_free(b);
}

/* Room for n bytes from the start on. */
static rf_status make_room(rf_bytes *b, size_t n) {
    if (b->start && b->start + n > b->capacity) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (n <= b->capacity) return RF_OK;
    size_t grown = b->capacity ? b->capacity : CHUNK;
    while (grown < n) grown *= 2;
    uint8_t *data = rf_realloc(b->data, b->capacity, grown, 1);
    if (!data) return RF_ERR_NOMEM;
    b->data = data;
    b->capacity = grown;
    return RF_OK;
}

/* Reads once, as much as there is and fits. */
static rf_status read_some(rf_bytes *b) {
    struct pollfd wait = {.fd = b->file, .events = POLLIN};
    for (;;) {
        if (rf_signal_pending() || atomic_load(b->stop))
            return rf_fail(RF_ERR_INTERRUPTED, "stopped while reading %s", b->name);
        int ready = b->regular ? 1 : poll(&wait, 1, PATIENCE);
        if (ready < 0 && errno != EINTR) return rf_fail(RF_ERR_IO, "cannot read '%s': %s", b->name, strerror(errno));
        if (ready <= 0) continue;
        ssize_t n = read(b->file, b->data + b->end, b->capacity - b->end);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return rf_fail(RF_ERR_IO, "cannot read '%s': %s", b->name, strerror(errno));
        b->end += (size_t)n;
        b->ended = n == 0;
        return RF_OK;
    }
}

rf_status rf_bytes_want(rf_bytes *b, size_t n, size_t *ahead) {
    while (b->end - b->start < n && !b->ended) {
        RF_TRY(make_room(b, b->end - b->start + CHUNK));
        RF_TRY(read_some(b));
    }
    *ahead = b->end - b->start;
    return RF_OK;
}

const uint8_t *rf_bytes_data(const rf_bytes *b) {
    return b->data + b->start;
}

void rf_bytes_skip(rf_bytes *b, size_t n) {
    size_t ahead = b->end - b->start;
    if (n > ahead) n = ahead;
    b->start += n;
    b->passed += n;
    if (b->start == b->end) b->start = b->end = 0;
}

bool rf_bytes_is_file(const rf_bytes *b) {
    return b->regular;
}

double rf_bytes_share(const rf_bytes *b) {
    return b->size ? (double)b->passed / (double)b->size : -1;
}
