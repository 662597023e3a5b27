/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of objects of an annotation are kept, and what they are called in the set that is made of it. */
#ifndef RF_DATA_CLASS_MAP_H
#define RF_DATA_CLASS_MAP_H

#include "settings/classes.h"

enum { RF_CLASS_MAP_MAX = 64, RF_CLASS_MAP_BYTES = 128 };

typedef struct rf_class_map {
    rf_classes classes; /* of the set that is made, in the order of their first mention */
    int n;
    struct {
        char name[RF_CLASS_MAP_BYTES]; /* in the annotation */
        int label;
    } from[RF_CLASS_MAP_MAX];
} rf_class_map;

/* Reads "mask,no_mask", or with other names in the annotation "with_mask=mask,without_mask=no_mask"; several may become
 * one. RF_ERR_USER, of which `what` is the first word, as rf_classes_parse, or for a name that stands on the left side
 * twice. */
rf_status rf_class_map_parse(const char *what, const char *text, rf_class_map *out);

#endif
