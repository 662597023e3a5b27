/* Online hard-example mining (Shrivastava et al. 2016; SSD's and RetinaFace's form): of the negative anchors of an
 * image only those with the largest classification loss are kept. */
#ifndef RF_TRAIN_MINING_H
#define RF_TRAIN_MINING_H

#include <stddef.h>
#include <stdint.h>

#include "autograd/real.h"

typedef struct rf_mining_spec {
    double negative_ratio; /* kept negatives for each positive */
    size_t min_negatives;  /* at least so many, also without a positive */
} rf_mining_spec;

/* label [A]: 1, 0, -1 as matching gives it; negatives that are not kept become -1. logits [A,2] background, face: since
 * CE = log(1 + exp(face - background)) rises with the difference, the difference ranks; equal ones: lower anchor first.
 * keys is scratch of A uint64. Returns the number of negatives kept. Order of work and result depend on the input only.
 */
size_t rf_mine_negatives(const rf_mining_spec *spec, const rf_real *logits, size_t n_anchors, size_t n_positive,
                         int8_t *label, uint64_t *keys);

#endif
