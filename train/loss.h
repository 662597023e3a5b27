/* SPDX-License-Identifier: Apache-2.0 */
/* Losses: nodes appended to a detector's graph that end in one scalar. */
#ifndef RF_TRAIN_LOSS_H
#define RF_TRAIN_LOSS_H

#include <stdint.h>

#include "core/config.h"
#include "core/registry.h"
#include "data/dataset.h"
#include "detect/placement.h"
#include "layers/detector.h"
#include "layers/term.h"

/* The faces of a batch, in pixels of the network input. Borrowed until the step has run. */
typedef struct rf_loss_batch {
    rf_face *const *faces; /* [N] arrays */
    const size_t *n_faces; /* [N] */
    /* With a mesh branch; NULL: no face has vertices (face.mesh is 0 everywhere). */
    const rf_mesh_table *mesh;
    const rf_placement *placements; /* [N] from the table's pixels to the input's */
    uint64_t number;                /* of the batch in the run, from 0: what is drawn for a batch follows from it */
} rf_loss_batch;

/* What a loss has become in a graph. */
typedef struct rf_loss_values {
    rf_value total; /* the sum of the terms */
    rf_term_list terms;
} rf_loss_values;

typedef struct rf_loss_counts {
    /* Anchors of the batch in the last forward run, of all stages together. */
    size_t positives, landmarks, negatives, ignored;
} rf_loss_counts;

typedef struct rf_loss rf_loss;

/* A number that a loss tells about its work, for the log. */
typedef struct rf_loss_fact {
    const char *name;
    double value;
} rf_loss_fact;
enum { RF_LOSS_FACTS = 16 }; /* at most so many */

/* One entry of losses.def. */
typedef struct rf_loss_kind {
    const char *name, *doc;
    /* Makes the state for batches of n images of h x w pixels. */
    rf_status (*make)(const rf_config *config, int n, int h, int w, rf_loss **out);
    void (*free)(rf_loss *loss);
    /* Appends the nodes and the terms, whose sum the caller makes. The loss outlives the graph's runs. */
    rf_status (*build)(rf_loss *loss, rf_graph *graph, const rf_detector *detector, rf_term_list *terms);
    /* RF_ERR_NOMEM: the batch is not set. */
    rf_status (*set_batch)(rf_loss *loss, const rf_loss_batch *batch);
    rf_loss_counts (*counts)(const rf_loss *loss);
    /* Writes what it has gathered since the last call and returns how many. NULL: nothing to tell. */
    size_t (*facts)(rf_loss *loss, rf_loss_fact facts[RF_LOSS_FACTS]);
    /* What terms of loss.terms work on (train/term_kind.h), once it is built. NULL: this loss takes no such terms. */
    const struct rf_loss_stage *(*matches)(const rf_loss *loss);
} rf_loss_kind;

/* The losses by name (train/losses.def), as loss.kind says. */
RF_REGISTRY_DECLARE(loss, rf_loss_kind)
/* Appends a loss, further terms (train/term_kind.h; NULL: none) and the sum, a scalar to differentiate. RF_ERR_USER:
 * nothing is summed; a term has the name of another key of the log. */
struct rf_term_states;
rf_status rf_loss_build(const rf_loss_kind *kind, rf_loss *loss, rf_graph *graph, const rf_detector *detector,
                        struct rf_term_states *more, rf_loss_values *out);

#endif
