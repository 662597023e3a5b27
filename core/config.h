/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration: INI file + preset + overrides, typed and checked against the schema core/config.def. */
#ifndef RF_CORE_CONFIG_H
#define RF_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { RF_TEXT_BYTES = 256, RF_LIST_MAX = 32, RF_CHOICE_BYTES = 64, RF_CHOICES_MAX = 64 };

typedef struct rf_real_list {
    int n;
    double v[RF_LIST_MAX];
} rf_real_list;

/* A list of words, in core/config.def: #define WORDS(X) X(word, ENUMERATOR) X(word, ENUMERATOR) ...
 * A member of an enumeration is an int: the place of its word, which is the value of its enumerator, or the id in its
 * registry. Words stand in files, places in memory. */
#define RF_ENUMERATOR(word, name) name,
#define RF_WORD(word, name) #word,
/* The word of a place in a list. */
#define RF_WORD_OF(WORDS, i) ((const char *const[]){WORDS(RF_WORD)}[i])

#define RF_WORDS(type, WORDS) typedef enum type { WORDS(RF_ENUMERATOR) } type;
#define RF_SECTION_BEGIN(section, doc)
#define RF_KEY_INT(section, key, initial, lo, hi, doc)
#define RF_KEY_REAL(section, key, initial, lo, hi, doc)
#define RF_KEY_BOOL(section, key, initial, doc)
#define RF_KEY_TEXT(section, key, initial, doc)
#define RF_KEY_MORE(section, key, initial, doc)
#define RF_KEY_ENUM(section, key, initial, WORDS, doc)
#define RF_KEY_KIND(section, key, initial, words, doc)
#define RF_KEY_LIST(section, key, initial, lo, hi, doc)
#define RF_SECTION_END(section)
#include "core/config.def"
#include "core/config_undef.h"

typedef struct rf_config {
#define RF_WORDS(type, WORDS)
#define RF_SECTION_BEGIN(section, doc) struct {
#define RF_KEY_INT(section, key, initial, lo, hi, doc) long key;
#define RF_KEY_REAL(section, key, initial, lo, hi, doc) double key;
#define RF_KEY_BOOL(section, key, initial, doc) bool key;
#define RF_KEY_TEXT(section, key, initial, doc) char key[RF_TEXT_BYTES];
#define RF_KEY_MORE(section, key, initial, doc) char key[RF_TEXT_BYTES];
#define RF_KEY_ENUM(section, key, initial, WORDS, doc) int key;
#define RF_KEY_KIND(section, key, initial, words, doc) int key;
#define RF_KEY_LIST(section, key, initial, lo, hi, doc) rf_real_list key;
#define RF_SECTION_END(section)                                                                                        \
    }                                                                                                                  \
    section;
#include "core/config.def"
#include "core/config_undef.h"
} rf_config;

typedef enum rf_key_type {
    RF_TYPE_INT,
    RF_TYPE_REAL,
    RF_TYPE_BOOL,
    RF_TYPE_TEXT,
    RF_TYPE_ENUM,
    RF_TYPE_LIST
} rf_key_type;

typedef struct rf_key {
    rf_key_type type;
    const char *section, *name, *initial, *choices, *doc;
    double lo, hi;
    size_t offset; /* in rf_config */
    bool more;     /* it stands in a printed configuration only where it is not the default */
} rf_key;

extern const rf_key rf_keys[];
extern const size_t rf_key_count;
/* NULL when there is no such key. */
const rf_key *rf_config_find_key(const char *section, const char *name);
/* The i-th word that an enumeration takes, those of its registry that plugins add at the end; false: there are not so
 * many, or the key is no enumeration. */
bool rf_config_choice(const rf_key *key, int i, char word[RF_CHOICE_BYTES]);
/* Section documentation by name, NULL when there is no such section. */
const char *rf_section_doc(const char *section);

/* Defaults of the schema. */
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

/* docs/configuration.md generated from the schema and the presets (markdown); rf_free it. */
rf_status rf_config_reference(char **text);

/* Anchors of a cell: sizes of a level x aspects x (2 when dense). */
int rf_config_cell_anchors(const rf_config *config);

#endif
