/* SPDX-License-Identifier: Apache-2.0 */
/* Plans memory for a graph and runs it. Ops run in parallel inside (core/parallel.h). Not thread safe; several
 * executors may run in several threads at once, best each with a pool of its own. */
#ifndef RF_AUTOGRAD_EXEC_H
#define RF_AUTOGRAD_EXEC_H

#include "autograd/graph.h"

typedef struct rf_exec rf_exec;

typedef struct rf_plan_report {
    size_t arena_bytes;     /* what is allocated */
    size_t peak_live_bytes; /* the most that is alive at any node: a lower bound of the arena */
    size_t sum_bytes;       /* what it would take without sharing */
    size_t activation_bytes, gradient_bytes, workspace_bytes; /* parts of sum_bytes (workspace: the largest) */
    int n_buffers, n_nodes;
} rf_plan_report;

typedef struct rf_exec_options {
    bool keep_all;  /* every value keeps its own buffer (tests, debugging) */
    bool recompute; /* cheap forward results are computed again in backward instead of kept (memory.recompute) */
} rf_exec_options;

/* Plans `graph` (which must outlive the executor and not change any more) and reserves the arena. NULL with a message
 * on failure. options may be NULL. */
rf_exec *rf_exec_new(const rf_graph *graph, const rf_exec_options *options);
void rf_exec_free(rf_exec *exec);
rf_plan_report rf_exec_report(const rf_exec *exec);

/* The plan without an arena: what rf_exec_new would reserve. */
rf_status rf_exec_plan_only(const rf_graph *graph, const rf_exec_options *options, rf_plan_report *report);

/* Buffer of a value or of its gradient. For inputs, kept values and kept gradients the contents are valid between runs;
 * NULL when the value has no buffer. Owned by the executor (parameters: by the caller). */
rf_real *rf_exec_data(const rf_exec *exec, rf_value value);
rf_real *rf_exec_grad(const rf_exec *exec, rf_value value);

/* Rows (first dimension) that a value had in the last forward run; 1 for a scalar. What lies behind them in its buffer
 * is undefined. Only for counted values (rf_graph_is_counted) it is not that of the shape. */
size_t rf_exec_rows(const rf_exec *exec, rf_value value);

/* Runs all forward nodes, then all backward nodes (if any). Parameter gradients are stored, not added, unless
 * `accumulate`. `training`: batch statistics. RF_ERR_* of a node ends the run, with the node's name (its last word is
 * the op) in front of the message; values that nodes after it would write are then undefined, running statistics of
 * nodes before it have moved, and the next run is as good as ever. No allocation happens. RF_ERR_USER when the current
 * pool has more threads than the one that the plan was made with: workspaces have no room for them. */
rf_status rf_exec_forward(rf_exec *exec, bool training);
rf_status rf_exec_backward(rf_exec *exec, bool accumulate);

/* Runs forward (and backward when the graph has it) again with running statistics left alone, checks every result, and
 * reports RF_ERR_NONFINITE naming the first node and value that is NaN or infinite; RF_OK when none is. */
rf_status rf_exec_trace_nonfinite(rf_exec *exec, bool training, bool accumulate);

/* Seconds spent in node `index` (graph numbering) since the last reset, and how often it ran. */
double rf_exec_node_seconds(const rf_exec *exec, int index);
void rf_exec_reset_times(rf_exec *exec);

#endif
