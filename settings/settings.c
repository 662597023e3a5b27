/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

static const void *const sections[] = {
#include "core/keys.h"
#define RF_SECTION_BEGIN(section, doc)
#define RF_SECTION_END(section) &rf_##section##_section,
#include "settings/sections.def"
#include "core/keys_end.h"
};
RF_REGISTRY_DEFINE(section, rf_section, sections, e->doc && e->keys && e->n_keys && e->bytes && !e->has_member,
                   .what = "section", .check = rf_config_check_section)

#define RF_PRESET(name) extern const rf_preset rf_preset_##name;
#include "detectors/parts.def"

static const rf_preset none = {"none", NULL, NULL, 0};

static const void *const presets[] = {
    &none,
#define RF_PRESET(name) &rf_preset_##name,
#include "detectors/parts.def"
};
RF_REGISTRY_DEFINE(preset, rf_preset, presets, e->doc && e->values && e->count, .what = "preset")

const size_t rf_config_bytes = sizeof(rf_config), rf_config_room_offset = offsetof(rf_config, room),
             rf_config_room_bytes = RF_SETTINGS_ROOM;

int rf_config_cell_anchors(const rf_config *config) {
    return config->anchors.sizes.n / config->model.strides.n * config->anchors.aspect.n *
           (config->anchors.dense ? 2 : 1);
}
