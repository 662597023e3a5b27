/* SPDX-License-Identifier: Apache-2.0 */
/* What a loss hands up: a list of terms. Whoever trains, logs and draws walks the list and knows no name.
 * total = the left fold of weight * value over the terms with RF_TERM_SUM, in the order of the list. A term without
 * that flag only reports: it is a part of one that is summed. Names are keys of train.jsonl: unique in a list. */
#ifndef RF_LAYERS_TERM_H
#define RF_LAYERS_TERM_H

#include "autograd/graph.h"

enum { RF_TERM_NAME = 16, RF_TERMS_MAX = 40, RF_TERM_PARTS = 8 };

enum {
    RF_TERM_SUM = 1,  /* added to the total */
    RF_TERM_LOG = 2,  /* a key of train.jsonl; of value RF_NONE: always 0 there */
    RF_TERM_SHOW = 4, /* in the line of progress */
    RF_TERM_PLOT = 8, /* a curve of loss.svg */
    RF_TERM_REPORT = RF_TERM_LOG | RF_TERM_SHOW | RF_TERM_PLOT,
    RF_TERM_ALL = RF_TERM_SUM | RF_TERM_REPORT
};

typedef struct rf_term {
    char name[RF_TERM_NAME];
    rf_value value; /* a scalar, unweighted; RF_NONE: this network has no such term, the total does without */
    double weight;
    unsigned flags;
    int part; /* 0: of the whole; k: of the k-th of several steps, whose weighted sums the line of progress shows */
} rf_term;

typedef struct rf_term_list {
    rf_term v[RF_TERMS_MAX];
    int n;
} rf_term_list;

/* Appends a term and keeps its value readable after a run. RF_ERR_USER: more than RF_TERMS_MAX, a name that is too long
 * or taken, a part beyond RF_TERM_PARTS. */
rf_status rf_terms_add(rf_term_list *list, rf_graph *graph, const char *name, rf_value value, double weight,
                       unsigned flags, int part);
/* The term of a name, NULL: there is none. */
const rf_term *rf_terms_find(const rf_term_list *list, const char *name);
/* Its value, RF_NONE also where there is no such term. */
rf_value rf_terms_value(const rf_term_list *list, const char *name);
/* Appends the sum and keeps it readable. RF_NONE when nothing is summed or the graph has failed. */
rf_value rf_terms_total(const rf_term_list *list, rf_graph *graph);

#endif
