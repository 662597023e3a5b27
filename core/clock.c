/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

double rf_clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int64_t rf_clock_unix(void) {
    return (int64_t)time(NULL);
}

void rf_date_text(int64_t unix_seconds, char *out) {
    time_t seconds = (time_t)unix_seconds;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(out, RF_DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(out, RF_DATE_BYTES, "@%lld", (long long)unix_seconds);
}

void rf_duration_text(double seconds, char *out) {
    if (!(seconds >= 0 && seconds < 1e15)) {
        snprintf(out, RF_DATE_BYTES, "?");
        return;
    }
    long long s = (long long)(seconds + 0.5), minutes = (s + 30) / 60, hours = (s + 1800) / 3600;
    if (s < 60)
        snprintf(out, RF_DATE_BYTES, "%lld s", s);
    else if (s < 3600)
        snprintf(out, RF_DATE_BYTES, "%lld min %02lld s", s / 60, s % 60);
    else if (minutes < 24 * 60)
        snprintf(out, RF_DATE_BYTES, "%lld h %02lld min", minutes / 60, minutes % 60);
    else
        snprintf(out, RF_DATE_BYTES, "%lld d %02lld h", hours / 24, hours % 24);
}
