/* SPDX-License-Identifier: Apache-2.0 */
/* From an image to its faces: scales, mirror image, network, decoding, merge (RetinaFace, section 4.3). */
#ifndef RF_EVAL_FINDER_H
#define RF_EVAL_FINDER_H

#include "settings/settings.h"
#include "data/image.h"
#include "detect/faces.h"
#include "layers/params.h"

/* Where the time went, in seconds, and what was done, since the finder was opened. */
typedef struct rf_finder_stats {
    double resize, network, decode, merge, build;
    size_t images, passes, shrunk; /* shrunk: passes made smaller by eval.max_pixels */
    size_t peak_arena;             /* bytes of the largest plan */
} rf_finder_stats;

/* How closely the last picture was looked at. */
typedef struct rf_finder_view {
    double scale; /* pixels of the network's input a pixel of the picture, in the finest pass */
    bool shrunk;  /* eval.max_pixels made a pass smaller than [eval] asks for: small faces may be missing */
    size_t tiles; /* passes over parts of the picture (eval.tile) */
} rf_finder_view;

typedef struct rf_finder rf_finder;

/* config is copied; params is borrowed, must hold folded weights (rf_params_fold) and belong to the same configuration.
 * After a new fold the same finder uses the new weights. Not thread safe; the work inside is parallel. Several finders
 * may work in several threads at once, on the same folded weights, best each with a pool of its own (rf_pool_use). */
rf_status rf_finder_open(const rf_config *config, rf_params *params, rf_finder **out);
void rf_finder_close(rf_finder *finder);

/* Replaces *faces by the faces of the image, in its pixels, by descending score. [eval] says at which scales, from
 * which score, how merged. When memory is out, what is kept of earlier sizes is given up and the picture tried again;
 * after RF_ERR_NOMEM, as after any error, the finder is ready for the next picture. */
rf_status rf_finder_run(rf_finder *finder, const rf_image *image, rf_face_list *faces);

/* Size of the network's input for an image at one entry of eval.scales, and whether eval.max_pixels made it smaller. */
typedef struct rf_input_size {
    int width, height;
    bool shrunk;
} rf_input_size;
rf_input_size rf_finder_input_size(const rf_config *config, int width, int height, double scale);

/* Bytes that a pass of this input size takes (plan only). */
rf_status rf_finder_memory(rf_finder *finder, int width, int height, size_t *bytes);

rf_finder_stats rf_finder_get_stats(const rf_finder *finder);
rf_finder_view rf_finder_get_view(const rf_finder *finder);

#endif
