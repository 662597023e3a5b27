/* SPDX-License-Identifier: Apache-2.0 */
/* The op contract. An op is one file in autograd/ops/ that defines one `const rf_op rf_op_NAME`, and one line in
 * autograd/ops.def. docs/adding-an-op.md walks through it. Layout of activations: NHWC; of convolution weights:
 * [Kh][Kw][Cin/groups][Cout] (HWIO), so that a convolution is X[pixels, taps*Cin] * W[taps*Cin, Cout]. */
#ifndef RF_AUTOGRAD_OP_H
#define RF_AUTOGRAD_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/real.h"
#include "core/registry.h"
#include "core/status.h"

enum { RF_MAX_DIMS = 4, RF_MAX_INPUTS = 8, RF_MAX_OUTPUTS = 6, RF_MAX_ATTRS = 8 };

typedef struct rf_shape {
    int n;              /* number of dimensions, 0 = scalar */
    int d[RF_MAX_DIMS]; /* outermost first: N H W C */
} rf_shape;

/* Number of elements; 1 for a scalar. Shapes in a graph are checked against overflow when they are made. */
size_t rf_shape_count(const rf_shape *shape);
bool rf_shape_equal(const rf_shape *a, const rf_shape *b);
/* "1x80x80x64" into `text` (at least 64 bytes); returns text. */
const char *rf_shape_text(const rf_shape *shape, char text[64]);

/* A view that the executor hands to an op: it never owns `data`. */
typedef struct rf_tensor {
    rf_shape shape;
    rf_real *
        data; /* NULL: not available (an undeclared buffer in backward, an absent optional input, a skipped gradient) */
} rf_tensor;

typedef enum rf_attr_type { RF_ATTR_INT, RF_ATTR_FLOAT } rf_attr_type;

/* One attribute of an op: text "stride=2 eps=1e-5" is parsed against this table, range-checked and defaulted. */
typedef struct rf_attr {
    const char *name;
    rf_attr_type type;
    double initial, lo, hi;
    const char *doc;
} rf_attr;

/* Everything an op sees when it runs. */
typedef struct rf_call {
    const double *attr; /* values in the order of the op's attribute table */
    int n_in, n_out;
    rf_tensor in[RF_MAX_INPUTS];
    rf_tensor out[RF_MAX_OUTPUTS];
    rf_tensor dout[RF_MAX_OUTPUTS]; /* backward: gradients of the outputs; NULL data = zero */
    rf_tensor din[RF_MAX_INPUTS];   /* backward: gradients of the inputs; NULL data = skip */
    bool din_add[RF_MAX_INPUTS]; /* true: add to what din holds; false: din is uninitialised, store (first contribution)
                                  */
    void *work;                  /* `workspace` bytes, 64-byte aligned, uninitialised */
    int *rows;      /* of an op that `counts`: forward stores how many rows its outputs have, at most as many as
                       their first dimension; else NULL */
    bool training;  /* batch statistics are used and running statistics updated */
    bool replay;    /* the node runs a second time in the step: leave running statistics alone */
    bool recompute; /* a replay for backward, which lost out[0]: the further outputs hold what they held */
} rf_call;

/* Which buffers backward reads, as a bit set: RF_NEED_IN(i) | RF_NEED_OUT(i). The gradients of outputs need no bit. */
#define RF_NEED_IN(i) (1u << (i))
#define RF_NEED_OUT(i) (1u << (RF_MAX_INPUTS + (i)))

typedef enum rf_pass { RF_PASS_FORWARD, RF_PASS_BACKWARD } rf_pass;

/* One shape to test: "inputs" lists shapes separated by blanks ("2x7x5x3 3x3x3x8"), "-" for an absent optional input;
 * "attrs" is attribute text. `input_range` > 0: inputs are drawn from +-range instead of N(0,1). */
typedef struct rf_case {
    const char *inputs, *attrs;
} rf_case;

typedef struct rf_op {
    const char *name;
    const char *formula;                     /* for people: y = f(x) in one line */
    const char *in_names[RF_MAX_INPUTS + 1]; /* "x", "w", "?b" (a leading '?' = optional), NULL-terminated */
    const char *out_names[RF_MAX_OUTPUTS + 1];
    rf_attr attrs[RF_MAX_ATTRS + 1]; /* name NULL ends it */
    uint32_t differentiable;         /* bit i: input i can have a gradient */
    uint32_t grad_outputs;           /* bit i > 0: a gradient may arrive at out[i] too, as it does at out[0] */
    int variadic;                    /* 1: the last input name may repeat up to RF_MAX_INPUTS times (concat) */
    int inplace_input; /* 1 + index of the input whose buffer out[0] may reuse (same bytes, elementwise); 0 none */
    bool view;         /* out[0] is in[0] under another shape: no code runs, the buffer is shared */
    bool counts; /* forward decides how many rows (first dimension) its outputs have; infer gives the most. Nodes that
                    read them see only so many: the first dimension in `shape` is the count when they run */

    /* Sets out[].shape from in[].shape (a missing optional input has n = -1 and NULL data); says what is wrong
     * otherwise. */
    rf_status (*infer)(rf_call *call);
    /* Buffers that backward reads. NULL: none. */
    uint32_t (*backward_needs)(const rf_call *call);
    /* Scratch bytes for a pass. NULL: none. din[].data / in[].data may not be read, only shapes and attr. */
    size_t (*workspace)(const rf_call *call, rf_pass pass);
    /* An op that its inputs can make impossible says so (rf_fail): the run ends there, and the graph can run again.
     * Most cannot fail. */
    rf_status (*forward)(const rf_call *call);
    /* NULL: not differentiable. */
    void (*backward)(const rf_call *call);
    /* Floating-point operations of a forward pass (a multiply-add counts as 2). NULL: one per output element. */
    double (*flops)(const rf_call *call);
    const rf_case *cases; /* inputs NULL ends it */
    /* Naive loop that `forward` is tested against: plain, obviously right, no kernels. Required. */
    void (*reference)(const rf_call *call);
    /* Test data for input i of a case instead of N(0,1) numbers (labels, indices, positive variances). NULL: N(0,1). */
    void (*fill)(const rf_call *call, int input, rf_real *data, uint64_t seed);
} rf_op;

/* The registry: autograd/ops.def and what rf_register_op adds; ids are no order of work. */
RF_REGISTRY_DECLARE(op, rf_op)

/* Parses attribute text against op->attrs into values[RF_MAX_ATTRS], with defaults; RF_ERR_USER names the bad word. */
rf_status rf_op_parse_attrs(const rf_op *op, const char *text, double values[RF_MAX_ATTRS]);

/* Integer and float attribute by position in the table. */
static inline int rf_attr_int(const rf_call *call, int index) {
    return (int)call->attr[index];
}
static inline rf_real rf_attr_real(const rf_call *call, int index) {
    return (rf_real)call->attr[index];
}
/* Whether optional input i is there. */
static inline bool rf_has_input(const rf_call *call, int i) {
    return i < call->n_in && call->in[i].shape.n >= 0;
}

#endif
