/* SPDX-License-Identifier: Apache-2.0 */
/* Faces that nobody shall recognise. */
#ifndef RF_DATA_BLUR_H
#define RF_DATA_BLUR_H

#include "data/image.h"

/* Replaces what lies in the box (x1 y1 x2 y2, pixels) and a seventh around it by a smooth picture made of the means of
 * a few cells, six along the longer side, so that nothing finer is left to be recovered; a soft edge lies outside of
 * the box. A box that is empty, not finite or outside of the image changes nothing. RF_ERR_NOMEM. */
rf_status rf_image_hide(rf_image *image, const float box[4]);

#endif
