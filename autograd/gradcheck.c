/* SPDX-License-Identifier: Apache-2.0 */
#include "autograd/gradcheck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/rng.h"

double rf_check_tolerance(void) {
    return sizeof(rf_real) == sizeof(double) ? 1e-10 : 1e-4;
}

static rf_status fail_case(const rf_trial *trial, const char *text) {
    return rf_fail(RF_ERR_USER, "op %s, case \"%s\" \"%s\": %s", trial->op->name, trial->shapes->inputs,
                   trial->shapes->attrs, text);
}

rf_status rf_check_close(const rf_trial *trial, const char *what, const rf_real *a, const rf_real *b, size_t count,
                         double tolerance) {
    double top = 1e-6;
    for (size_t i = 0; i < count; i++)
        if (fabs((double)b[i]) > top) top = fabs((double)b[i]);
    for (size_t i = 0; i < count; i++) {
        double x = (double)a[i], y = (double)b[i];
        if ((isnan(x) && isnan(y)) || fabs(x - y) <= tolerance * top) continue;
        return rf_fail(RF_ERR_USER, "op %s, case \"%s\" \"%s\": %s: element %zu is %.9g, expected %.9g (largest %.3g)",
                       trial->op->name, trial->shapes->inputs, trial->shapes->attrs, what, i, x, y, top);
    }
    return RF_OK;
}

/* "2x3x4", "scalar" or "-" (absent). */
static rf_shape parse_shape(const char *word, size_t bytes) {
    rf_shape shape = {0};
    if (bytes == 1 && *word == '-') shape.n = -1;
    if (*word < '0' || *word > '9') return shape;
    const char *end = word + bytes;
    while (word < end && shape.n < RF_MAX_DIMS) {
        char *next;
        shape.d[shape.n++] = (int)strtol(word, &next, 10);
        word = next + 1;
    }
    return shape;
}

static void parse_inputs(const char *text, rf_call *call) {
    while (*text && call->n_in < RF_MAX_INPUTS) {
        size_t bytes = strcspn(text, " ");
        if (bytes > 0) call->in[call->n_in++].shape = parse_shape(text, bytes);
        text += bytes + strspn(text + bytes, " ");
    }
}

/* All bytes 0xff: NaN in float and double. */
static void make_garbage(void *data, size_t bytes) {
    if (data) memset(data, 0xff, bytes);
}

static rf_real *new_buffer(const rf_shape *shape) {
    return rf_alloc(rf_shape_count(shape), sizeof(rf_real));
}

static void draw(rf_real *data, size_t count, uint64_t seed, uint64_t which) {
    rf_rng rng = rf_rng_make(seed, 0, which, RF_STREAM_TEST);
    for (size_t i = 0; i < count; i++) data[i] = (rf_real)rf_rng_normal(&rng);
}

static bool gets_gradient(const rf_op *op, int output) {
    return output == 0 || op->grad_outputs >> output & 1;
}

static rf_status make_buffers(rf_trial *t, uint64_t seed) {
    rf_call *call = &t->call;
    size_t largest = 1;
    for (int i = 0; i < call->n_in; i++) {
        call->din[i].shape = call->in[i].shape;
        if (call->in[i].shape.n < 0) continue;
        size_t count = rf_shape_count(&call->in[i].shape);
        if (count > largest) largest = count;
        call->in[i].data = new_buffer(&call->in[i].shape);
        call->din[i].data = new_buffer(&call->in[i].shape);
        if (!call->in[i].data || !call->din[i].data) return RF_ERR_NOMEM;
        draw(call->in[i].data, count, seed, (uint64_t)i);
        if (t->op->fill) t->op->fill(call, i, call->in[i].data, seed);
    }
    for (int i = 0; i < call->n_out; i++) {
        size_t count = rf_shape_count(&call->out[i].shape);
        if (count > largest) largest = count;
        call->out[i].data = new_buffer(&call->out[i].shape);
        if (!call->out[i].data) return RF_ERR_NOMEM;
        make_garbage(call->out[i].data, count * sizeof(rf_real));
        call->dout[i].shape = call->out[i].shape;
    }
    for (int i = 0; i < call->n_out; i++) {
        if (!gets_gradient(t->op, i)) continue;
        call->dout[i].data = new_buffer(&call->out[i].shape);
        if (!call->dout[i].data) return RF_ERR_NOMEM;
        draw(call->dout[i].data, rf_shape_count(&call->out[i].shape), seed, 100 + (uint64_t)i);
    }
    t->poison = rf_alloc(largest, sizeof(rf_real));
    if (!t->poison) return RF_ERR_NOMEM;
    make_garbage(t->poison, largest * sizeof(rf_real));
    for (int pass = 0; pass < 2; pass++) {
        t->work_bytes[pass] = t->op->workspace ? t->op->workspace(call, (rf_pass)pass) : 0;
        t->work[pass] = rf_alloc(t->work_bytes[pass], 1);
        if (!t->work[pass]) return RF_ERR_NOMEM;
    }
    return RF_OK;
}

