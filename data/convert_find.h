/* SPDX-License-Identifier: Apache-2.0 */
/* Where the picture lies that an annotation names: other programs write names of other machines. */
#ifndef RF_DATA_CONVERT_FIND_H
#define RF_DATA_CONVERT_FIND_H

#include "data/intake.h"

/* The picture as it is named, below intake->root, into image->name; image->missing otherwise. Thread safe for different
 * images. */
rf_status rf_find_exact(const char *root, rf_intake_image *image);

/* For the images that are missing: every picture below the root is listed, and one is taken when it alone can be meant:
 * by the end of its path ("/data/me/set/a.jpg", "a.jpg" in a folder), in other letter cases, with %XX written out. A
 * picture that another image names is never taken. image->asked is then the name in the annotation; image->nearly
 * says why a picture of a similar name was not taken. */
rf_status rf_find_others(rf_intake *intake);

#endif
