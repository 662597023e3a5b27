/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/backbone.h"

#define RF_BACKBONE(name) extern const rf_backbone rf_backbone_##name;
#include "layers/backbones.def"
#undef RF_BACKBONE

static const void *const backbones[] = {
#define RF_BACKBONE(name) &rf_backbone_##name,
#include "layers/backbones.def"
#undef RF_BACKBONE
};

RF_REGISTRY_DEFINE(backbone, rf_backbone, backbones, e->build && e->doc, .what = "backbone")
