/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/row_loss.h"

#include "detect/margin.h"

static rf_value softmax_ce(rf_graph *g, const rf_config *config, const rf_row_loss_input *in) {
    (void)config;
    return rf_graph_apply(g, "softmax_ce", (rf_value[]){in->rows, in->target, in->weight}, 3, "");
}

static const rf_row_loss rf_row_loss_softmax_ce = {
    .name = "softmax_ce",
    .doc = "cross-entropy of the soft-max",
    .build = softmax_ce,
};

static rf_value focal(rf_graph *g, const rf_config *config, const rf_row_loss_input *in) {
    const rf_value all[] = {in->rows, in->target, in->weight, in->margin};
    return rf_graph_apply(g, "focal_loss", all, in->margin == RF_NONE ? 3 : 4, "alpha=%.17g gamma=%.17g",
                          config->loss.focal_alpha, config->loss.focal_gamma);
}

static double margin(const rf_config *config, const float box[4]) {
    enum { POWER_LIMIT = 4 }; /* detect/loss/loss.def says so */
    const rf_margin_spec spec = {.on = config->loss.sml,
                                 .power = config->loss.sml_form == RF_SML_POWER,
                                 .margin = config->loss.sml_margin,
                                 .size = config->loss.sml_size,
                                 .exponent = config->loss.sml_exponent,
                                 .most = POWER_LIMIT * config->loss.sml_margin};
    return rf_margin_of(&spec, box);
}

static bool has_margin(const rf_config *config) {
    return config->loss.sml;
}

static const rf_row_loss rf_row_loss_focal = {
    .name = "focal",
    .doc = "focal loss (RetinaNet), with margins for small faces where loss.sml is on",
    .build = focal,
    .margin = margin,
    .has_margin = has_margin,
};

static rf_value smooth_l1(rf_graph *g, const rf_config *config, const rf_row_loss_input *in) {
    (void)config;
    return rf_graph_apply(g, "smooth_l1", (rf_value[]){in->rows, in->target, in->weight}, 3, "beta=%.17g", in->knee);
}

static const rf_row_loss rf_row_loss_smooth_l1 = {
    .name = "smooth_l1",
    .doc = "distance, squared below a knee",
    .build = smooth_l1,
};

static const void *const row_losses[] = {
#define RF_ROW_LOSS(name) &rf_row_loss_##name,
#include "detect/row_losses.def"
#undef RF_ROW_LOSS
};

RF_REGISTRY_DEFINE(row_loss, rf_row_loss, row_losses, e->doc && e->build && !e->margin == !e->has_margin,
                   .what = "row loss")
