/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/show.h"

static bool stdout_is_taken;

static FILE *stream(void) {
    return stdout_is_taken ? stderr : stdout;
}

static void print(FILE *to, const char *fmt, va_list args) {
    rf_text t = {0};
    char *text = NULL;
    rf_show_vprintf(&t, fmt, args);
    if (rf_text_finish(&t, &text, NULL) == RF_OK) fputs(text, to); /* without memory there is no line */
    rf_free(text);
}

void rf_say(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print(stream(), fmt, args);
    va_end(args);
}

void rf_note(const char *fmt, ...) {
    va_list args;
    if (!stdout_is_taken) fflush(stdout);
    va_start(args, fmt);
    print(stderr, fmt, args);
    va_end(args);
}

void rf_say_text(const char *text) {
    fputs(text, stream());
}

void rf_say_flush(void) {
    fflush(stream());
}

void rf_say_on_stderr(void) {
    fflush(stdout);
    stdout_is_taken = true;
}

bool rf_say_is_terminal(void) {
    return isatty(stdout_is_taken ? STDERR_FILENO : STDOUT_FILENO);
}

void rf_note_progress(size_t done, size_t total, const char *what) {
    if (!isatty(STDERR_FILENO)) return;
    rf_note("\r%zu of %zu %s", done, total, what);
    if (done == total) rf_note("\n");
}
