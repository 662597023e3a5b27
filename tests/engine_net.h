/* SPDX-License-Identifier: Apache-2.0 */
/* A small network with everything that is awkward for the engine: shared parameters, views, a value with three readers,
 * concatenation, in-place ops and a host node. */
#ifndef RF_TESTS_ENGINE_NET_H
#define RF_TESTS_ENGINE_NET_H

#include "autograd/exec.h"

enum { NET_PARAMS = 8, NET_FLOATS = 64 * 1024 };

typedef struct test_net {
    rf_graph *graph;
    rf_value input, loss, features;
    rf_value params[NET_PARAMS];
    rf_real data[NET_FLOATS], grad[NET_FLOATS], state[64];
    size_t used, used_state;
    int host_runs;
} test_net;

/* Parameters are N(0, 0.3) ; the graph ends in a scalar loss with its gradient nodes. */
void test_net_make(test_net *net, int n, int h, int w);
void test_net_free(test_net *net);
/* Fills an executor's input with N(0,1) numbers. */
void test_net_fill(const test_net *net, const rf_exec *exec, uint64_t seed);

#endif
