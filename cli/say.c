/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/show.h"

static bool stdout_is_taken;
static char progress[256]; /* what stands at the bottom of the terminal; "": nothing */

static FILE *stream(void) {
    return stdout_is_taken ? stderr : stdout;
}

static void print(FILE *to, const char *fmt, va_list args) {
    rf_text t = {0};
    char *text = NULL;
    if (*progress) fputs("\r\033[K", stderr);
    rf_show_vprintf(&t, fmt, args);
    if (rf_text_finish(&t, &text, NULL) == RF_OK) fputs(text, to); /* without memory there is no line */
    rf_free(text);
    if (!*progress) return;
    fflush(to);
    fputs(progress, stderr);
}

void rf_status_clear(void) {
    if (*progress) fputs("\r\033[K", stderr);
    *progress = 0;
}

static void put_time(char *text, size_t bytes, double seconds) {
    long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;
    if (s < 3600)
        snprintf(text, bytes, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, bytes, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void rf_status_progress(size_t done, size_t total, double share, double seconds) {
    static double shown = -1;
    char of[32] = "", left[96] = "", time[72];
    if (!isatty(STDERR_FILENO) || (shown >= 0 && seconds - shown < 0.1)) return;
    shown = seconds;
    if (total) snprintf(of, sizeof of, " of %zu", total);
    if (share > 0 && share <= 1 && seconds > 1) {
        put_time(time, sizeof time, seconds * (1 - share) / share);
        snprintf(left, sizeof left, ", %.0f %%, %s left", 100 * share, time);
    }
    rf_status_clear();
    snprintf(progress, sizeof progress, "%zu%s, %.1f a second%s", done, of, seconds > 0 ? (double)done / seconds : 0.0,
             left);
    fputs(progress, stderr);
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
