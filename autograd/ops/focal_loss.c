/* SPDX-License-Identifier: Apache-2.0 */
/* Sigmoid focal loss (Lin et al. 2017, arXiv 1708.02002) of two-class logits: z = face - background, so that it is the
 * softmax form as well. A margin is taken from the z of positives alone; without one, or with 0, this is the plain
 * loss. */
#include "autograd/ops/common.h"

#include <math.h>

#include "core/parallel.h"

enum { LOGITS, LABELS, WEIGHTS, MARGINS };
enum { ATTR_ALPHA, ATTR_GAMMA };
enum { GRAIN = 2048 }; /* rows of a chunk */

static rf_status infer(rf_call *call) {
    const rf_shape *logits = &call->in[LOGITS].shape;
    if (logits->n < 2 || logits->d[logits->n - 1] != 2)
        return rf_fail(RF_ERR_USER, "focal_loss: logits need a last axis of two, background and face");
    rf_shape rows = *logits;
    rows.d[--rows.n] = 0;
    RF_TRY(rf_expect_shape("focal_loss", "labels", &call->in[LABELS].shape, &rows));
    if (rf_has_input(call, WEIGHTS)) RF_TRY(rf_expect_shape("focal_loss", "weights", &call->in[WEIGHTS].shape, &rows));
    if (rf_has_input(call, MARGINS)) RF_TRY(rf_expect_shape("focal_loss", "margins", &call->in[MARGINS].shape, &rows));
    call->out[0].shape = (rf_shape){0};
    return RF_OK;
}

static uint32_t needs(const rf_call *call) {
    uint32_t all = RF_NEED_IN(LOGITS) | RF_NEED_IN(LABELS);
    if (rf_has_input(call, WEIGHTS)) all |= RF_NEED_IN(WEIGHTS);
    return rf_has_input(call, MARGINS) ? all | RF_NEED_IN(MARGINS) : all;
}

static size_t workspace(const rf_call *call, rf_pass pass) {
    return pass == RF_PASS_FORWARD ? rf_sum_work_bytes(rf_rows(&call->in[LOGITS].shape), GRAIN) : 0;
}

/* A row that counts: u is the logit of its true class, share its factor in the sum, sign du/dz. */
typedef struct example {
    double u, share, sign;
} example;

static bool example_of(const rf_call *call, size_t row, example *e) {
    rf_real label = call->in[LABELS].data[row];
    double weight = rf_has_input(call, WEIGHTS) ? (double)call->in[WEIGHTS].data[row] : 1, alpha = call->attr[0];
    if ((label != 0 && label != 1) || weight == 0) return false;
    const rf_real *logits = call->in[LOGITS].data + 2 * row;
    double z = (double)logits[1] - (double)logits[0];
    if (label == 1 && rf_has_input(call, MARGINS)) z -= (double)call->in[MARGINS].data[row];
    *e = label == 1 ? (example){z, weight * alpha, 1} : (example){-z, weight * (1 - alpha), -1};
    return true;
}

/* p = sigmoid(u), q = 1 - p and -ln p, exact for large |u|. */
static void probabilities(double u, double *p, double *q, double *minus_log) {
    double e = exp(-fabs(u)), small = e / (1 + e), large = 1 / (1 + e);
    *p = u >= 0 ? large : small;
    *q = u >= 0 ? small : large;
    *minus_log = (u >= 0 ? 0 : -u) + log1p(e);
}

/* q^gamma; the paper's gamma is 2, for which pow would be most of the time. */
static double modulation(double q, double gamma) {
    return gamma == 2 ? q * q : pow(q, gamma);
}

static double loss_of(const void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    double gamma = call->attr[ATTR_GAMMA], sum = 0;
    for (size_t row = begin; row < end; row++) {
        example e;
        double p, q, minus_log;
        if (!example_of(call, row, &e)) continue;
        probabilities(e.u, &p, &q, &minus_log);
        sum += e.share * modulation(q, gamma) * minus_log;
    }
    return sum;
}

