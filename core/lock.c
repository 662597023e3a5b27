/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"

struct rf_lock {
    int fd;
    char *path;
    bool holds;
};

enum { TRIES = 100, HOLDER_BYTES = 256 };

typedef enum outcome { TAKEN, BUSY, UNKNOWN, FAILED } outcome;

/* Open file description locks are per open file, not per process, so two runs within one process are kept apart as
 * well, and closing another descriptor of the file frees nothing; NFS passes them to its server. */
static outcome lock_file(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) return TAKEN;
    if (errno == EAGAIN || errno == EACCES) return BUSY;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return TAKEN; /* a file system with this kind alone */
    if (errno == EWOULDBLOCK) return BUSY;
    return errno == ENOLCK || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP ? UNKNOWN : FAILED;
}

bool rf_lock_open_file(int file) {
    return lock_file(file) != BUSY;
}

/* Whether the file that was locked is still the one in the folder: a holder removes it when it ends. */
static bool is_current(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What a holder wrote about itself, "purpose (process 12 on host)". Only what another user's terminal can bear. */
static void read_holder(int fd, char holder[HOLDER_BYTES]) {
    ssize_t n = pread(fd, holder, HOLDER_BYTES - 1, 0);
    size_t end = 0;
    while (n > 0 && end < (size_t)n && holder[end] >= ' ' && holder[end] < 127) end++;
    holder[end] = 0;
    if (end == 0) snprintf(holder, HOLDER_BYTES, "another process");
}

/* For those who find the folder taken. That it cannot be written is no reason to fail. */
static void write_holder(int fd, const char *purpose) {
    char host[128] = "?", text[HOLDER_BYTES];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "%s (process %ld on %s)\n", purpose, (long)getpid(), host);
    if (n > 0 && n < (int)sizeof text && ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) < 0) errno = 0;
}

static rf_status cannot(const char *dir) {
    return rf_fail(RF_ERR_IO, "cannot write into the folder '%s': %s", dir, strerror(errno));
}

/* One attempt; *again when the file went away between opening and locking it. */
static rf_status attempt(rf_lock *lock, const char *dir, const char *purpose, bool *again) {
    char holder[HOLDER_BYTES];
    *again = false;
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (lock->fd < 0) return cannot(dir);
    outcome result = lock_file(lock->fd);
    if (result == FAILED) return cannot(dir);
    if (result == BUSY) {
        read_holder(lock->fd, holder);
        return rf_fail(RF_ERR_USER, "%s is in use by %s: wait for it to end, or choose another folder", dir, holder);
    }
    lock->holds = result == TAKEN;
    if (lock->holds && !is_current(lock->fd, lock->path)) {
        close(lock->fd);
        lock->fd = -1;
        lock->holds = false;
        *again = true;
        return RF_OK;
    }
    write_holder(lock->fd, purpose);
    return RF_OK;
}

rf_status rf_lock_take(const char *dir, const char *purpose, rf_lock **out) {
    *out = NULL;
    rf_lock *lock = rf_alloc(1, sizeof *lock);
    if (!lock) return RF_ERR_NOMEM;
    lock->fd = -1;
    lock->path = rf_path_join(*dir ? dir : ".", ".rf-lock");
    rf_status status = lock->path ? RF_OK : RF_ERR_NOMEM;
    bool again = true;
    for (int i = 0; status == RF_OK && again; i++) {
        if (i == TRIES) {
            status = rf_fail(RF_ERR_IO, "cannot lock '%s': it vanished %d times", lock->path, TRIES);
            break;
        }
        status = attempt(lock, dir, purpose, &again);
    }
    if (status == RF_OK)
        *out = lock;
    else
        rf_lock_release(lock);
    return status;
}

rf_status rf_lock_make(const char *dir, const char *purpose, rf_lock **out) {
    *out = NULL;
    RF_TRY(rf_dir_make(dir));
    return rf_lock_take(dir, purpose, out);
}

bool rf_lock_holds(const rf_lock *lock) {
    return lock->holds;
}

void rf_lock_release(rf_lock *lock) {
    if (!lock) return;
    if (lock->holds) unlink(lock->path); /* while it is held, so that nobody's file but ours goes */
    if (lock->fd >= 0) close(lock->fd);
    rf_free(lock->path);
    rf_free(lock);
}