rf_status rf_trial_make(const rf_op *op, const rf_case *shapes, bool training, uint64_t seed, rf_trial *trial) {
    rf_status status;
    *trial = (rf_trial){.op = op, .shapes = shapes};
    trial->call.training = training;
    parse_inputs(shapes->inputs, &trial->call);
    while (op->out_names[trial->call.n_out]) trial->call.n_out++;
    RF_TRY_GOTO(rf_op_parse_attrs(op, shapes->attrs, trial->attr));
    trial->call.attr = trial->attr;
    RF_TRY_GOTO(op->infer(&trial->call));
    RF_TRY_GOTO(make_buffers(trial, seed));
    trial->call.attr = NULL; /* set when it runs: the trial may be moved until then */
    return RF_OK;
fail:
    rf_trial_free(trial);
    return rf_fail_context(status, "op %s, case \"%s\" \"%s\"", op->name, shapes->inputs, shapes->attrs);
}

void rf_trial_free(rf_trial *trial) {
    for (int i = 0; i < RF_MAX_INPUTS; i++) {
        rf_free(trial->call.in[i].data);
        rf_free(trial->call.din[i].data);
    }
    for (int i = 0; i < RF_MAX_OUTPUTS; i++) {
        rf_free(trial->call.out[i].data);
        rf_free(trial->call.dout[i].data);
    }
    rf_free(trial->poison);
    rf_free(trial->work[0]);
    rf_free(trial->work[1]);
    *trial = (rf_trial){0};
}

/* The call as op code gets it in one pass. */
static rf_call call_of(rf_trial *t, rf_pass pass) {
    rf_call call = t->call;
    call.attr = t->attr;
    call.work = t->work[pass];
    call.rows = t->op->counts ? &t->rows : NULL;
    make_garbage(call.work, t->work_bytes[pass]);
    return call;
}

rf_status rf_trial_forward(rf_trial *trial) {
    rf_call call = call_of(trial, RF_PASS_FORWARD);
    for (int i = 0; i < RF_MAX_INPUTS; i++) call.din[i].data = NULL;
    for (int i = 0; i < RF_MAX_OUTPUTS; i++) call.dout[i].data = NULL;
    return trial->op->view ? RF_OK : trial->op->forward(&call);
}

uint32_t rf_trial_gradients(const rf_trial *trial) {
    uint32_t wanted = 0;
    for (int i = 0; i < trial->call.n_in && !trial->op->view; i++)
        if (trial->call.in[i].shape.n >= 0) wanted |= trial->op->differentiable & 1u << i;
    return trial->op->backward ? wanted : 0;
}

void rf_trial_backward(rf_trial *trial, uint32_t wanted, bool add, bool hide) {
    rf_call call = call_of(trial, RF_PASS_BACKWARD);
    uint32_t needs = trial->op->backward_needs ? trial->op->backward_needs(&call) : 0;
    rf_real *hidden = hide ? NULL : trial->poison;
    for (int i = 0; i < call.n_in; i++) {
        if (call.in[i].shape.n < 0) continue;
        if (!(needs & RF_NEED_IN(i))) call.in[i].data = hidden;
        call.din_add[i] = add;
        if (!(wanted >> i & 1))
            call.din[i].data = NULL;
        else if (!add)
            make_garbage(call.din[i].data, rf_shape_count(&call.in[i].shape) * sizeof(rf_real));
    }
    for (int i = 0; i < call.n_out; i++)
        if (!(needs & RF_NEED_OUT(i))) call.out[i].data = hidden;
    trial->op->backward(&call);
}

