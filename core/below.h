/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come from data (annotations, metrics, folders of others) on their way to files of an output folder. Every
 * writer of such a file joins its path here, and nowhere else (scripts/check_layers.sh): what data say cannot lead out
 * of the folder that the user named. */
#ifndef RF_CORE_BELOW_H
#define RF_CORE_BELOW_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* The path that a file called `name` has below `dir` (rf_free it): "./" and doubled slashes are dropped, a backslash,
 * which is a separator elsewhere, becomes "_". RF_ERR_USER for a name that is empty, absolute, ends in a slash or has
 * "..". Looks at no file. */
rf_status rf_below_path(const char *dir, const char *name, char **path);

/* The same, ready to be written: makes dir and the folders above the file. RF_ERR_USER when a symbolic link below dir
 * leads out of it (dir itself may be one), RF_ERR_IO. */
rf_status rf_below_make(const char *dir, const char *name, char **path);

/* A text as the name of one file (rf_free it, NULL: out of memory): slashes, backslashes and control characters become
 * "_", a first "." too, and an empty text "_". */
char *rf_below_leaf(const char *text);

/* Hands out names of which no two are equal. */
typedef struct rf_distinct rf_distinct;
/* NULL: out of memory. Not shared between threads. */
rf_distinct *rf_distinct_new(void);
void rf_distinct_free(rf_distinct *names);

/* A name that was handed out before gets "-2", "-3" and so on before its suffix: a.jpg, a-2.jpg, in the order of the
 * calls. *name: rf_free it. *twin (NULL allowed): an earlier name that differs only in the case of its (ASCII) letters,
 * which is one file where the file system ignores case; NULL when there is none; valid until rf_distinct_free. */
rf_status rf_distinct_take(rf_distinct *names, const char *wanted, char **name, const char **twin);

#endif
