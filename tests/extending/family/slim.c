/* SPDX-License-Identifier: Apache-2.0 */
/* A family of detectors in a folder of its own: a small network without a pyramid, which predicts at strides 8 and 16
 * what the house knows (cls, loc, points) and how well an anchor's centre lies in its face (quality, quality.c). Its
 * loss is composed of the house's parts; anchors, coders, matching, evaluation and exports are the house's, too. */
#include "core/plugin.h"
#include "layers/family.h"
#include "layers/heads.h"
#include "settings/classes.h"
#include "tests/extending/family/slim.h"
#include "detect/loss/loss.h"

enum { LEVELS = 2 };
static const int strides[LEVELS] = {8, 16};

static rf_status check(const rf_config *config) {
    const rf_real_list *list = &config->model.strides;
    bool same = list->n == LEVELS;
    for (int l = 0; same && l < LEVELS; l++) same = list->v[l] == strides[l];
    if (!same)
        return rf_fail(RF_ERR_USER, "model.family = slim has levels of the strides 8 and 16: set model.strides = 8,16");
    return RF_OK;
}

static rf_value block(rf_net *net, rf_value x, int *number, int width, int stride) {
    rf_scope scope = rf_net_enter(net, "%d", (*number)++);
    x = rf_separable_block(net, x, width, stride, 0);
    rf_net_leave(net, scope);
    return x;
}

static void build_maps(rf_net *net, const rf_config *config, rf_value x, rf_value *maps) {
    int channels = (int)config->model.channels, number = 0;
    rf_scope body = rf_net_enter(net, "slim");
    net->part = RF_PARAM_BACKBONE;
    rf_net_initialiser(net, RF_INIT_HE_NORMAL);
    rf_conv_spec stem = {.conv = "stem", .bn = "stem_bn", .out = channels / 4, .k = 3, .stride = 2};
    x = rf_conv_bn_act(net, x, stem);
    x = block(net, x, &number, channels / 2, 2);
    for (int l = 0; l < LEVELS; l++) {
        x = block(net, x, &number, channels, 2);
        for (long i = 0; i < slim_settings(config)->blocks; i++) x = block(net, x, &number, channels, 1);
        maps[l] = x;
    }
    net->part = 0;
    rf_net_leave(net, body);
}

/* A head at both levels, listed as an output. */
static rf_status add_head(rf_net *net, rf_detector *d, const char *head, const char *name, int width,
                          const rf_coder *coder) {
    rf_value maps[RF_NET_LEVELS];
    rf_head_spec spec = {.name = head, .anchors = d->cell_anchors, .width = width};
    rf_output what = {.name = name, .width = width, .coder = coder};
    what.rows = rf_heads(net, &spec, d->maps, d->n_levels, maps);
    return rf_detector_list(net, d, &what, maps, NULL);
}

static rf_status build(rf_net *net, const rf_config *config, rf_detector *out) {
    int points = (int)config->data.points;
    RF_TRY(check(config));
    const rf_coder *box = rf_box_coder_find(config->anchors.box_coder);
    const rf_coder *point = rf_point_coder_find(config->anchors.point_coder);
    if (!box || !point) return RF_ERR_USER;
    build_maps(net, config, out->input, out->maps);
    RF_TRY(rf_net_status(net));
    rf_detector_levels(net, strides, LEVELS, rf_config_cell_anchors(config), out);
    for (int l = 0; l < LEVELS; l++) out->features[l] = out->maps[l];
    RF_TRY(add_head(net, out, "BboxHead", "loc", box->width(points), box));
    RF_TRY(add_head(net, out, "ClassHead", "cls", 1 + rf_classes_count(config), NULL));
    if (config->model.landmarks) RF_TRY(add_head(net, out, "LandmarkHead", "points", point->width(points), point));
    return add_head(net, out, "QualityHead", "quality", 1, NULL);
}

static const char *const unread[] = {"cascade", NULL}; /* it has one stage of heads */

static const rf_family slim = {.name = "slim",
                               .doc = "a small network of separable convolutions with two levels",
                               .build = build,
                               .unread = unread};

bool slim_is_meant(const rf_config *config) {
    return rf_family_at(config->model.family) == &slim;
}

#include "core/keys_rows.h"
#include "tests/extending/family/slim.def"
#include "core/keys_end.h"
const rf_section slim_section = RF_SECTION_OF(slim, .is_used = slim_is_meant);

static const rf_loss_kind loss = {.name = "slim",
                                  .doc = "soft-max of the hardest negatives of all levels, smooth-L1, quality",
                                  .assigner = "max_iou",
                                  .later_assigner = "max_iou_moved",
                                  .sampler = "ratio",
                                  .cls = "softmax_ce",
                                  .box = "smooth_l1"};

static const rf_preset_value values[] = {
    {"model", "family", "slim"}, {"model", "strides", "8,16"},         {"model", "channels", "32"},
    {"loss", "kind", "slim"},    {"anchors", "sizes", "16,32,64,128"},
};
static const rf_preset preset = {"slim", "the settings that model.family = slim begins with", values,
                                 sizeof values / sizeof *values};

rf_status rf_plugin_init(void) {
    RF_TRY(rf_register_section(&slim_section));
    RF_TRY(rf_register_family(&slim));
    RF_TRY(rf_register_loss(&loss));
    return rf_register_preset(&preset);
}
