#include "layers/backbone.h"

#include <string.h>

#include "core/config.h"

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
    for (int i = 0; i < RF_BACKBONE_COUNT; i++) {
        names[i] = rf_backbones[i]->name;
        if (strcmp(names[i], name) == 0) return rf_backbones[i];
    }
    const char *nearest = rf_nearest_name(name, names, RF_BACKBONE_COUNT);
    rf_fail(RF_ERR_USER, "model.backbone = %s: there is no such backbone; %s%s", name,
            nearest ? "the nearest is " : "try ", nearest ? nearest : names[0]);
    return NULL;
}