static rf_status forward(const rf_call *call) {
    call->out[0].data[0] = (rf_real)rf_sum_chunks(rf_rows(&call->in[LOGITS].shape), GRAIN, loss_of, call, call->work);
    return RF_OK;
}

/* d/du of q^g * (-ln p) = -q^g * (q + g p (-ln p)). */
static void backward_range(void *ctx, size_t begin, size_t end) {
    const rf_call *call = ctx;
    double gamma = call->attr[ATTR_GAMMA], seed = (double)call->dout[0].data[0];
    bool add = call->din_add[LOGITS];
    for (size_t row = begin; row < end; row++) {
        rf_real *dz = call->din[LOGITS].data + 2 * row;
        example e;
        double p, q, minus_log, slope = 0;
        if (example_of(call, row, &e)) {
            probabilities(e.u, &p, &q, &minus_log);
            slope = -seed * e.sign * e.share * modulation(q, gamma) * (q + gamma * p * minus_log);
        }
        rf_put(&dz[0], add, (rf_real)-slope);
        rf_put(&dz[1], add, (rf_real)slope);
    }
}

static void backward(const rf_call *call) {
    if (call->din[LOGITS].data) rf_parallel_for(rf_rows(&call->in[LOGITS].shape), GRAIN, backward_range, (void *)call);
}

static void reference(const rf_call *call) {
    size_t rows = rf_rows(&call->in[LOGITS].shape);
    double alpha = call->attr[ATTR_ALPHA], gamma = call->attr[ATTR_GAMMA], loss = 0;
    for (size_t row = 0; row < rows; row++) {
        int label = (int)call->in[LABELS].data[row];
        double weight = rf_has_input(call, WEIGHTS) ? (double)call->in[WEIGHTS].data[row] : 1;
        if (label < 0) continue;
        double z = (double)call->in[LOGITS].data[2 * row + 1] - (double)call->in[LOGITS].data[2 * row];
        if (label == 1 && rf_has_input(call, MARGINS)) z -= (double)call->in[MARGINS].data[row];
        double face = 1 / (1 + exp(-z));
        if (label == 1)
            loss -= weight * alpha * pow(1 - face, gamma) * log(face);
        else
            loss -= weight * (1 - alpha) * pow(face, gamma) * log(1 - face);
    }
    call->out[0].data[0] = (rf_real)loss;
}

/* Labels -1, 0, 1; weights with zeros; NaN logits in ignored rows. */
static void fill(const rf_call *call, int input, rf_real *data, uint64_t seed) {
    size_t rows = rf_rows(&call->in[LOGITS].shape), shift = (size_t)(seed % 5);
    for (size_t row = 0; row < rows; row++) {
        int label = (int)((row + shift) % 3) - 1;
        if (input == LABELS) data[row] = (rf_real)label;
        if (input == WEIGHTS) data[row] = (rf_real)(0.5 * (double)(row % 4));
        if (input == LOGITS && label < 0) data[2 * row] = (rf_real)NAN;
    }
}

static const rf_case cases[] = {{"7x2 7 7", ""},
                                {"2x5x2 2x5", "alpha=0.4 gamma=1.5"},
                                {"2x6x2 2x6 2x6 2x6", ""},
                                {"9x2 9 - 9", "gamma=0 alpha=0.5"},
                                {NULL, NULL}};

const rf_op rf_op_focal_loss = {
    .name = "focal_loss",
    .formula = "y = sum over labelled rows of w * a_t * (1 - p_t)^gamma * -ln p_t, p = sigmoid(face - background - "
               "margin of positives)",
    .in_names = {"logits", "labels", "?weights", "?margins"},
    .out_names = {"loss"},
    .attrs = {{"alpha", RF_ATTR_FLOAT, 0.25, 0, 1, "factor of positives; negatives have 1 - alpha"},
              {"gamma", RF_ATTR_FLOAT, 2, 0, 100, "how much examples count less the better they are classified"}},
    .differentiable = 1,
    .infer = infer,
    .backward_needs = needs,
    .workspace = workspace,
    .forward = forward,
    .backward = backward,
    .cases = cases,
    .reference = reference,
    .fill = fill,
};