static rf_status compare_trials(const rf_trial *got, const rf_trial *wanted) {
    const rf_op *op = got->op;
    if (got->rows != wanted->rows)
        return rf_fail(RF_ERR_USER, "op %s, case \"%s\" \"%s\": %d rows, expected %d", op->name, got->shapes->inputs,
                       got->shapes->attrs, got->rows, wanted->rows);
    for (int i = 0; i < got->call.n_out; i++) {
        rf_shape shape = got->call.out[i].shape;
        if (op->counts) shape.d[0] = got->rows;
        RF_TRY(rf_check_close(got, op->out_names[i], got->call.out[i].data, wanted->call.out[i].data,
                              rf_shape_count(&shape), rf_check_tolerance()));
    }
    for (int i = 0; i < got->call.n_in; i++)
        if (got->call.in[i].data)
            RF_TRY(rf_check_close(got, "an input after forward", got->call.in[i].data, wanted->call.in[i].data,
                                  rf_shape_count(&got->call.in[i].shape), rf_check_tolerance()));
    return RF_OK;
}

/* Runs `trial` in place and compares with the out[0] of `apart`. */
static rf_status check_inplace(rf_trial *trial, const rf_trial *apart) {
    int input = trial->op->inplace_input - 1;
    rf_real *own = trial->call.out[0].data;
    trial->call.out[0].data = trial->call.in[input].data;
    rf_status status = rf_trial_forward(trial);
    if (status == RF_OK)
        status = rf_check_close(trial, "the result in place", trial->call.in[input].data, apart->call.out[0].data,
                                rf_shape_count(&apart->call.out[0].shape), 0);
    trial->call.out[0].data = own;
    return status;
}

rf_status rf_check_forward(const rf_op *op, const rf_case *shapes, bool training) {
    rf_status status = RF_OK;
    rf_trial got = {0}, wanted = {0}, inplace = {0};
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 1, &got));
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 1, &wanted));
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 1, &inplace));
    RF_TRY_GOTO(rf_trial_forward(&got));
    if (op->view)
        memcpy(got.call.out[0].data, got.call.in[0].data, rf_shape_count(&got.call.in[0].shape) * sizeof(rf_real));
    rf_call call = call_of(&wanted, RF_PASS_FORWARD);
    op->reference(&call);
    RF_TRY_GOTO(compare_trials(&got, &wanted));
    if (op->inplace_input) RF_TRY_GOTO(check_inplace(&inplace, &got));
fail:
    rf_trial_free(&got);
    rf_trial_free(&wanted);
    rf_trial_free(&inplace);
    return status;
}

/* Adds onto drawn numbers and compares with those numbers plus the stored gradient of `base`. */
static rf_status check_adding(rf_trial *t, rf_trial *base, uint32_t wanted) {
    for (int i = 0; i < t->call.n_in; i++)
        if (wanted >> i & 1) draw(t->call.din[i].data, rf_shape_count(&t->call.in[i].shape), 2, (uint64_t)i);
    rf_trial_backward(t, wanted, true, true);
    for (int i = 0; i < t->call.n_in; i++) {
        if (!(wanted >> i & 1)) continue;
        size_t count = rf_shape_count(&t->call.in[i].shape);
        rf_real *expected = rf_alloc(count, sizeof *expected);
        if (!expected) return RF_ERR_NOMEM;
        draw(expected, count, 2, (uint64_t)i);
        for (size_t k = 0; k < count; k++) expected[k] += base->call.din[i].data[k];
        rf_status status = rf_check_close(t, "a gradient in add mode", t->call.din[i].data, expected, count,
                                          rf_check_tolerance() * 0.1);
        rf_free(expected);
        RF_TRY(status);
    }
    return RF_OK;
}

