/* SPDX-License-Identifier: Apache-2.0 */
/* Begins an expansion of core/keys.h to the enumerations of the words. No include guard. */
#include "core/keys.h"
#undef RF_WORDS
#define RF_WORDS(type, WORDS) typedef enum type { WORDS(RF_ENUMERATOR) } type;
#define RF_SECTION_BEGIN(section, doc)
#define RF_SECTION_END(section)
