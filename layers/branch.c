/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/branch.h"

#include <string.h>

#include "layers/detector.h"

#define RF_BRANCH(name) extern const rf_branch rf_branch_##name;
#include "detectors/parts.def"

static const void *const branches[] = {
#define RF_BRANCH(name) &rf_branch_##name,
#include "detectors/parts.def"
};

RF_REGISTRY_DEFINE(branch, rf_branch, branches, e->doc && e->on && e->build && e->bytes <= RF_BRANCH_BYTES,
                   .what = "branch")

rf_status rf_branches_build(rf_net *net, const rf_config *config, rf_detector *detector) {
    rf_branch_list *list = &detector->branches;
    for (int i = 0; i < rf_branch_count(); i++) {
        const rf_branch *kind = rf_branch_at(i);
        if (!kind->on(config) || (kind->training && net->mode != RF_TRAIN)) continue;
        if (list->n == RF_BRANCHES_MAX)
            return rf_fail(RF_ERR_USER, "the network has more than %d branches", RF_BRANCHES_MAX);
        list->v[list->n].kind = kind;
        RF_TRY(kind->build(net, config, detector, list->v[list->n].state));
        RF_TRY(rf_net_status(net));
        list->n++;
    }
    return RF_OK;
}

const void *rf_branches_find(const rf_branch_list *list, const char *name) {
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->v[i].kind->name, name) == 0) return list->v[i].state;
    return NULL;
}

rf_status rf_branches_start(rf_params *params, const rf_config *config) {
    for (int i = 0; i < rf_branch_count(); i++) {
        const rf_branch *kind = rf_branch_at(i);
        if (kind->start && kind->on(config)) RF_TRY(kind->start(params, config));
    }
    return RF_OK;
}