rf_status rf_check_modes(const rf_op *op, const rf_case *shapes, bool training) {
    rf_status status = RF_OK;
    rf_trial base = {0}, other = {0};
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 1, &base));
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 1, &other));
    uint32_t wanted = rf_trial_gradients(&base);
    if (!wanted) goto fail;
    RF_TRY_GOTO(rf_trial_forward(&base));
    RF_TRY_GOTO(rf_trial_forward(&other));
    rf_trial_backward(&base, wanted, false, false);
    for (int i = 0; i < base.call.n_in; i++) {
        if (!(wanted >> i & 1)) continue;
        size_t count = rf_shape_count(&base.call.in[i].shape);
        for (size_t k = 0; k < count; k++)
            if (!isfinite(base.call.din[i].data[k])) {
                status = fail_case(&base, "a gradient is not finite: backward reads a buffer it does not declare, or "
                                          "does not store every element");
                goto fail;
            }
        rf_trial_backward(&other, 1u << i, false, true);
        RF_TRY_GOTO(rf_check_close(&other, "a gradient asked for alone", other.call.din[i].data, base.call.din[i].data,
                                   count, 0));
    }
    RF_TRY_GOTO(check_adding(&other, &base, wanted));
fail:
    rf_trial_free(&base);
    rf_trial_free(&other);
    return status;
}

/* Elements of all outputs that get a gradient. */
static size_t output_count(const rf_trial *t) {
    size_t count = 0;
    for (int i = 0; i < t->call.n_out; i++)
        if (t->call.dout[i].data) count += rf_shape_count(&t->call.out[i].shape);
    return count;
}

/* d sum(seed * out) / d in[input][element] by a central difference, over all outputs that get a gradient; `copy` holds
 * them once. NaN, which equals no gradient: forward failed. */
static double numeric(rf_trial *t, int input, size_t element, rf_real *copy) {
    rf_real *x = &t->call.in[input].data[element], former = *x, *to = copy;
    double h = 1e-5 * fmax(1, fabs((double)former)), sum = 0;
    *x = (rf_real)((double)former + h);
    double up = (double)*x;
    if (rf_trial_forward(t) != RF_OK) return NAN;
    for (int i = 0; i < t->call.n_out; i++) {
        size_t count = t->call.dout[i].data ? rf_shape_count(&t->call.out[i].shape) : 0;
        if (count) memcpy(to, t->call.out[i].data, count * sizeof *to);
        to += count;
    }
    *x = (rf_real)((double)former - h);
    double down = (double)*x;
    if (rf_trial_forward(t) != RF_OK) return NAN;
    *x = former;
    for (int i = 0; i < t->call.n_out; i++) {
        size_t count = t->call.dout[i].data ? rf_shape_count(&t->call.out[i].shape) : 0;
        for (size_t k = 0; k < count; k++, copy++)
            sum += (double)t->call.dout[i].data[k] * ((double)*copy - (double)t->call.out[i].data[k]);
    }
    return sum / (up - down);
}

static rf_status check_input(rf_trial *moved, const rf_trial *base, int input, size_t limit, rf_real *copy) {
    size_t count = rf_shape_count(&base->call.in[input].shape);
    size_t step = limit > 0 && count > limit ? count / limit | 1 : 1;
    const rf_real *gradient = base->call.din[input].data;
    double top = 0;
    for (size_t i = 0; i < count; i++) top = fmax(top, fabs((double)gradient[i]));
    for (size_t i = 0; i < count; i += step) {
        double got = (double)gradient[i], x = (double)base->call.in[input].data[i];
        double wanted = isnan(x) ? 0 : numeric(moved, input, i, copy); /* NaN stands where nothing may be read */
        double scale = fmax(fmax(fabs(got), fabs(wanted)), fmax(0.01 * top, 1e-4));
        if (fabs(got - wanted) <= 1e-6 * scale) continue;
        return rf_fail(RF_ERR_USER,
                       "op %s, case \"%s\" \"%s\"%s: gradient of input %d, element %zu is %.12g, central difference "
                       "%.12g",
                       base->op->name, base->shapes->inputs, base->shapes->attrs,
                       base->call.training ? "" : " (evaluation)", input, i, got, wanted);
    }
    return RF_OK;
}

