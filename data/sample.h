/* SPDX-License-Identifier: Apache-2.0 */
/* One image of a data set with its faces. */
#ifndef RF_DATA_SAMPLE_H
#define RF_DATA_SAMPLE_H

#include "settings/settings.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/normalise.h"
#include "data/tint.h"
#include "detect/placement.h"

/* How the pictures of a data set are to be decoded, or probed, so that its boxes fit them: everything that opens one
 * asks here. */
rf_decode_options rf_sample_options(const rf_dataset *dataset);

/* Decodes image `index` of the data set and points *faces at its annotated faces (pixels of that image; owned by the
 * data set). rf_image_free the image. Errors: RF_ERR_IO, RF_ERR_FORMAT with the path. */
rf_status rf_sample_load(const rf_dataset *dataset, size_t index, rf_image *image, const rf_face **faces,
                         size_t *n_faces);

/* Decodes and augments image `index` as it appears in `epoch`: `image` (empty or an old image, whose memory is reused)
 * becomes input.size squared, *faces its faces in input pixels with their points, one block (rf_free it), *tint (NULL:
 * not wanted) a change of its colours still to be made, *placement (NULL: not wanted) says where the picture went.
 * `spare` (empty or an old image; NULL) keeps the memory of the decoded picture from call to call. The result depends
 * on (seed, epoch, index), the settings and the file only. Thread safe. On failure image and spare are empty and there
 * are no faces. */
rf_status rf_sample_augmented(const rf_dataset *dataset, size_t index, const rf_config *config, const uint8_t fill[3],
                              uint64_t seed, uint32_t epoch, rf_image *image, rf_image *spare, rf_tint *tint,
                              rf_face **faces, size_t *n_faces, rf_placement *placement);

#endif
