/* SPDX-License-Identifier: Apache-2.0 */
/* Ends an expansion of core/keys.h: forgets its macros. No include guard. */
#undef RF_WORDS
#undef RF_SECTION_BEGIN
#undef RF_SECTION_END
#undef RF_KEY_ROW
#undef RF_WORD_LIST
#undef RF_KEY_INT
#undef RF_KEY_REAL
#undef RF_KEY_BOOL
#undef RF_KEY_TEXT
#undef RF_KEY_LIST
#undef RF_KEY_ENUM
#undef RF_KEY_KIND
#undef RF_KEY_PRESET
#undef RF_KEY_MORE
#undef RF_KEY_MORE_ENUM
#undef RF_KEY_MORE_KIND
