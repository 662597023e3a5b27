/* SPDX-License-Identifier: Apache-2.0 */
/* A network for one input size with the nodes that make faces of what it says (detect/decode.h). Internal to the
 * finder. */
#ifndef RF_EVAL_SIZED_NET_H
#define RF_EVAL_SIZED_NET_H

#include "autograd/exec.h"
#include "detect/decode.h"
#include "detect/spec.h"
#include "layers/detector.h"

typedef struct rf_sized_net {
    int width, height;
    rf_graph *graph;
    rf_detector detector;
    rf_exec *exec;
    rf_anchor_set anchors;
    rf_decoded levels[RF_NET_LEVELS]; /* the faces of each level that can have some */
    int n_levels;
    uint64_t last_use;
} rf_sized_net;

/* What it is made of; borrowed while it is used. */
typedef struct rf_sized_spec {
    const rf_config *config;
    rf_params *params;
    const rf_detect_spec *spec;
    const rf_extras *extras; /* what else the network says of a face */
    int width, height;
} rf_sized_spec;

/* Everything but its memory; with `runs` false it can only be planned, since the anchors have no numbers. *net starts
 * zeroed; clear it in every case. RF_ERR_USER: settings that describe no network or other anchors than it has. */
rf_status rf_sized_net_build(const rf_sized_spec *wanted, bool runs, rf_sized_net *net);
/* The same, ready to run. */
rf_status rf_sized_net_make(const rf_sized_spec *wanted, rf_sized_net *net);
/* Frees what it holds and zeroes it. */
void rf_sized_net_clear(rf_sized_net *net);

#endif
