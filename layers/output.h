/* SPDX-License-Identifier: Apache-2.0 */
/* What a network predicts: a list of outputs. Loss, finder and exporters find one by name or walk the list; no place in
 * it has a meaning of its own. An entry is what one stage of heads says under one name at one level; the rows of a name
 * and stage are one array, which the entries of its levels share.
 *
 *   cls       logits of the background and of each kind of object (data.classes), mostly one, the face
 *   loc       the box, as its coder writes it relative to the box of the stage before (layers/coder.h)
 *   points    the landmarks, as their coder writes them relative to the same box
 *   blur, visible, ...   what else is said of a face (layers/output_kind.h)
 *   head_cls, head_loc   cls and loc of whole heads (model.head_box), in training only */
#ifndef RF_LAYERS_OUTPUT_H
#define RF_LAYERS_OUTPUT_H

#include "autograd/graph.h"
#include "layers/coder.h"

enum { RF_NET_LEVELS = 8, RF_NET_STAGES = 4, RF_OUTPUTS_MAX = 256 };

typedef struct rf_output {
    const char *name; /* outlives the list */
    int width;        /* numbers a row */
    int head_stage;   /* from 0; more than one stage: a cascade */
    int level;
    bool training; /* in RF_TRAIN only: nobody evaluates or exports it */
    rf_value map;  /* [N,h,w,anchors of a cell * width]; RF_NONE: it is cut from the map of a wider head */
    rf_value rows; /* [N,rows,width], kept, those of all levels in anchor order: row, column, anchor of the cell */
    size_t first, count;   /* the level's rows */
    const rf_coder *coder; /* what a row means; NULL: numbers as they are */
} rf_output;

typedef struct rf_output_list {
    rf_output v[RF_OUTPUTS_MAX];
    int n;
} rf_output_list;

/* Appends a copy. RF_ERR_USER: more than RF_OUTPUTS_MAX, no name, no width, a stage or level out of range, or one of
 * that name, stage and level is there. */
rf_status rf_outputs_add(rf_output_list *list, const rf_output *output);

/* The output of a name at a stage and level, NULL: there is none. */
const rf_output *rf_outputs_find(const rf_output_list *list, const char *name, int head_stage, int level);

/* A name and stage with all their levels. */
typedef struct rf_output_rows {
    rf_value value; /* [N,count,width]; RF_NONE: not predicted */
    int width;
    size_t count;
    long first[RF_NET_LEVELS]; /* first row of a level; -1: it has none */
} rf_output_rows;
rf_output_rows rf_outputs_rows(const rf_output_list *list, const char *name, int head_stage);

/* Their value alone; of the last stage for head_stage = -1. */
rf_value rf_outputs_value(const rf_output_list *list, const char *name, int head_stage);

/* Stages of heads, 1 without a cascade; 0 for an empty list. */
int rf_outputs_stages(const rf_output_list *list);

#endif
