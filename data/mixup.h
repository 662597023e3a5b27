/* SPDX-License-Identifier: Apache-2.0 */
/* insightface's MIXUP (do_mixup of rcnn/io/image.py): with some probability every image of a batch becomes the mean of
 * itself and another image of the batch, with the faces of both. */
#ifndef RF_DATA_MIXUP_H
#define RF_DATA_MIXUP_H

#include "core/rng.h"
#include "data/loader.h"

/* The partners of a batch of n images: partner[i] != i, or nothing is mixed and false comes back. Drawn from rng. */
bool rf_mixup_draw(rf_rng *rng, double probability, size_t n, size_t *partner);

/* One after the other as published, so a partner may be mixed already: image i of batch->input becomes (i + partner) /
 * 2, its face list both lists one after the other. The arrays of faces are replaced: former ones are rf_free'd. Where
 * one of the lists is empty the published code keeps the first alone; here both count. RF_ERR_NOMEM leaves a batch that
 * is mixed in part. */
rf_status rf_mixup_batch(rf_batch *batch, const size_t *partner);

#endif
