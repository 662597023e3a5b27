/* SPDX-License-Identifier: Apache-2.0 */
/* What annotation formats do not say of a data set, in a small file beside the annotations, "label.set.ini" for
 * "label.txt", which other tools do not open:
 *     [pictures]
 *     exif = yes
 *     [objects]
 *     classes = mask,no_mask
 * exif: which picture the boxes belong to, the one that a file holds, or the one that a viewer shows after turning it
 * by its EXIF orientation. classes: the kinds of objects, whose numbers from 0 stand in the rows of label.txt where
 * there are several (data/dataset_label.c). */
#ifndef RF_DATA_EXIF_RULE_H
#define RF_DATA_EXIF_RULE_H

#include "settings/classes.h"
#include "settings/settings.h" /* rf_exif_rule: UNTOLD, TURNED first, or taken as STORED; the words of data.exif */
#include "core/status.h"

/* RF_ERR_USER: `what` is "WORD", expected auto, yes or no. */
rf_status rf_exif_rule_parse(const char *what, const char *word, rf_exif_rule *rule);

/* Path of the file for an annotation file; rf_free it. NULL when memory is out. */
char *rf_exif_rule_path(const char *annotation_path);
/* What that file says; untold and no classes when there is none. RF_ERR_FORMAT with file:line for anything but the
 * lines above, blank lines and comments. */
typedef struct rf_set_note {
    rf_exif_rule exif;
    rf_classes classes;
} rf_set_note;
rf_status rf_set_note_read(const char *annotation_path, rf_set_note *note);
rf_status rf_set_note_write(const char *annotation_path, const rf_set_note *note);

#endif
