/* SPDX-License-Identifier: Apache-2.0 */
/* The training images of a data set as batches, prepared ahead by threads. The batches are a function of (data set,
 * configuration, seed, epoch, batch number) only: the number of workers changes when they are ready, never what is in
 * them. */
#ifndef RF_DATA_LOADER_H
#define RF_DATA_LOADER_H

#include "settings/settings.h"
#include "data/dataset.h"
#include "detect/placement.h"

typedef struct rf_batch {
    uint32_t epoch;            /* from 0 */
    size_t index;              /* number of the batch in its epoch, from 0 */
    size_t count;              /* images = train.batch */
    int size;                  /* S = input.size */
    float *input;              /* [count,S,S,3] normalised, channels in the order of input.colour */
    rf_face **faces;           /* [count] arrays of n_faces[i] faces, in pixels of the input */
    size_t *n_faces;           /* [count] */
    rf_placement *placements;  /* [count] how pixels of the picture became pixels of the input */
    const rf_mesh_table *mesh; /* of the data set: face.mesh counts its rows; NULL: none */
    size_t *samples;           /* [count] number of the image in the data set */
    const char **names;        /* [count] its name, for messages */
} rf_batch;

/* An image that could not be used. */
typedef struct rf_skipped {
    size_t sample; /* in the data set */
    const char *name, *reason;
} rf_skipped;

typedef struct rf_loader rf_loader;

/* Starts at epoch 0, batch 0. The data set must outlive the loader; the configuration is copied. An epoch is all images
 * in an order drawn from (seed, epoch); images that do not fill a last batch are left out of it. data.workers threads
 * prepare up to data.prefetch batches ahead, kept as bytes: memory is about (prefetch + 1) * batch * S * S * 3 bytes,
 * four times a batch of that in floats, and one decoded picture a worker. RF_ERR_USER when there are fewer images than
 * one batch. */
rf_status rf_loader_open(const rf_dataset *dataset, const rf_config *config, uint64_t seed, rf_loader **out);
/* Stops the threads, at any time. NULL allowed. */
void rf_loader_close(rf_loader *loader);

size_t rf_loader_batches(const rf_loader *loader); /* batches an epoch, at least 1 */

/* The next batch, valid until the next call of rf_loader_next, _seek or _close. After the last batch of an epoch
 * follows the first of the next. An image that cannot be read is replaced by the next readable one in the order of the
 * data set, and is recorded (rf_loader_skipped). RF_ERR_FORMAT when no image of the data set can be read; any error
 * stays until a seek. */
rf_status rf_loader_next(rf_loader *loader, const rf_batch **batch);

/* Makes (epoch, batch) the next one; what was prepared is thrown away. RF_ERR_USER when batch >= rf_loader_batches. */
rf_status rf_loader_seek(rf_loader *loader, uint32_t epoch, size_t batch);
/* What rf_loader_next will give: the position a checkpoint stores. */
void rf_loader_position(const rf_loader *loader, uint32_t *epoch, size_t *batch);

/* Seconds spent inside rf_loader_next so far. */
double rf_loader_wait_seconds(const rf_loader *loader);

/* The images found unusable by the batches handed out so far, each once, in the order of their first meeting; *list is
 * owned by the loader and valid until the next rf_loader_next or _close. Returns their number. */
size_t rf_loader_skipped(const rf_loader *loader, const rf_skipped **list);

#endif
