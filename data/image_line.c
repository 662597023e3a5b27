/* SPDX-License-Identifier: Apache-2.0 */
#include "data/image_line.h"

#include <string.h>

#include "data/image_name.h"

enum { WORD_BYTES = 47 };

static bool separates(char c, const char *others) {
    return c == ' ' || c == '\t' || (c && strchr(others, c));
}

size_t rf_line_image(const rf_line_reader *reader, const char *others) {
    for (size_t n = 1; n <= reader->length; n++) {
        bool end = n == reader->length || separates(reader->line[n], others);
        if (end && rf_image_suffix(reader->line, n)) return n;
    }
    return 0;
}

bool rf_word_number(const char **at, const char *end, const char *others, double *out) {
    char word[WORD_BYTES + 1];
    size_t n = 0;
    const char *p = *at;
    while (p + n < end && !separates(p[n], others)) n++;
    if (n == 0 || n > WORD_BYTES) return false;
    memcpy(word, p, n);
    word[n] = 0;
    for (p += n; p < end && separates(*p, others);) p++;
    *at = p;
    return rf_number_parse(word, out);
}