rf_status rf_check_gradient(const rf_op *op, const rf_case *shapes, bool training, size_t limit) {
    rf_status status = RF_OK;
    rf_trial base = {0}, moved = {0};
    rf_real *copy = NULL;
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 3, &base));
    RF_TRY_GOTO(rf_trial_make(op, shapes, training, 3, &moved));
    uint32_t wanted = rf_trial_gradients(&base);
    copy = rf_alloc(output_count(&base), sizeof *copy);
    if (!copy) RF_TRY_GOTO(RF_ERR_NOMEM);
    if (!wanted) goto fail;
    base.call.replay = moved.call.replay = true; /* running statistics must not move between the two evaluations */
    RF_TRY_GOTO(rf_trial_forward(&base));
    rf_trial_backward(&base, wanted, false, false);
    for (int i = 0; i < base.call.n_in; i++)
        if (wanted >> i & 1) RF_TRY_GOTO(check_input(&moved, &base, i, limit, copy));
fail:
    rf_free(copy);
    rf_trial_free(&base);
    rf_trial_free(&moved);
    return status;
}

static rf_status check_attrs(const rf_op *op) {
    for (int i = 0; op->attrs[i].name; i++) {
        const rf_attr *a = &op->attrs[i];
        if (!a->doc || !*a->doc) return rf_fail(RF_ERR_USER, "op %s: attribute %s has no text", op->name, a->name);
        if (!(a->lo <= a->initial && a->initial <= a->hi))
            return rf_fail(RF_ERR_USER, "op %s: attribute %s starts outside its range", op->name, a->name);
        for (int k = 0; k < i; k++)
            if (strcmp(op->attrs[k].name, a->name) == 0)
                return rf_fail(RF_ERR_USER, "op %s: two attributes %s", op->name, a->name);
    }
    return RF_OK;
}

rf_status rf_check_contract(const rf_op *op) {
    int inputs = 0;
    if (!op->name || !*op->name) return rf_fail(RF_ERR_USER, "an op has no name");
    if (rf_op_find(op->name) != op) return rf_fail(RF_ERR_USER, "op %s: the name is taken twice", op->name);
    while (op->in_names[inputs]) inputs++;
    if (!op->formula || !*op->formula || !inputs || !op->out_names[0] || !op->infer || !op->reference)
        return rf_fail(RF_ERR_USER, "op %s lacks a formula, names, infer or a reference", op->name);
    if (!op->cases || !op->cases[0].inputs) return rf_fail(RF_ERR_USER, "op %s has no cases", op->name);
    if (op->view ? op->forward || op->backward : !op->forward)
        return rf_fail(RF_ERR_USER, "op %s: forward is for ops that are no views", op->name);
    if (!op->view && !op->differentiable != !op->backward)
        return rf_fail(RF_ERR_USER, "op %s: backward and differentiable inputs go together", op->name);
    if (op->counts && (op->view || op->differentiable || op->inplace_input))
        return rf_fail(RF_ERR_USER, "op %s: who counts rows has no gradient and works in place of nothing", op->name);
    if (!op->variadic && op->differentiable >> inputs)
        return rf_fail(RF_ERR_USER, "op %s: a differentiable input does not exist", op->name);
    if (op->inplace_input < 0 || op->inplace_input > inputs)
        return rf_fail(RF_ERR_USER, "op %s: inplace_input does not exist", op->name);
    RF_TRY(check_attrs(op));
    for (const rf_case *c = op->cases; c->inputs && op->inplace_input && op->backward_needs; c++) {
        rf_trial trial;
        RF_TRY(rf_trial_make(op, c, true, 1, &trial));
        rf_call call = call_of(&trial, RF_PASS_BACKWARD);
        bool reads = op->backward_needs(&call) & RF_NEED_IN(op->inplace_input - 1);
        rf_trial_free(&trial);
        if (reads) return rf_fail(RF_ERR_USER, "op %s: backward reads the input that forward overwrites", op->name);
    }
    return RF_OK;
}
