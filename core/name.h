/* Names that a user writes: found in a list, or the nearest told. */
#ifndef RF_CORE_NAME_H
#define RF_CORE_NAME_H

#include <stddef.h>

#include "core/status.h"

/* Nearest of n names to `word` by edit distance, or NULL when none is near (distance > 1 + length/3). */
const char *rf_nearest_name(const char *word, const char *const *names, size_t n);

/* Which of n names it is. -1 with RF_ERR_USER's message when it is none: what there is, and what may have been meant;
 * `what` says what the names are of ("backbone"). */
int rf_name_find(const char *what, const char *name, const char *const *names, size_t n);

#endif
