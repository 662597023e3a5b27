/* SPDX-License-Identifier: Apache-2.0 */
/* The memory plan of a graph: the ordered list of steps and a place in one arena for every buffer (internal to the
 * engine). A buffer is a value's data, a gradient or a workspace, alive from the first to the last step that touches
 * it; buffers that are never alive together may share bytes. Offsets: buffers in order of falling size, each at the
 * lowest gap that is free during its whole life ("greedy by size", Pisarchyk and Lee, arXiv 2001.03288). */
#ifndef RF_AUTOGRAD_PLAN_H
#define RF_AUTOGRAD_PLAN_H

#include "autograd/exec.h"
#include "autograd/graph_internal.h"

typedef struct rf_step {
    int node;    /* index in the graph */
    bool replay; /* a forward node run again because its output was not kept */
} rf_step;

typedef enum rf_buffer_use { RF_BUFFER_DATA, RF_BUFFER_GRAD, RF_BUFFER_WORK } rf_buffer_use;

typedef struct rf_buffer {
    size_t bytes, offset;
    int first, last; /* steps, inclusive */
    rf_buffer_use use;
} rf_buffer;

typedef struct rf_plan {
    rf_step *steps;
    int n_steps, n_forward_steps;
    rf_buffer *buffers;
    int n_buffers;
    int *data;     /* [values] buffer of a value's data, -1 none (parameters, states) */
    int *replayed; /* [values] buffer of the data that is computed again for backward, -1 when it was kept */
    int *grad;     /* [values] buffer of the gradient, -1 none */
    int *work;     /* [steps] buffer of the workspace, -1 none */
    rf_plan_report report;
} rf_plan;

rf_status rf_plan_make(const rf_graph *graph, const rf_exec_options *options, rf_plan *plan);
void rf_plan_free(rf_plan *plan);

#endif
