/* SPDX-License-Identifier: Apache-2.0 */
/* A coder is the convention in which a network writes boxes or points: numbers relative to an anchor, or to the box of
 * the stage of heads before. One file of detect/coders/ and one line of layers/coders.def, or a folder outside the tree
 * (docs/extending.md); anchors.box_coder and anchors.point_coder choose by name. Nobody else knows a formula: the loss
 * encodes by it, the finder runs its nodes, and exporters translate them (export/decoding.h).
 * All functions are pure and thread safe. Numbers are floats, anchors cx cy w h in pixels of the input. */
#ifndef RF_LAYERS_CODER_H
#define RF_LAYERS_CODER_H

#include "autograd/graph.h"
#include "core/registry.h"

struct rf_codec; /* detect/codec.h: the settings of a coder */
struct rf_face;  /* detect/face.h */

/* Boxes in centre form as values of a graph, [n,2] each: cx cy and w h. Anchors, and what they are moved to. */
typedef struct rf_box_rows {
    rf_value centre, size;
} rf_box_rows;

enum { RF_CODE_MAX = 256 }; /* numbers of a row at most */

/* A coder of boxes has `move` and `boxes`, one of points `place` and `points`; the others are NULL. Both forms of
 * decoding give the same bits: training looks at boxes on the way, everything else runs nodes. */
typedef struct rf_coder {
    const char *name, *doc;
    const char *row; /* what the numbers are, for cards: "dx, dy, dw, dh"; of points: of each, "dx, dy" */
    /* Numbers of a row, 1 to RF_CODE_MAX, for faces with so many points. */
    int (*width)(int n_points);
    /* What the network is to say of a face: its box, or its codec->n_points points, which it has. */
    void (*encode)(const struct rf_codec *codec, const float anchor[4], const struct rf_face *face, float *row);

    /* The box that a row means, in centre form: the anchor of the next stage. Its sides are finite and not negative,
     * whatever the row says (limit it). `out` may be `anchor`. */
    void (*move)(const struct rf_codec *codec, const float anchor[4], const float *row, float out[4]);
    /* The same of rows [n,width] as primitive ops, each row by itself: slice, reshape, concat (not of the first
     * dimension), scale, shift, clamp, exp, sigmoid, relu, add and mul, so that exporters can translate it. */
    rf_box_rows (*boxes)(rf_graph *graph, const struct rf_codec *codec, rf_box_rows anchors, rf_value rows);

    /* points [n_points][2] that a row means. */
    void (*place)(const struct rf_codec *codec, const float anchor[4], const float *row, float *points);
    /* [n,2 x n_points] in pixels. */
    rf_value (*points)(rf_graph *graph, const struct rf_codec *codec, rf_box_rows anchors, rf_value rows);

    /* Rows [n,width] relative to the boxes that `before` (rows of codec's coder of boxes) means, as rows relative to
     * what `before` is relative to. RF_NONE, also without it (NULL): this cannot be done for such boxes. Formats need
     * it that write the rows of a cascade as if there were one stage. */
    rf_value (*compose)(rf_graph *graph, const struct rf_codec *codec, rf_value before, rf_value rows);
} rf_coder;

/* The registry: layers/coders.def and what rf_register_coder adds. */
RF_REGISTRY_DECLARE(coder, rf_coder)

/* The coder of boxes, or of points, of a name. NULL with RF_ERR_USER's message, which begins with the setting. */
const rf_coder *rf_box_coder_find(const char *name);
const rf_coder *rf_point_coder_find(const char *name);

#endif
