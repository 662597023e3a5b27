/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's own files know of a graph: construction (graph.c, backward.c), plan (plan.c), execution (exec.c).
 */
#ifndef RF_AUTOGRAD_GRAPH_INTERNAL_H
#define RF_AUTOGRAD_GRAPH_INTERNAL_H

#include "autograd/graph.h"

typedef struct rf_graph_value {
    char *name;
    rf_shape shape;
    rf_value_kind kind;
    rf_value root;   /* itself, or the value whose buffers a view shares */
    rf_real *data;   /* PARAM, STATE, CONST: the caller's array, else NULL */
    rf_real *grad;   /* PARAM: the caller's array, NULL = frozen */
    bool needs_grad; /* some trainable parameter lies before it */
    bool has_grad;   /* (root) a gradient buffer is written in backward */
    bool is_seed;    /* (root) its gradient is given by the caller, or 1 for a scalar */
    bool keep;
    rf_value
        rows_of; /* RF_NONE, or the value whose number of rows, known when it is computed, this one has; may be itself
                  */
} rf_graph_value;

typedef struct rf_node {
    char *name;
    const rf_op *op; /* NULL: host node */
    rf_host_fn host;
    void *host_ctx;
    rf_pass pass;
    int forward; /* backward nodes: index of the node they differentiate */
    rf_value in[RF_MAX_INPUTS], out[RF_MAX_OUTPUTS];
    int n_in, n_out;
    double attr[RF_MAX_ATTRS];
    bool din[RF_MAX_INPUTS];     /* backward: this input gets a gradient */
    bool din_add[RF_MAX_INPUTS]; /* ... by adding to earlier contributions */
    bool dout[RF_MAX_OUTPUTS];   /* backward: this output has a gradient */
    uint32_t needs;              /* backward: RF_NEED_* */
    bool counted;                /* some input or output has a number of rows that is known when it runs */
    bool infers; /* counted, and the rows of an output are none of an input's: the op's infer tells them when it runs */
    double flops, bytes;
} rf_node;

struct rf_graph {
    rf_graph_value *values;
    int n_values, cap_values;
    rf_node *nodes; /* forward nodes, then backward nodes */
    int n_nodes, cap_nodes, n_forward;
    char scope[256];
    rf_status status;
    char error[512];
    bool differentiated;
};

/* Appends an empty node; NULL when memory is out (the graph's status is set). */
rf_node *rf_graph_append(rf_graph *graph);

/* A further output of a node; RF_NONE on failure (the graph's status is set). `name` is copied. */
rf_value rf_graph_add_value(rf_graph *graph, const char *name, rf_shape shape);

/* Adds the operations and bytes of a node that runs as `call` says. */
void rf_graph_measure(rf_node *node, const rf_call *call);

/* Shapes and attributes of a node as its op sees them, without buffers. */
void rf_graph_call(const rf_graph *graph, const rf_node *node, rf_call *call);

#endif
