/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of objects that a data set has and a network tells apart (data.classes): a face's label is the place of its
 * kind's name in the list, from 0. */
#ifndef RF_SETTINGS_CLASSES_H
#define RF_SETTINGS_CLASSES_H

#include <stddef.h>

#include "settings/settings.h"
#include "core/status.h"

enum { RF_CLASSES_MAX = 32, RF_CLASS_BYTES = 40 };

typedef struct rf_classes {
    int n; /* 0: not told */
    char name[RF_CLASSES_MAX][RF_CLASS_BYTES];
} rf_classes;

/* Reads "mask,no_mask"; blanks around a name do not count, and an empty text is no kind. RF_ERR_USER, of which `what`
 * ("data.classes") is the first word: a name that is empty, too long, comes twice, or has other characters than
 * letters, digits, - _ . and single blanks. */
rf_status rf_classes_parse(const char *what, const char *text, rf_classes *out);

/* Appends a name, of n bytes; *label is its place, which is that of the earlier one when it is there already. */
rf_status rf_classes_add(rf_classes *classes, const char *what, const char *name, size_t n, int *label);

/* What data.classes names; the one kind "face" where it is empty. */
rf_status rf_classes_of(const rf_config *config, rf_classes *out);
/* How many these are, 1 also where the text is wrong. */
int rf_classes_count(const rf_config *config);

/* The label of a name, -1: there is none. */
int rf_classes_find(const rf_classes *classes, const char *name);

/* The names with commas between them, as they are read; cut where they do not fit. Returns text. */
enum { RF_CLASSES_TEXT = RF_CLASSES_MAX * RF_CLASS_BYTES };
const char *rf_classes_text(const rf_classes *classes, char text[RF_CLASSES_TEXT]);

#endif
