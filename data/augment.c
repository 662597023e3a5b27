/* SPDX-License-Identifier: Apache-2.0 */
#include "data/augment.h"

#define RF_AUGMENT(name) extern const rf_augment rf_augment_##name;
#include "data/augments.def"
#undef RF_AUGMENT

const rf_augment *const rf_augments[RF_AUGMENT_COUNT] = {
#define RF_AUGMENT(name) &rf_augment_##name,
#include "data/augments.def"
#undef RF_AUGMENT
};

void rf_augment_plan(const rf_config *config, rf_rng *rng, rf_picture *picture) {
    picture->region = (rf_region){0, 0, picture->width, picture->height};
    picture->denom = 1;
    for (int i = 0; i < RF_AUGMENT_COUNT; i++) {
        picture->draws[i] = (rf_draws){{0}};
        if (rf_augments[i]->draw) rf_augments[i]->draw(config, rng, picture, picture->draws[i].v);
    }
}

int rf_augment_denom(const rf_config *config, const rf_picture *picture) {
    double side = picture->region.width < picture->region.height ? picture->region.width : picture->region.height;
    int denom = 8;
    while (denom > 1 && side / denom < (double)config->input.size) denom /= 2;
    return denom;
}

rf_status rf_augment_apply(const rf_config *config, rf_picture *picture) {
    for (int i = 0; i < RF_AUGMENT_COUNT; i++)
        if (rf_augments[i]->apply) RF_TRY(rf_augments[i]->apply(config, picture->draws[i].v, picture));
    return RF_OK;
}
