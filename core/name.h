/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a user writes: found in a list, or the nearest told. */
#ifndef RF_CORE_NAME_H
#define RF_CORE_NAME_H

#include <stddef.h>

#include "core/status.h"

/* The one of n names that `word` is the beginning of, or the nearest by letters changed, added, dropped or exchanged;
 * NULL when none is near: more than one letter of up to five, more than a third of a longer word or more than three. */
const char *rf_nearest_name(const char *word, const char *const *names, size_t n);

/* Which of n names it is. -1 with RF_ERR_USER's message when it is none: what there is, and what may have been meant;
 * `what` says what the names are of ("backbone"). */
int rf_name_find(const char *what, const char *name, const char *const *names, size_t n);

#endif
