#define _GNU_SOURCE
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

static rf_status cannot(const char *path) {
    return rf_fail(RF_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
}

static rf_status write_all(int file, const char *path, const char *text, size_t bytes) {
    while (bytes) {
        ssize_t n = write(file, text, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot(path);
        text += n;
        bytes -= (size_t)n;
    }
    return RF_OK;
}

rf_status rf_output_write(const char *path, const char *text) {
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) {
        char *target = realpath(path, NULL); /* the file behind a link, so that the link is not replaced */
        rf_status status = rf_file_write_atomic(target ? target : path, text, strlen(text));
        free(target);
        return status;
    }
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return cannot(path);
    rf_status status = write_all(file, path, text, strlen(text));
    if (close(file) != 0 && status == RF_OK) status = cannot(path);
    return status;
}

rf_status rf_output_open(const char *path, rf_output_lines *out) {
    *out = (rf_output_lines){.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (out->file < 0) return cannot(path);
    out->path = path;
    return RF_OK;
}

rf_status rf_output_line(rf_output_lines *out, const char *line) {
    size_t length = strlen(line);
    rf_status status = write_all(out->file, out->path, line, length);
    if (status == RF_OK) status = write_all(out->file, out->path, "\n", 1);
    if (status == RF_OK)
        out->bytes += length + 1;
    else if (ftruncate(out->file, (off_t)out->bytes) == 0) /* a device refuses */
        lseek(out->file, 0, SEEK_END);
    return status;
}

void rf_output_close(rf_output_lines *out) {
    if (out->path) close(out->file);
    *out = (rf_output_lines){0};
}

bool rf_output_is_input(const char *output, const char *input) {
    struct stat a, b;
    return stat(output, &a) == 0 && stat(input, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
