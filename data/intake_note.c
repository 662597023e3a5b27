/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of the readers: what was left out of an annotation, and how something was taken. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "data/intake.h"

static rf_status add_note(rf_intake *intake, rf_intake_note note, const char *text) {
    size_t n = intake->n_notes;
    if (n == 0 || (n >= 16 && (n & (n - 1)) == 0)) { /* grows by doubling */
        rf_intake_note *grown = rf_realloc(intake->notes, n, n ? 2 * n : 16, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        intake->notes = grown;
    }
    note.file = intake->n_files ? intake->n_files - 1 : 0;
    note.text = rf_strdup(text);
    if (!note.text) return RF_ERR_NOMEM;
    intake->notes[intake->n_notes++] = note;
    return RF_OK;
}

rf_status rf_intake_tell(rf_intake *intake, rf_convert_reason reason, size_t n, int line, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return add_note(intake, (rf_intake_note){.reason = reason, .n = n, .line = line}, text);
}

/* A message without the "file:line: " at its front, whose line goes to *line. */
static const char *without_place(const rf_intake *intake, const char *message, int *line) {
    const char *file = intake->n_files ? intake->files[intake->n_files - 1] : "";
    size_t n = strlen(file);
    if (n == 0 || strncmp(message, file, n) != 0 || message[n] != ':') return message;
    char *stop;
    long number = strtol(message + n + 1, &stop, 10);
    if (stop == message + n + 1) return message + n + (message[n + 1] == ' ' ? 2 : 1);
    if (number > 0) *line = (int)number;
    return *stop == ':' && stop[1] == ' ' ? stop + 2 : message;
}

rf_status rf_intake_skip(rf_intake *intake, rf_status status, rf_convert_reason reason, long long image, int line) {
    char text[1024];
    if (status != RF_ERR_FORMAT) return status;
    snprintf(text, sizeof text, "%s", without_place(intake, rf_error_message(), &line));
    if (image >= 0 && (size_t)image < intake->n_images) intake->images[image].lost++;
    return add_note(intake, (rf_intake_note){.reason = reason, .n = 1, .line = line}, text);
}

void rf_intake_rewind(rf_intake *intake, size_t n_images, size_t n_faces) {
    while (intake->n_images > n_images) rf_intake_clear_image(&intake->images[--intake->n_images]);
    intake->n_faces = n_faces;
}
