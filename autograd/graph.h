/* SPDX-License-Identifier: Apache-2.0 */
/* A static graph of ops over values. Layers build it once per input shape; rf_graph_backward appends the gradient
 * nodes; rf_exec (exec.h) plans memory and runs it. Errors are sticky: a failed call returns RF_NONE, later calls with
 * RF_NONE as a required input do nothing, and rf_graph_status tells the first error, so that layer code needs no
 * checks. */
#ifndef RF_AUTOGRAD_GRAPH_H
#define RF_AUTOGRAD_GRAPH_H

#include "autograd/op.h"

typedef int rf_value; /* index of a value in its graph */
enum { RF_NONE = -1 };

typedef enum rf_value_kind {
    RF_VALUE_INPUT, /* filled by the caller before each run */
    RF_VALUE_PARAM, /* trainable array owned by the caller; its gradient too */
    RF_VALUE_STATE, /* array owned by the caller that forward may update (running statistics); no gradient */
    RF_VALUE_CONST, /* array owned by the caller that nobody writes (a table of anchors); no gradient */
    RF_VALUE_ACT,   /* output of a node, in the arena */
} rf_value_kind;

typedef struct rf_graph rf_graph;

/* A function of the caller run as a node: reads in[], fills out[]; nothing flows back through it. It may use only what
 * its context holds and must not depend on threads. A failure stops the run with its status. */
typedef rf_status (*rf_host_fn)(void *ctx, const rf_call *call);

/* New empty graph, or NULL (no memory). The first one of a process closes the registries (core/registry.h).
 * rf_graph_free takes NULL. */
rf_graph *rf_graph_new(void);
void rf_graph_free(rf_graph *graph);

/* The first error since rf_graph_new (its message is set again), or RF_OK. */
rf_status rf_graph_status(const rf_graph *graph);

/* Names given to nodes and values from now on start with "scope."; returns the former scope length for
 * rf_graph_scope_end. */
int rf_graph_scope(rf_graph *graph, const char *name);
void rf_graph_scope_end(rf_graph *graph, int former);

/* Values that come from outside. `data` and `grad` belong to the caller and outlive the graph; grad NULL = frozen.
 * Inputs live in the arena: write them through rf_exec_data. */
rf_value rf_graph_input(rf_graph *graph, const char *name, rf_shape shape);
rf_value rf_graph_param(rf_graph *graph, const char *name, rf_shape shape, rf_real *data, rf_real *grad);
rf_value rf_graph_state(rf_graph *graph, const char *name, rf_shape shape, rf_real *data);
/* Read where it lies: it takes no room in the arena and need not be filled before a run. */
rf_value rf_graph_const(rf_graph *graph, const char *name, rf_shape shape, const rf_real *data);

/* Appends a node; returns its first output (further outputs have the next numbers). `attrs` is a printf format giving
 * attribute text ("stride=%d pad=1"). RF_NONE stands for an absent optional input. */
rf_value rf_graph_apply(rf_graph *graph, const char *op, const rf_value *inputs, int n_inputs, const char *attrs, ...)
    RF_PRINTF(5, 6);
/* The same for one and two inputs. */
#define rf_apply1(g, op, a, ...) rf_graph_apply(g, op, (const rf_value[]){a}, 1, __VA_ARGS__)
#define rf_apply2(g, op, a, b, ...) rf_graph_apply(g, op, (const rf_value[]){a, b}, 2, __VA_ARGS__)

/* Some ops decide while they run how many rows (first dimension) their outputs have; the shape then tells the most, for
 * which memory is planned. Ops that read such a value work on the rows there are, and their outputs have as many. An op
 * whose inputs would not go together for another count is refused: rows chosen by two different nodes, or as many as
 * there may be at most. Whether the rows of a value are counted in this way. */
bool rf_graph_is_counted(const rf_graph *graph, rf_value value);

/* Appends a host node with n_outputs outputs of the given shapes; returns the first output. */
rf_value rf_graph_host(rf_graph *graph, const char *name, rf_host_fn fn, void *ctx, const rf_value *inputs,
                       int n_inputs, const rf_shape *outputs, int n_outputs);

/* Keeps a value's buffer readable after the run (an output of the graph). */
void rf_graph_keep(rf_graph *graph, rf_value value);
/* Gives a value a name by which rf_graph_find returns it. */
void rf_graph_name(rf_graph *graph, rf_value value, const char *name);
/* Value by name, or RF_NONE. */
rf_value rf_graph_find(const rf_graph *graph, const char *name);

/* Appends gradient nodes for d(sum(seed*value))/d(params): the gradient of each of `roots` is an input that the caller
 * fills (rf_exec_grad), or 1 for a scalar root. Call once, after all forward nodes. */
rf_status rf_graph_backward(rf_graph *graph, const rf_value *roots, int n_roots);

/* Introspection, for tables, tests and exporters. */
int rf_graph_value_count(const rf_graph *graph);
rf_shape rf_graph_shape(const rf_graph *graph, rf_value value);
rf_value_kind rf_graph_kind(const rf_graph *graph, rf_value value);
const char *rf_graph_value_name(const rf_graph *graph, rf_value value);
bool rf_graph_has_grad(const rf_graph *graph, rf_value value);
/* The caller's array behind a parameter, state or constant; NULL for other values. */
const rf_real *rf_graph_constant(const rf_graph *graph, rf_value value);

typedef struct rf_node_info {
    const char *name; /* "body.stage1.0.conv2d" */
    const rf_op *op;  /* NULL for a host node */
    rf_pass pass;
    const rf_value *inputs, *outputs;
    int n_inputs, n_outputs;
    const double *attrs;
    double flops; /* of this pass: backward counts twice the forward's */
    double bytes; /* read and written, at least */
} rf_node_info;
int rf_graph_node_count(const rf_graph *graph);
rf_node_info rf_graph_node(const rf_graph *graph, int index);

#endif
