/* SPDX-License-Identifier: Apache-2.0 */
/* Begins an expansion of core/keys.h to the table SECTION_keys and the text SECTION_doc, of which RF_SECTION_OF makes
 * the rf_section. Names of registries are known by then. No include guard. */
#define RF_WORDS(type, WORDS)
#define RF_SECTION_BEGIN(section, doc)                                                                                 \
    static const char section##_doc[] = doc;                                                                           \
    static const rf_key section##_keys[] = {
#define RF_KEY_ROW(type, section, key, initial, doc, words, word, lo, hi, flags)                                       \
    {type, #section, #key, initial, doc, words, word, lo, hi, offsetof(rf_settings_##section, key), flags},
#define RF_WORD_LIST(WORDS)                                                                                            \
    (const char *const[]) {                                                                                            \
        WORDS(RF_WORD) NULL                                                                                            \
    }
#define RF_KEY_INT(section, key, initial, lo, hi, doc)                                                                 \
    RF_KEY_ROW(RF_TYPE_INT, section, key, #initial, doc, NULL, NULL, lo, hi, 0)
#define RF_KEY_REAL(section, key, initial, lo, hi, doc)                                                                \
    RF_KEY_ROW(RF_TYPE_REAL, section, key, #initial, doc, NULL, NULL, lo, hi, 0)
#define RF_KEY_BOOL(section, key, initial, doc)                                                                        \
    RF_KEY_ROW(RF_TYPE_BOOL, section, key, #initial, doc, NULL, NULL, 0, 1, 0)
#define RF_KEY_TEXT(section, key, initial, doc)                                                                        \
    RF_KEY_ROW(RF_TYPE_TEXT, section, key, initial, doc, NULL, NULL, 0, 0, 0)
#define RF_KEY_LIST(section, key, initial, lo, hi, doc)                                                                \
    RF_KEY_ROW(RF_TYPE_LIST, section, key, initial, doc, NULL, NULL, lo, hi, 0)
#define RF_KEY_ENUM(section, key, initial, WORDS, doc)                                                                 \
    RF_KEY_ROW(RF_TYPE_ENUM, section, key, initial, doc, RF_WORD_LIST(WORDS), NULL, 0, 0, 0)
#define RF_KEY_KIND(section, key, initial, kind, doc)                                                                  \
    RF_KEY_ROW(RF_TYPE_ENUM, section, key, initial, doc, NULL, rf_##kind##_name, 0, 0, 0)
#define RF_KEY_PRESET(section, key, initial, kind, doc)                                                                \
    RF_KEY_ROW(RF_TYPE_ENUM, section, key, initial, doc, NULL, rf_##kind##_name, 0, 0, RF_KEY_IS_PRESET)
#define RF_KEY_MORE(section, key, initial, doc)                                                                        \
    RF_KEY_ROW(RF_TYPE_TEXT, section, key, initial, doc, NULL, NULL, 0, 0, RF_KEY_IS_MORE)
#define RF_KEY_MORE_ENUM(section, key, initial, WORDS, doc)                                                            \
    RF_KEY_ROW(RF_TYPE_ENUM, section, key, initial, doc, RF_WORD_LIST(WORDS), NULL, 0, 0, RF_KEY_IS_MORE)
#define RF_KEY_MORE_KIND(section, key, initial, kind, doc)                                                             \
    RF_KEY_ROW(RF_TYPE_ENUM, section, key, initial, doc, NULL, rf_##kind##_name, 0, 0, RF_KEY_IS_MORE)
#define RF_SECTION_END(section)                                                                                        \
    }                                                                                                                  \
    ;
