/* SPDX-License-Identifier: Apache-2.0 */
/* Which picture the boxes of a data set belong to: the one that a file holds, or the one that a viewer shows after
 * turning it by its EXIF orientation. Annotation formats do not say; a small file beside the annotations does,
 * "label.set.ini" for "label.txt", which other tools do not open:
 *     [pictures]
 *     exif = yes
 */
#ifndef RF_DATA_EXIF_RULE_H
#define RF_DATA_EXIF_RULE_H

#include "core/status.h"

typedef enum rf_exif_rule {
    RF_EXIF_UNTOLD, /* "auto" */
    RF_EXIF_STORED, /* "no": pictures are taken as their files hold them */
    RF_EXIF_TURNED, /* "yes": pictures are turned first */
} rf_exif_rule;

/* RF_ERR_USER: `what` is "WORD", expected auto, yes or no. */
rf_status rf_exif_rule_parse(const char *what, const char *word, rf_exif_rule *rule);

/* Path of the file for an annotation file; rf_free it. NULL when memory is out. */
char *rf_exif_rule_path(const char *annotation_path);
/* What that file says; RF_EXIF_UNTOLD when there is none. RF_ERR_FORMAT with file:line for anything but the lines
 * above, blank lines and comments. */
rf_status rf_exif_rule_read(const char *annotation_path, rf_exif_rule *rule);
rf_status rf_exif_rule_write(const char *annotation_path, rf_exif_rule rule);

#endif
