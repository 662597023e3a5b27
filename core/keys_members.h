/* SPDX-License-Identifier: Apache-2.0 */
/* Begins an expansion of core/keys.h to struct rf_settings_SECTION, whose members are called as the keys. No include
 * guard. */
#define RF_WORDS(type, WORDS)
#define RF_SECTION_BEGIN(section, doc) typedef struct rf_settings_##section {
#define RF_KEY_INT(section, key, initial, lo, hi, doc) long key;
#define RF_KEY_REAL(section, key, initial, lo, hi, doc) double key;
#define RF_KEY_BOOL(section, key, initial, doc) bool key;
#define RF_KEY_TEXT(section, key, initial, doc) char key[RF_TEXT_BYTES];
#define RF_KEY_LIST(section, key, initial, lo, hi, doc) rf_real_list key;
#define RF_KEY_ENUM(section, key, initial, WORDS, doc) int key;
#define RF_KEY_KIND(section, key, initial, kind, doc) int key;
#define RF_KEY_PRESET(section, key, initial, kind, doc) int key;
#define RF_KEY_MORE(section, key, initial, doc) char key[RF_TEXT_BYTES];
#define RF_KEY_MORE_ENUM(section, key, initial, WORDS, doc) int key;
#define RF_KEY_MORE_KIND(section, key, initial, kind, doc) int key;
#define RF_SECTION_END(section)                                                                                        \
    }                                                                                                                  \
    rf_settings_##section;
