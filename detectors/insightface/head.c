/* SPDX-License-Identifier: Apache-2.0 */
/* The second pair of heads, which whole heads are learnt with in training (insightface's HEAD_BOX; PyramidBox's anchors
 * of a face's surroundings, arXiv 1803.07737, in the simplest form): head_cls and head_loc. */
#include "layers/detector.h"
#include "layers/heads.h"
#include "settings/classes.h"

static bool on(const rf_config *config) {
    return config->model.head_box;
}

static rf_status add(rf_net *net, rf_detector *d, const rf_head_spec *spec, rf_output what) {
    rf_value maps[RF_NET_LEVELS];
    what.width = spec->width;
    what.training = true;
    what.rows = rf_heads(net, spec, d->features, d->n_levels, maps);
    return rf_detector_list(net, d, &what, maps, NULL);
}

static rf_status build(rf_net *net, const rf_config *config, rf_detector *detector, void *state) {
    const rf_coder *coder = rf_box_coder_find(config->anchors.box_coder);
    (void)state;
    if (!coder) return RF_ERR_USER;
    bool share = config->model.share_heads;
    int anchors = detector->cell_anchors;
    rf_head_spec box = {"BboxHead", anchors, coder->width((int)config->data.points), share, RF_MAXOUT_NO};
    rf_head_spec cls = {"ClassHead", anchors, 1 + rf_classes_count(config), share, (rf_maxout)config->model.maxout};
    rf_scope scope = rf_net_enter(net, "head");
    rf_status status = add(net, detector, &box, (rf_output){.name = "head_loc", .coder = coder});
    if (status == RF_OK) status = add(net, detector, &cls, (rf_output){.name = "head_cls"});
    rf_net_leave(net, scope);
    return status;
}

const rf_branch rf_branch_head = {
    .name = "head",
    .doc = "a second pair of heads, which whole heads are learnt with (insightface's HEAD_BOX)",
    .training = true,
    .on = on,
    .build = build,
};
