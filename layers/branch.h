/* SPDX-License-Identifier: Apache-2.0 */
/* A branch hangs on a detector of any family: parameters that are made with the network, read by whoever appends its
 * nodes later (a term of the loss, a finder of its own) or outputs of its own. A line in the
 * parts.def of a folder (detectors/parts.def), or a folder outside the tree. */
#ifndef RF_LAYERS_BRANCH_H
#define RF_LAYERS_BRANCH_H

#include <stddef.h>

#include "core/registry.h"
#include "layers/blocks.h"

enum { RF_BRANCHES_MAX = 8, RF_BRANCH_BYTES = 512 };

struct rf_detector;

typedef struct rf_branch {
    const char *name, *doc;
    size_t bytes;  /* of its state in the detector, zeroed: at most RF_BRANCH_BYTES, nothing to free */
    bool training; /* it is there in RF_TRAIN only: nobody evaluates or exports it */
    bool (*on)(const rf_config *config);
    /* Makes the parameters, whose order is that of a file, and fills the state. The detector's levels, maps, features
     * and outputs are there. RF_ERR_USER says what does not fit. */
    rf_status (*build)(rf_net *net, const rf_config *config, struct rf_detector *detector, void *state);
    /* Gives the parameters of a sealed store other values to begin with than rf_params_init did. NULL: those are good.
     */
    rf_status (*start)(rf_params *params, const rf_config *config);
} rf_branch;

/* The branches by name. */
RF_REGISTRY_DECLARE(branch, rf_branch)

typedef struct rf_branch_list {
    struct {
        const rf_branch *kind;
        _Alignas(max_align_t) unsigned char state[RF_BRANCH_BYTES];
    } v[RF_BRANCHES_MAX];
    int n;
} rf_branch_list;

/* After rf_params_init: `start` of those that are on. */
rf_status rf_branches_start(rf_params *params, const rf_config *config);
/* Adds the branches that are on, in the order of the registry. */
rf_status rf_branches_build(rf_net *net, const rf_config *config, struct rf_detector *detector);
/* The state of a branch, NULL: this detector does not have it. */
const void *rf_branches_find(const rf_branch_list *list, const char *name);

#endif
