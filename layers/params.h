/* SPDX-License-Identifier: Apache-2.0 */
/* The parameter store: every learnable array and running statistic of a network under its name in the weight file, laid
 * out in flat arrays. It is made once for a configuration (rf_detector_params) and serves graphs of every input size.
 */
#ifndef RF_LAYERS_PARAMS_H
#define RF_LAYERS_PARAMS_H

#include "autograd/graph.h"

enum { RF_NAME_BYTES = 128 }; /* of a parameter's name, with the 0 */

typedef enum rf_param_kind {
    RF_PARAM_CONV,     /* convolution weight; file [O][I][Kh][Kw], graph [Kh][Kw][I][O] */
    RF_PARAM_DWCONV,   /* depth-wise weight; file [C][1][Kh][Kw], graph [Kh][Kw][1][C] */
    RF_PARAM_BIAS,     /* convolution bias [O] */
    RF_PARAM_BN_GAMMA, /* batch normalisation [C]: scale, shift, running mean, running variance */
    RF_PARAM_BN_BETA,
    RF_PARAM_BN_MEAN,
    RF_PARAM_BN_VAR,
} rf_param_kind;

enum rf_param_flag {
    RF_PARAM_BACKBONE = 1,   /* optim.backbone_lr */
    RF_PARAM_HEAD = 2,       /* optim.head_lr: the class, box and landmark convolutions */
    RF_PARAM_BN_OR_BIAS = 4, /* optim.decay_bn_bias */
    RF_PARAM_FROZEN = 8,     /* not trained: its gradient stays 0 and the optimiser skips it */
};

/* How values start (layers/init.h). */
typedef enum rf_init {
    RF_INIT_HE_NORMAL,
    RF_INIT_XAVIER_UNIFORM,
    RF_INIT_NORMAL_001,
    RF_INIT_FAN_IN_UNIFORM,
    RF_INIT_ZERO,
    RF_INIT_ONE,
    RF_INIT_RARE /* -ln((1 - 0.01) / 0.01): a class that is rare, for focal loss (arXiv 1708.02002, section 4.1) */
} rf_init;

typedef struct rf_param {
    char *name; /* "body.stage1.0.0.weight" */
    rf_param_kind kind;
    rf_init init;
    int n_dims;
    size_t dims[4];    /* as in the file, PyTorch's order */
    rf_shape shape;    /* as in the graph */
    unsigned flags;    /* enum rf_param_flag */
    double lr_mult;    /* factor of the learning rate; 0 when frozen */
    double decay_mult; /* factor of the weight decay: 0 or 1 */
    size_t fan_in;     /* inputs of one output: of the convolution a bias belongs to as well; 0: none */
    size_t count;      /* elements */
    size_t offset;     /* first element in data and grad, or in state (running statistics); a multiple of 16 */
} rf_param;

#define RF_FOLD_ALONE ((size_t)-1)
/* A convolution (indices into entries) whose batch normalisation can be folded into it; conv RF_FOLD_ALONE: a
 * normalisation without one, whose scale and shift are then in gamma's and beta's place. */
typedef struct rf_fold {
    size_t conv, gamma, beta, mean, var;
    double eps;
} rf_fold;

typedef struct rf_params {
    rf_param *entries; /* in the order of building */
    size_t count, capacity;
    rf_fold *folds;
    size_t n_folds, fold_capacity;
    /* Where the next lookup is expected: later builds ask in the order of the first. Only a hint, so that evaluation
     * graphs may be built on folded values in several threads at once. */
    _Atomic size_t cursor;
    bool sealed;       /* the arrays exist, nothing can be added */
    bool folded_valid; /* `folded` was filled since rf_params_init or a load of weights */

    rf_real *data, *grad; /* [data_count] learnable values and their gradients; the gaps between entries are 0 */
    rf_real *state;       /* [state_count] running means and variances */
    rf_real *folded;      /* [data_count] what evaluation graphs read, see rf_params_fold; NULL before the first */
    size_t data_count, state_count; /* with the gaps */
} rf_params;

/* Empty store, or NULL (no memory). rf_params_free takes NULL. */
rf_params *rf_params_new(void);
void rf_params_free(rf_params *params);

/* Index of the entry called want->name; created when the store is not sealed (name copied; n_dims, dims, kind, flags,
 * init and multipliers taken over; shape, count and offset computed). RF_ERR_USER when a sealed store lacks it or its
 * kind or dimensions differ: the store was made for another configuration. */
rf_status rf_params_get(rf_params *params, const rf_param *want, size_t *index);
/* Notes that evaluation may fold a batch normalisation; once for each convolution, before sealing. */
rf_status rf_params_add_fold(rf_params *params, const rf_fold *fold);
/* Allocates the arrays, all zero. */
rf_status rf_params_seal(rf_params *params);

/* Entry by name, or NULL. */
const rf_param *rf_params_find(const rf_params *params, const char *name);
/* Running statistics live in `state` and have no gradient; everything else lives in `data`. */
bool rf_param_is_state(const rf_param *param);
/* Values of an entry, in the graph's layout. Owned by the store. */
rf_real *rf_params_values(const rf_params *params, const rf_param *param);
/* Number of learnable values, frozen ones included, gaps and running statistics not: what PyTorch counts. */
size_t rf_params_learnable(const rf_params *params);
/* The first entry, weights or running statistics, that holds a NaN or an infinity; NULL when all is finite. */
const rf_param *rf_params_find_nonfinite(const rf_params *params);

/* Copies values between the graph's layout and the file's (float32, C order of dims). Both hold param->count elements.
 */
void rf_param_to_file(const rf_param *param, const rf_real *values, float *file);
void rf_param_from_file(const rf_param *param, const float *file, rf_real *values);

/* Other values for a network than the store's own, for example an average over the training. Both belong together: a
 * normalisation needs the statistics of what the weights give. NULL: the store's own. Borrowed. */
typedef struct rf_param_values {
    const rf_real *data;  /* laid out like params->data */
    const rf_real *state; /* like params->state */
} rf_param_values;

/* Fills `folded` from `values` (NULL: the store's own), learnable ones and running statistics: w' = w *
 * gamma/sqrt(var+eps), and in beta's place b' = beta - mean * gamma/sqrt(var+eps); all other entries are copied.
 * Evaluation graphs read this array, those built before as well: call it whenever training changed the weights. Not
 * thread safe. */
rf_status rf_params_fold(rf_params *params, const rf_param_values *values);

#endif
