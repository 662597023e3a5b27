/* SPDX-License-Identifier: Apache-2.0 */
/* Time: a clock for measuring and dates for logs. Never a source of results. */
#ifndef RF_CORE_CLOCK_H
#define RF_CORE_CLOCK_H

#include <stdint.h>

enum { RF_DATE_BYTES = 32 };

/* Seconds since an arbitrary start; never runs backwards. Thread safe. */
double rf_clock_seconds(void);

/* Seconds since 1970-01-01 UTC. */
int64_t rf_clock_unix(void);

/* "42 s", "3 min 05 s", "1 h 05 min", "2 d 03 h" into out[RF_DATE_BYTES]; "?" for what is no time. Thread safe. */
void rf_duration_text(double seconds, char *out);

/* "2024-02-29T12:00:00Z" (ISO 8601, UTC) into out[RF_DATE_BYTES]. Thread safe. */
void rf_date_text(int64_t unix_seconds, char *out);

#endif
