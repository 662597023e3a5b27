/* SPDX-License-Identifier: Apache-2.0 */
/* All settings of a run, rf_config: one struct a section, whose members are called as its keys (config->optim.lr). It
 * is assembled of what the sections' owners declare (settings/sections.def). A section that a plugin registers has room
 * behind them and is read by rf_config_section (core/config.h). */
#ifndef RF_SETTINGS_SETTINGS_H
#define RF_SETTINGS_SETTINGS_H

#include "core/config.h"

#include "core/keys_words.h"
#include "settings/sections.def"
#include "core/keys_end.h"

#include "core/keys_members.h"
#include "settings/sections.def"
#include "core/keys_end.h"

enum { RF_SETTINGS_ROOM = 8192 }; /* bytes of registered sections */

struct rf_config {
#include "core/keys.h"
#define RF_SECTION_BEGIN(section, doc)
#define RF_SECTION_END(section) rf_settings_##section section;
#include "settings/sections.def"
#include "core/keys_end.h"
    _Alignas(16) unsigned char room[RF_SETTINGS_ROOM];
};

/* Defines rf_SECTION_section of what core/keys_rows.h made of a section of settings/sections.def; then its functions.
 */
#define RF_SECTION_DEFINE(section, ...)                                                                                \
    const rf_section rf_##section##_section =                                                                          \
        RF_SECTION_OF(section, .has_member = true, .offset = offsetof(rf_config, section), __VA_ARGS__)

#include "core/keys.h"
#define RF_SECTION_BEGIN(section, doc)
#define RF_SECTION_END(section) extern const rf_section rf_##section##_section;
#include "settings/sections.def"
#include "core/keys_end.h"

/* Anchors of a cell: sizes of a level x aspects x (2 when dense). */
int rf_config_cell_anchors(const rf_config *config);

#endif
