/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a section stand in a .def file beside the code that reads them, which is expanded several times: to its
 * enumerations, to its struct rf_settings_SECTION and to the table that it is parsed and documented by. A section
 * begins with RF_SECTION_BEGIN(section, doc) and ends with RF_SECTION_END(section); between them stand RF_KEY_INT
 * (section, key, default, min, max, doc)      long RF_KEY_REAL(section, key, default, min, max, doc)      double
 *   RF_KEY_BOOL(section, key, default, doc)                bool            yes/no, true/false, on/off, 1/0
 *   RF_KEY_TEXT(section, key, default, doc)                char[256]
 *   RF_KEY_LIST(section, key, default, min, max, doc)      rf_real_list    comma-separated numbers, at most 32
 *   RF_WORDS(type, WORDS)                                  an enumeration of what a list names
 *   RF_KEY_ENUM(section, key, default, WORDS, doc)         int             a word of the list, as its enumerator
 *   RF_KEY_KIND(section, key, default, kind, doc)          int             a name of a registry, as its id: what
 *                                                          rf_KIND_at takes (core/registry.h)
 *   RF_KEY_PRESET(section, key, default, kind, doc)        the same of presets, whose values are applied before all
 * else and, printed only where they are not the default, so that older configurations, cards and checkpoints keep their
 * bytes, RF_KEY_MORE(section, key, default, doc)                char[256] RF_KEY_MORE_ENUM, RF_KEY_MORE_KIND as without
 * MORE A list of words stands before the key: #define WORDS(X) X(word, ENUMERATOR) X(word, ENUMERATOR) ...
 *
 * An expansion defines RF_SECTION_BEGIN and RF_SECTION_END, or includes one of core/keys_words.h, core/keys_members.h
 * and core/keys_rows.h, then the .def file, then core/keys_end.h. This header makes nothing of words and keys: it is
 * the beginning of an expansion that wants the sections alone. */
/* No include guard: it is included before each expansion. */
#define RF_WORDS(type, WORDS)
#define RF_KEY_INT(section, key, initial, lo, hi, doc)
#define RF_KEY_REAL(section, key, initial, lo, hi, doc)
#define RF_KEY_BOOL(section, key, initial, doc)
#define RF_KEY_TEXT(section, key, initial, doc)
#define RF_KEY_LIST(section, key, initial, lo, hi, doc)
#define RF_KEY_ENUM(section, key, initial, WORDS, doc)
#define RF_KEY_KIND(section, key, initial, kind, doc)
#define RF_KEY_PRESET(section, key, initial, kind, doc)
#define RF_KEY_MORE(section, key, initial, doc)
#define RF_KEY_MORE_ENUM(section, key, initial, WORDS, doc)
#define RF_KEY_MORE_KIND(section, key, initial, kind, doc)
