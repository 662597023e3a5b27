/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/backbone.h"

#include "core/name.h"

#define RF_BACKBONE(name) extern const rf_backbone rf_backbone_##name;
#include "layers/backbones.def"
#undef RF_BACKBONE

const rf_backbone *const rf_backbones[RF_BACKBONE_COUNT] = {
#define RF_BACKBONE(name) &rf_backbone_##name,
#include "layers/backbones.def"
#undef RF_BACKBONE
};

const rf_backbone *rf_backbone_find(const char *name) {
    const char *names[RF_BACKBONE_COUNT];
    for (int i = 0; i < RF_BACKBONE_COUNT; i++) names[i] = rf_backbones[i]->name;
    int at = rf_name_find("backbone", name, names, RF_BACKBONE_COUNT);
    return at < 0 ? NULL : rf_backbones[at];
}
