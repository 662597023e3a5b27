/* SPDX-License-Identifier: Apache-2.0 */
/* A family of detectors: a builder that appends a network to a graph and lists what it predicts. Everything above works
 * on the list: losses, finder, evaluation and exports know no family. A folder below detectors/ and one line of
 * detectors/parts.def, or a folder outside the tree (docs/extending.md); model.family chooses by name. */
#ifndef RF_LAYERS_FAMILY_H
#define RF_LAYERS_FAMILY_H

#include "layers/blocks.h"
#include "layers/detector.h"

typedef struct rf_family {
    const char *name, *doc;
    /* Appends the network to out->input [N,H,W,3], which is there, makes or finds its parameters on the way, and fills
     * the other members but the branches: levels (rf_detector_levels), maps and features, outputs (rf_detector_list).
     * Anchors are those of [anchors] at model.strides, which the loss and the finder read, too. The same code makes the
     * parameters, trains and evaluates (net->mode). RF_ERR_USER: settings that make no network. */
    rf_status (*build)(rf_net *net, const rf_config *config, rf_detector *out);
    /* Sections of the tree that say nothing of it, "cascade" for one, NULL after the last: they are not printed, and
     * what they set is refused. NULL: it reads them all. */
    const char *const *unread;
} rf_family;

/* Whether the configuration's family reads a section. */
bool rf_family_reads(const rf_config *config, const char *section);

/* The families by name: detectors/parts.def and what is registered. The registry is defined where the families are,
 * in detectors/families.c. */
RF_REGISTRY_DECLARE(family, rf_family)

#endif
