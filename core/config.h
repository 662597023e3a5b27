/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration: INI file + preset + overrides, typed and checked against its sections. Nothing here knows a key: a
 * section is declared, with its keys (core/keys.h), its checks and its struct, by the module that reads it, or by a
 * plugin. Which there are, and struct rf_config, which has a member for each, are settings/settings.h. */
#ifndef RF_CORE_CONFIG_H
#define RF_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/registry.h"
#include "core/status.h"

enum { RF_TEXT_BYTES = 256, RF_LIST_MAX = 32 };

typedef struct rf_real_list {
    int n;
    double v[RF_LIST_MAX];
} rf_real_list;

/* A member of an enumeration is an int: the place of its word in a list, which is the value of its enumerator, or the
 * id in its registry. Words stand in files, places in memory. */
#define RF_ENUMERATOR(word, name) name,
#define RF_WORD(word, name) #word,
/* The word of a place in a list. */
#define RF_WORD_OF(WORDS, i) ((const char *const[]){WORDS(RF_WORD)}[i])

/* All settings: a plain value, which can be copied. */
typedef struct rf_config rf_config;

typedef enum rf_key_type {
    RF_TYPE_INT,
    RF_TYPE_REAL,
    RF_TYPE_BOOL,
    RF_TYPE_TEXT,
    RF_TYPE_ENUM,
    RF_TYPE_LIST
} rf_key_type;

enum {
    RF_KEY_IS_MORE = 1,   /* it stands in a printed configuration only where it is not the default */
    RF_KEY_IS_PRESET = 2, /* an enumeration of presets */
};

typedef struct rf_key {
    rf_key_type type;
    const char *section, *name, *initial, *doc;
    const char *const *words;    /* of an enumeration: its words, NULL after the last */
    const char *(*word)(int id); /* or those of a registry, NULL after the last */
    double lo, hi;
    size_t offset; /* in the section's struct */
    unsigned flags;
} rf_key;

typedef struct rf_section {
    const char *name, *doc;
    const rf_key *keys;
    size_t n_keys, bytes; /* of its struct */
    bool has_member;      /* in rf_config, at `offset`; otherwise there is room for it behind the members */
    size_t offset;
    /* Each may be NULL. What follows from settings of other sections, before anything is checked. */
    void (*settle)(rf_config *config);
    /* What no single key can tell: lengths, orders and values that must fit together. RF_ERR_USER; `place` (the file's
     * name) starts the message. */
    rf_status (*check)(const char *place, const rf_config *config);
    /* Whether this configuration has a use for the section. If not it is not printed, and what it sets is refused. */
    bool (*is_used)(const rf_config *config);
} rf_section;

/* The members of an rf_section of what core/keys_rows.h made. */
#define RF_SECTION_OF(section, ...)                                                                                    \
    {                                                                                                                  \
        .name = #section, .doc = section##_doc, .keys = section##_keys,                                                \
        .n_keys = sizeof section##_keys / sizeof *section##_keys, .bytes = sizeof(rf_settings_##section), __VA_ARGS__  \
    }

/* The registry of sections: those of settings/sections.def in the order they are printed, then what is registered, of
 * which a configuration prints those that it uses (is_used) or, where they do not tell, that have other values than the
 * defaults. RF_ERR_USER also when a default is no value of its key, and when there is no room for the section's struct
 * in rf_config. */
RF_REGISTRY_DECLARE(section, rf_section)

/* The struct of a section, borrowed from the configuration; of one that is not registered NULL. */
const void *rf_config_section(const rf_config *config, const rf_section *section);

/* The keys of all sections, in the order they are printed: i in 0..rf_config_key_count()-1. */
size_t rf_config_key_count(void);
const rf_key *rf_config_key(size_t i);
/* NULL when there is no such key. */
const rf_key *rf_config_find_key(const char *section, const char *name);
/* The i-th word that an enumeration takes, those that plugins add at the end; NULL: there are not so many, or the key
 * is no enumeration. */
const char *rf_config_word(const rf_key *key, int i);
/* Section documentation by name, NULL when there is no such section. */
const char *rf_section_doc(const char *section);
/* Where a key's value is in a configuration. */
void *rf_config_member(rf_config *config, const rf_key *key);

/* A preset: values of other keys that go together, as texts, which are checked like a file's. */
typedef struct rf_preset_value {
    const char *section, *key, *value;
} rf_preset_value;

typedef struct rf_preset {
    const char *name, *doc;
    const rf_preset_value *values;
    size_t count;
} rf_preset;

#define RF_PRESET_DEFINE(name, doc) const rf_preset rf_preset_##name = {#name, doc, name, sizeof name / sizeof *name}

/* The registry of presets: detectors/parts.def and what is registered. */
RF_REGISTRY_DECLARE(preset, rf_preset)

/* What the registry of sections asks of one. */
rf_status rf_config_check_section(const void *section);

/* Defaults of the sections. */
void rf_config_defaults(rf_config *config);

/* Reads a file (NULL: defaults only) and then `--set section.key=value` texts, in order. A preset named in the file or
 * in an override is applied first, whatever its place. Unknown sections or keys, wrong types and values out of range
 * are RF_ERR_USER naming file:line, what was expected and the nearest known name. An override "?section.key=value" is a
 * program's own default: it stands only where neither the file nor another override sets the key (a preset does not
 * count, nor does a default that a checkpoint's resolved configuration spells out). */
rf_status rf_config_load(const char *path, const char *const *overrides, size_t n_overrides, rf_config *config);
/* The same from text; `name` stands for the file in messages. */
rf_status rf_config_parse(const char *name, const char *text, const char *const *overrides, size_t n_overrides,
                          rf_config *config);

/* The resolved configuration as an INI text that rf_config_parse reads back to the same values; rf_free it. */
rf_status rf_config_text(const rf_config *config, char **text);

/* The value of one key as it stands in that text; rf_free it. */
rf_status rf_config_value_text(const rf_config *config, const rf_key *key, char **text);

/* Whether a text can be the value of a key: short enough, and such that an INI file can hold it. */
bool rf_config_holds_text(const char *value);

/* docs/configuration.md generated from the sections and the presets (markdown); rf_free it. */
rf_status rf_config_reference(char **text);

/* For checks of sections. RF_ERR_USER: a list has not `expected` numbers, has none, or does not ascend; `key` is the
 * name of the list, "model.strides". */
rf_status rf_config_check_length(const char *place, const char *key, const rf_real_list *list, int expected);
rf_status rf_config_check_filled(const char *place, const char *key, const rf_real_list *list);
rf_status rf_config_check_ascending(const char *place, const char *key, const rf_real_list *list);

/* What settings/settings.c says of struct rf_config: its size, and the room in it for the structs of sections that are
 * registered. */
extern const size_t rf_config_bytes, rf_config_room_offset, rf_config_room_bytes;

#endif
