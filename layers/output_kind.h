/* SPDX-License-Identifier: Apache-2.0 */
/* What a network may predict of a face beside its kind, box and points: how blurred it is, which points can be seen, a
 * pose. One line of layers/output_kinds.def and one entry in detect/, or a folder outside the tree (docs/extending.md);
 * a setting of its own or model.outputs asks for it. Heads, loss, finder and JSON walk the list of what is asked for
 * and know no name. All functions are pure and thread safe. */
#ifndef RF_LAYERS_OUTPUT_KIND_H
#define RF_LAYERS_OUTPUT_KIND_H

#include "settings/settings.h"
#include "core/registry.h"

struct rf_face; /* detect/face.h */

enum { RF_EXTRAS_MAX = 8, RF_EXTRA_NUMBERS = 256 }; /* outputs of a network, and their numbers in all */

typedef struct rf_output_kind {
    const char *name; /* of the output (layers/output.h), of its term and in JSON: at most 15 letters */
    const char *doc;
    /* The setting that asks for it, "model.blur", and whether it does; both NULL: model.outputs names it. */
    const char *key;
    bool (*wanted)(const rf_config *config);
    /* The output whose head gives these numbers, too, behind its own: "loc", or "points", where each point has its
     * share of them. NULL: a head of its own, called after the name, "poseHead". */
    const char *beside;
    int (*width)(int n_points); /* numbers of a row, for faces with so many points; 0: not without points */
    /* What the network is to say of an annotated face (with the points of the training picture, mirrored as it is).
     * false: the face does not tell. NULL: no loss is made of it here, but by a term of the same folder or by the loss
     * itself (detect/loss/side_loss.h). */
    bool (*target)(const struct rf_face *face, float *row);
    /* What becomes of a found row, which lives until the face is copied; NULL: it is one of face->extra. */
    void (*keep)(struct rf_face *face, float *row);
    /* The row of the mirror image, in place; NULL: it is the same. */
    void (*mirror)(float *row);
} rf_output_kind;

/* The registry: layers/output_kinds.def and what rf_register_output_kind adds. */
RF_REGISTRY_DECLARE(output_kind, rf_output_kind)

/* One that a configuration asks for. */
typedef struct rf_extra {
    const rf_output_kind *kind;
    int width;     /* of a row */
    double weight; /* of its term, from model.outputs */
    int first;     /* place of its numbers in face->extra; -1: they have a place of their own there */
} rf_extra;

typedef struct rf_extras {
    rf_extra v[RF_EXTRAS_MAX];
    int n;
    int numbers; /* in face->extra */
} rf_extras;

/* Those with settings of their own in the order of the registry, then model.outputs = name:weight, ... in its order.
 * RF_ERR_USER: a name that is none, is asked for by a setting of its own or comes twice, a weight that is no number of
 * 0 to 1000, an output that needs points. */
rf_status rf_extras_of(const rf_config *config, rf_extras *out);

/* What asks for it, for messages: "model.blur = yes", "model.outputs = pose". */
enum { RF_EXTRA_TEXT = 64 };
const char *rf_extra_asked(const rf_extra *extra, char text[RF_EXTRA_TEXT]);

#endif
