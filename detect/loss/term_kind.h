/* SPDX-License-Identifier: Apache-2.0 */
/* A term that is added to a loss, by name, `loss.terms = name:weight, ...`, or by a setting of its own: one file and
 * one line of detect/loss/terms.def, or a folder outside the tree (docs/extending.md). It reads what the loss has
 * matched and appends nodes that end in a scalar. */
#ifndef RF_DETECT_TERM_KIND_H
#define RF_DETECT_TERM_KIND_H

#include "core/registry.h"
#include "detect/codec.h"
#include "detect/loss/loss.h"

/* What a loss has matched: the anchors of a step, the last one with boxes unless something else is said. Borrowed from
 * the loss, which outlives the graph; read by host nodes (rf_term_host), when the step's faces are matched. */
typedef struct rf_loss_stage rf_term_matches;

/* One positive anchor. Start from a zeroed struct. */
typedef struct rf_term_match {
    size_t row;          /* of the predictions: [N,rows,...] as [N*rows,...] */
    const float *anchor; /* cx cy w h in pixels of the input */
    const rf_face *face; /* that it is to find */
    int level;
    size_t next; /* for rf_term_next */
} rf_term_match;

/* The next positive anchor of an image that has a box; false: there is none. Thread safe, an image a thread. */
bool rf_term_next(const rf_term_matches *matches, size_t image, rf_term_match *match);
/* The first step, whose anchors are those of the grid; without a cascade it is the only one. */
const rf_term_matches *rf_term_first_step(const rf_term_matches *matches);
/* Images of a batch, and how boxes and points are encoded relative to their anchors. */
size_t rf_term_images(const rf_term_matches *matches);
const rf_codec *rf_term_codec(const rf_term_matches *matches);

/* What a term is built with. The settings are borrowed while it is built, the rest as long as the graph. */
typedef struct rf_term_context {
    rf_graph *graph;
    const rf_config *config;
    const rf_detector *detector;
    const rf_term_matches *matches;
    rf_term_list *terms;
    const char *name; /* of the kind */
    double weight;    /* from loss.terms */
} rf_term_context;

/* What the step predicts, by the name of the output (layers/output.h), as rows [N,rows,width] of its anchors. RF_NONE:
 * it does not predict that. */
rf_value rf_term_prediction(const rf_term_context *context, const char *name);
/* What the loss compares "cls" (kinds [N,rows], -1: not looked at), "loc" and "points" with, and the weight of each row
 * in its sum [N,rows], 0 where there is no target: the loss's normalisation is in it. RF_NONE: there is none. */
rf_value rf_term_target(const rf_term_context *context, const char *name);
rf_value rf_term_row_weight(const rf_term_context *context, const char *name);

/* Appends a host node that runs when the faces are matched; returns its first output. state: what rf_term_kind.build
 * got, or part of it. */
rf_value rf_term_host(const rf_term_context *context, const char *name, rf_host_fn fn, void *state,
                      const rf_shape *outputs, int n_outputs);

/* Puts the scalar into the loss under the kind's name and weight; a weight of 0 reports it only. */
rf_status rf_term_add(const rf_term_context *context, rf_value value);

/* One entry of terms.def. */
typedef struct rf_term_kind {
    const char *name; /* a key of train.jsonl and a curve of loss.svg: at most 15 letters */
    const char *doc;
    size_t state_bytes; /* of the term's own memory: zeroed, as long as the graph */
    /* Appends nodes and calls rf_term_add. RF_ERR_USER says what the network lacks. */
    rf_status (*build)(const rf_term_context *context, void *state);
    void (*free)(void *state); /* what state points to; also after a build that failed. NULL: nothing */
    /* A term that a setting of its own switches on, which loss.terms does not name: the setting, and whether it is on.
     * Its weights are settings too: it adds itself with rf_terms_add. NULL: loss.terms names it. */
    const char *key;
    bool (*on)(const rf_config *config);
    /* Before every run, once it is built. RF_ERR_NOMEM: the batch is not set. NULL: the matches say enough. */
    rf_status (*set_batch)(void *state, const rf_loss_batch *batch);
} rf_term_kind;

/* The kinds by name. */
RF_REGISTRY_DECLARE(term_kind, rf_term_kind)

/* Terms of one loss with their memory. Start from a zeroed struct; free it after the graph, in every case. */
typedef struct rf_term_states {
    struct {
        const rf_term_kind *kind;
        double weight;
        void *state;
    } v[RF_TERMS_MAX];
    int n;
} rf_term_states;

/* The terms of a configuration: those that settings of their own switch on, in the order of the registry, then those of
 * loss.terms. RF_ERR_USER: a name that is none, or twice there; a weight that is no number of 0 to 1000. */
rf_status rf_term_states_read(const rf_config *config, rf_term_states *states);
/* Builds them; base has graph, config, detector, matches and terms. */
rf_status rf_term_states_build(rf_term_states *states, const rf_term_context *base);
rf_status rf_term_states_set_batch(rf_term_states *states, const rf_loss_batch *batch);
void rf_term_states_free(rf_term_states *states);

#endif
