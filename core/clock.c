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
