/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of an op without a graph: a trial is one case of the op (op.h, rf_case) with buffers of its own. Used by the
 * tests; every check returns RF_OK, or RF_ERR_USER with a message that names the op, the case, the tensor and the
 * element. The seeds are dout[0] and the gradients of the op's grad_outputs. */
#ifndef RF_AUTOGRAD_GRADCHECK_H
#define RF_AUTOGRAD_GRADCHECK_H

#include "autograd/op.h"

typedef struct rf_trial {
    const rf_op *op;
    const rf_case *shapes;
    rf_call call; /* every in[], out[], differentiable dout[] and din[] has a buffer owned by the trial */
    double attr[RF_MAX_ATTRS];
    rf_real *poison; /* NaN, as large as the largest buffer: what backward sees of undeclared buffers */
    void *work[2];   /* of each pass */
    size_t work_bytes[2];
    int rows; /* what forward stored, when the op counts */
} rf_trial;

/* Shapes and buffers of a case; inputs and seed drawn from N(0,1), then op->fill. Equal seeds give equal data. The
 * trial is empty on failure; rf_trial_free takes an empty one. */
rf_status rf_trial_make(const rf_op *op, const rf_case *shapes, bool training, uint64_t seed, rf_trial *trial);
void rf_trial_free(rf_trial *trial);

/* op->forward with an uninitialised (NaN) workspace. Nothing for views. */
rf_status rf_trial_forward(rf_trial *trial);
/* op->backward into the trial's din buffers. What op->backward_needs does not name is NaN, or NULL with `hide`; din is
 * NaN before a store and kept before an `add`. Bit i of `wanted` asks for the gradient of input i. */
void rf_trial_backward(rf_trial *trial, uint32_t wanted, bool add, bool hide);
/* Differentiable inputs of the case as a bit set; 0 for a view. */
uint32_t rf_trial_gradients(const rf_trial *trial);

/* Largest difference allowed, as a share of the largest wanted number: 1e-4 in float, 1e-10 in double. */
double rf_check_tolerance(void);
/* RF_ERR_USER when a differs from b by more than tolerance * max|b| anywhere (NaN equals NaN only). `what` names them.
 */
rf_status rf_check_close(const rf_trial *trial, const char *what, const rf_real *a, const rf_real *b, size_t count,
                         double tolerance);

/* The entry itself: name found in the registry, formula, documented attributes, cases, reference, consistent masks. */
rf_status rf_check_contract(const rf_op *op);
/* forward against reference, states included; in place when the op says it can. */
rf_status rf_check_forward(const rf_op *op, const rf_case *shapes, bool training);
/* backward: storing, adding, one gradient at a time and with hidden buffers all agree. */
rf_status rf_check_modes(const rf_op *op, const rf_case *shapes, bool training);
/* backward against central differences of sum(seed * out[0]): every element, or about `limit` of each input when limit
 * > 0. Relative error 1e-6; meaningful in the double build only. */
rf_status rf_check_gradient(const rf_op *op, const rf_case *shapes, bool training, size_t limit);

#endif
