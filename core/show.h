/* SPDX-License-Identifier: Apache-2.0 */
/* Text that somebody else wrote (names of files, values, lines of annotations) on its way to a terminal or a log. */
#ifndef RF_CORE_SHOW_H
#define RF_CORE_SHOW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

/* Bytes of the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), 0 when there is
 * none. The text's final NUL stops a cut character, since it is no continuation byte. */
size_t rf_utf8_length(const char *s);
/* The number of that character; n is its length. */
uint32_t rf_utf8_code(const char *s, size_t n);

/* Whether a character steers a terminal or a reader's eye instead of being read: C0, DEL, C1, separators of lines and
 * paragraphs, marks that turn the direction of writing, those that take no room (but not the joiners that Persian and
 * emoji need), and what is no character in XML. */
bool rf_show_hides(uint32_t code);

/* Copies text so that it cannot move the cursor, end a line or hide what it says: hidden characters and bytes that are
 * not UTF-8 become \x1b, a byte each. Everything else stays, backslashes too, so that applying it twice changes
 * nothing. What does not fit into `bytes` is left out by whole characters; returns the length. */
size_t rf_show_into(char *out, size_t bytes, const char *text);
void rf_show_put(rf_text *t, const char *text);
/* Lines and all else as they are, but bytes that are not UTF-8 as \xff, for formats that take nothing else. */
void rf_show_put_utf8(rf_text *t, const char *text);

/* printf's format with every %s and %c passed through rf_show_put, the format's own text left as it is. Understands
 * flags, width, precision (numbers or *), hh h l ll z j t L, and d i u x X o c s p f F e E g G a A %. */
void rf_show_vprintf(rf_text *t, const char *fmt, va_list args);

#endif
