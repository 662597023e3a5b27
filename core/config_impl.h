/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of core/config_*.c that they share with each other and with nobody else. */
#ifndef RF_CORE_CONFIG_IMPL_H
#define RF_CORE_CONFIG_IMPL_H

#include "core/config.h"
#include "core/text.h"

/* "key = value" as it stands in a file (line >= 1) or in an override (line 0). */
typedef struct rf_config_entry {
    char *section, *key, *value;
    int line;
    bool weak; /* an override that only stands in for what nobody set */
} rf_config_entry;

typedef struct rf_config_entries {
    rf_config_entry *items;
    size_t count, capacity;
} rf_config_entries;

/* Appends copies of the three texts. */
rf_status rf_config_entries_add(rf_config_entries *entries, const char *section, const char *key, const char *value,
                                int line);
void rf_config_entries_free(rf_config_entries *entries);

/* Appends the entries of an INI text; `name` stands for the file in messages. */
rf_status rf_config_read_ini(const char *name, const char *text, rf_config_entries *entries);

/* Parses `value` and stores it; `place` ("file:line") starts the message when it is wrong. */
rf_status rf_config_set(rf_config *config, const rf_key *key, const char *value, const char *place);
/* The same to the key's member itself. */
rf_status rf_config_set_value(void *member, const rf_key *key, const char *value, const char *place);
/* Prints the value of a key as rf_config_set reads it. RF_ERR_USER when a text cannot be written in an INI file. */
rf_status rf_config_put_value(rf_text *out, const rf_config *config, const rf_key *key);

/* The default of a key as it is printed; rf_free it. */
rf_status rf_config_default_text(const rf_key *key, char **text);

/* Whether a key has its default. */
rf_status rf_config_is_default(const rf_config *config, const rf_key *key, bool *is);

/* What the sections settle and check. */
void rf_config_settle(rf_config *config);
rf_status rf_config_check(const char *place, const rf_config *config);

#endif
