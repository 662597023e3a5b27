/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the loader: the place where a batch is prepared, and the record of unusable images. */
#ifndef RF_DATA_LOADER_SLOT_H
#define RF_DATA_LOADER_SLOT_H

#include <pthread.h>

#include "settings/settings.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/loader.h"
#include "data/tint.h"
#include "detect/placement.h"

/* Which images could not be used, and why. Workers add to it; only the caller of the loader makes the list. */
typedef struct rf_faults {
    pthread_mutex_t lock; /* guards reasons */
    size_t n;             /* images of the data set; 0: nothing to free */
    char **reasons;       /* [n] NULL: no fault known */
    bool *listed;         /* [n] is in `reported` */
    rf_skipped *reported;
    size_t n_reported, capacity;
} rf_faults;

rf_status rf_faults_init(rf_faults *faults, size_t n);
void rf_faults_free(rf_faults *faults);
/* Lists the first `failures` images from number `first` on (cyclic), those that are not listed yet. RF_ERR_NOMEM. */
rf_status rf_faults_report(rf_faults *faults, const rf_dataset *dataset, size_t first, size_t failures);

typedef struct rf_slot_item {
    rf_image image; /* input.size squared; its memory is kept for the next batch */
    rf_tint tint;
    rf_face *faces;
    size_t n_faces;
    rf_placement placement;
    size_t sample;   /* image that was used */
    size_t failures; /* images that were tried in vain before it */
    rf_status status;
    char *reason; /* of a status that is not RF_OK; NULL when even that had no memory */
} rf_slot_item;

typedef struct rf_slot {
    uint32_t epoch;
    size_t index; /* of the batch in its epoch */
    size_t count, ready;
    uint32_t *order;     /* [count] images that the epoch's order asks for */
    rf_slot_item *items; /* [count] */
} rf_slot;

rf_status rf_slot_init(rf_slot *slot, size_t count);
void rf_slot_free(rf_slot *slot);
/* Empties the slot for a new batch. */
void rf_slot_begin(rf_slot *slot, uint32_t epoch, size_t index, const uint32_t *order);
/* Prepares item `place`: the image that the order asks for or else the next usable one in the order of the data set.
 * Errors are left in the item. Different places may be prepared at the same time. `spare` is the
 * calling thread's memory for decoding. */
void rf_slot_prepare(rf_slot *slot, size_t place, const rf_dataset *dataset, const rf_config *config,
                     const uint8_t fill[3], uint64_t seed, rf_faults *faults, rf_image *spare);

#endif
