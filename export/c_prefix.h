/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the generated C source that a linker or another header sees, under a prefix of the user's own, so that
 * several models go into one program. */
#ifndef RF_EXPORT_C_PREFIX_H
#define RF_EXPORT_C_PREFIX_H

#include "core/status.h"

/* Whether a text can stand in front of names: a letter, then letters, digits and underscores, at most 32.
 * RF_ERR_USER with the reason. NULL: rf, the prefix that the texts have. */
rf_status rf_c_prefix_check(const char *prefix);

/* Replaces *text (rf_alloc'ed) by one in which rf_face, rf_open ... are PREFIX_face, PREFIX_open ..., RF_ERR_SIZE ...
 * PREFIX_ERR_SIZE in capitals. What the compiler is told with -DRF_... and comments on rf itself stay. */
rf_status rf_c_prefix_apply(const char *prefix, char **text);

#endif
