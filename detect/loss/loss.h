/* SPDX-License-Identifier: Apache-2.0 */
/* Losses: nodes appended to a detector's graph that end in one scalar. */
#ifndef RF_DETECT_LOSS_H
#define RF_DETECT_LOSS_H

#include <stdint.h>

#include "settings/settings.h"
#include "core/registry.h"
#include "detect/face.h"
#include "detect/placement.h"
#include "layers/detector.h"
#include "layers/term.h"

/* The faces of a batch, in pixels of the network input. Borrowed until the step has run. */
typedef struct rf_loss_batch {
    rf_face *const *faces; /* [N] arrays */
    const size_t *n_faces; /* [N] */
    /* With a mesh branch; NULL: no face has vertices (face.mesh is 0 everywhere). */
    const struct rf_mesh_table *mesh; /* data/mesh_table.h */
    const rf_placement *placements;   /* [N] from the table's pixels to the input's */
    uint64_t number;                  /* of the batch in the run, from 0: what is drawn for a batch follows from it */
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

/* The loss that loss.kind names, with its terms (detect/loss/term_kind.h), for batches of n images of h x w pixels;
 * free it after the graph. RF_ERR_USER: settings that it cannot train; a term that is none. */
rf_status rf_loss_make(const rf_config *config, int n, int h, int w, rf_loss **out);
void rf_loss_free(rf_loss *loss);

/* Appends its nodes, those of its terms and the sum, a scalar to differentiate. The settings are still those that it
 * was made with. RF_ERR_USER: the network lacks what it asks for; nothing is summed; a term has the name of another key
 * of the log. */
rf_status rf_loss_build(rf_loss *loss, rf_graph *graph, const rf_detector *detector, rf_loss_values *out);

/* What the next run of the graph learns. RF_ERR_NOMEM: the batch is not set. */
rf_status rf_loss_set_batch(rf_loss *loss, const rf_loss_batch *batch);
rf_loss_counts rf_loss_counted(const rf_loss *loss);
/* Writes what it has gathered since the last call and returns how many. */
size_t rf_loss_facts(rf_loss *loss, rf_loss_fact facts[RF_LOSS_FACTS]);

/* One entry of losses.def: a loss is a composition. What else it sums are terms (detect/loss/term_kind.h). */
typedef struct rf_loss_kind {
    const char *name, *doc;
    /* The parts that it is made of, by name: */
    const char *assigner, *later_assigner; /* of the first step, of later ones (detect/assigner.h) */
    const char *sampler;                   /* detect/sampler.h; NULL: as loss.mining says */
    const char *cls, *box;                 /* row losses of kinds, of boxes and points (detect/row_loss.h) */
    /* RF_ERR_USER: what this loss cannot train. NULL: nothing. */
    rf_status (*check)(const rf_config *config);
    bool tells; /* what refining the examples does, as facts */
} rf_loss_kind;

/* The losses by name (detect/loss/losses.def, detectors/parts.def), as loss.kind says. */
RF_REGISTRY_DECLARE(loss, rf_loss_kind)

#endif
