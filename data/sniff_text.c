/* SPDX-License-Identifier: Apache-2.0 */
/* What sniffers look at: keys of JSON, the outermost element of XML. */
#include <string.h>

#include "core/json_walk.h"
#include "data/sniff.h"

enum { KEY_BYTES = 64 };

/* Bits of the members that an object has, from behind its brace. */
static unsigned read_keys(rf_json_walk *walk, const char *const *names) {
    char key[KEY_BYTES];
    unsigned bits = 0, all = 0;
    bool more;
    for (int i = 0; names[i]; i++) all |= 1u << i;
    while (bits != all && rf_walk_member(walk, key, sizeof key, &more) == RF_OK && more) {
        for (int i = 0; names[i]; i++)
            if (strcmp(key, names[i]) == 0) bits |= 1u << i;
        if (bits != all && rf_walk_skip(walk) != RF_OK) break;
    }
    return bits;
}

unsigned rf_sniff_keys(const char *text, size_t bytes, int inside, const char *const *names) {
    rf_json_walk walk = rf_walk_begin("", text, bytes);
    char kind = rf_walk_kind(&walk), key[KEY_BYTES];
    bool more = true;
    if ((kind != '{' && kind != '[') || (kind == '[' && !inside)) return 0;
    if (rf_walk_enter(&walk, kind) != RF_OK) return 0;
    if (!inside) return read_keys(&walk, names);
    for (;;) {
        rf_status status = kind == '{' ? rf_walk_member(&walk, key, sizeof key, &more) : rf_walk_item(&walk, &more);
        if (status != RF_OK || !more) return 0;
        if (rf_walk_kind(&walk) == '{') break;
        if (rf_walk_skip(&walk) != RF_OK) return 0;
    }
    return rf_walk_enter(&walk, '{') == RF_OK ? read_keys(&walk, names) : 0;
}

/* Behind the next `mark`, or NULL. */
static const char *behind(const char *at, const char *end, const char *mark) {
    size_t n = strlen(mark);
    for (; end - at >= (ptrdiff_t)n; at++)
        if (memcmp(at, mark, n) == 0) return at + n;
    return NULL;
}

bool rf_sniff_element(const char *text, size_t bytes, const char *name) {
    const char *at = text, *end = text + bytes;
    size_t n = strlen(name);
    if (bytes >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    for (;;) {
        while (at < end && strchr(" \t\r\n", *at) && *at) at++;
        if (end - at < 2 || *at != '<') return false;
        const char *stop = end - at >= 4 && memcmp(at, "<!--", 4) == 0 ? "-->" : ">";
        if (at[1] != '?' && at[1] != '!') break;
        at = behind(at, end, stop);
        if (!at) return false;
    }
    at++;
    return (size_t)(end - at) > n && memcmp(at, name, n) == 0 && strchr(" \t\r\n/>", at[n]) && at[n];
}
