/* SPDX-License-Identifier: Apache-2.0 */
#include <ini.h>
#include <pthread.h>
#include <string.h>

#include "core/config_impl.h"
#include "core/mem.h"

enum { LINE_BYTES = 4096 };

rf_status rf_config_entries_add(rf_config_entries *entries, const char *section, const char *key, const char *value,
                                int line) {
    if (entries->count == entries->capacity) {
        size_t grown = entries->capacity ? entries->capacity * 2 : 64;
        rf_config_entry *items = rf_realloc(entries->items, entries->capacity, grown, sizeof *items);
        if (!items) return RF_ERR_NOMEM;
        entries->items = items;
        entries->capacity = grown;
    }
    rf_config_entry *entry = &entries->items[entries->count++];
    *entry = (rf_config_entry){rf_strdup(section), rf_strdup(key), rf_strdup(value), line, false};
    return entry->section && entry->key && entry->value ? RF_OK : RF_ERR_NOMEM;
}

void rf_config_entries_free(rf_config_entries *entries) {
    for (size_t i = 0; i < entries->count; i++) {
        rf_free(entries->items[i].section);
        rf_free(entries->items[i].key);
        rf_free(entries->items[i].value);
    }
    rf_free(entries->items);
    *entries = (rf_config_entries){0};
}

typedef struct reader {
    const char *name, *next;
    int line, long_line; /* the current line from 1; the first one that is too long, 0 = none */
    rf_config_entries *entries;
    rf_status status;
} reader;

/* fgets on a text. inih calls it once a line, which is how the handler knows the line. */
static char *read_line(char *line, int size, void *stream) {
    reader *r = stream;
    if (!*r->next) return NULL;
    size_t length = strcspn(r->next, "\n");
    r->line++;
    size_t kept = length + 2 <= (size_t)size ? length : 0;
    if (kept != length && !r->long_line) r->long_line = r->line;
    memcpy(line, r->next, kept);
    line[kept] = 0;
    r->next += length;
    r->next += *r->next == '\n';
    return line;
}

static int on_entry(void *user, const char *section, const char *key, const char *value) {
    reader *r = user;
    if (r->status == RF_OK) r->status = rf_config_entries_add(r->entries, section, key, value, r->line);
    return 1;
}

/* Debian's inih takes these at run time; the defaults would cut lines at 200 bytes and join indented lines. */
static void configure_parser(void) {
    ini_max_line = LINE_BYTES;
    ini_allow_multiline = false;
}

rf_status rf_config_read_ini(const char *name, const char *text, rf_config_entries *entries) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_parser);
    reader r = {.name = name, .next = text, .entries = entries};
    int wrong_line = ini_parse_stream(read_line, &r, on_entry, &r);
    if (r.status != RF_OK) return r.status;
    if (r.long_line)
        return rf_fail(RF_ERR_USER, "%s:%d: the line is too long, expected at most %d bytes", name, r.long_line,
                       LINE_BYTES - 2);
    if (wrong_line > 0)
        return rf_fail(RF_ERR_USER, "%s:%d: expected 'key = value', '[section]' or a comment after '#' or ';'", name,
                       wrong_line);
    if (wrong_line < 0) return rf_fail(RF_ERR_NOMEM, "%s: out of memory while reading", name);
    return RF_OK;
}
