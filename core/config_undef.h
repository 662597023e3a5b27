/* SPDX-License-Identifier: Apache-2.0 */
/* Ends an expansion of core/config.def: forgets its macros. No include guard: it is included after each expansion. */
#undef RF_SECTION_BEGIN
#undef RF_KEY_INT
#undef RF_KEY_REAL
#undef RF_KEY_BOOL
#undef RF_KEY_TEXT
#undef RF_KEY_MORE
#undef RF_KEY_ENUM
#undef RF_KEY_KIND
#undef RF_WORDS
#undef RF_KEY_LIST
#undef RF_SECTION_END
