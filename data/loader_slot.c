/* SPDX-License-Identifier: Apache-2.0 */
#include "data/loader_slot.h"

#include <string.h>

#include "core/mem.h"
#include "data/sample.h"

rf_status rf_faults_init(rf_faults *faults, size_t n) {
    *faults = (rf_faults){.n = n};
    pthread_mutex_init(&faults->lock, NULL);
    faults->reasons = rf_alloc(n, sizeof *faults->reasons);
    faults->listed = rf_alloc(n, sizeof *faults->listed);
    return faults->reasons && faults->listed ? RF_OK : RF_ERR_NOMEM; /* the caller frees */
}

void rf_faults_free(rf_faults *faults) {
    if (faults->n == 0) return;
    for (size_t i = 0; faults->reasons && i < faults->n; i++) rf_free(faults->reasons[i]);
    rf_free(faults->reasons);
    rf_free(faults->listed);
    rf_free(faults->reported);
    pthread_mutex_destroy(&faults->lock);
    *faults = (rf_faults){.n = 0};
}

static bool is_known(rf_faults *faults, size_t sample) {
    pthread_mutex_lock(&faults->lock);
    bool known = faults->reasons[sample] != NULL;
    pthread_mutex_unlock(&faults->lock);
    return known;
}

/* Remembers this thread's error message for the image. */
static rf_status remember(rf_faults *faults, size_t sample) {
    char *reason = rf_strdup(rf_error_message());
    if (!reason) return RF_ERR_NOMEM;
    pthread_mutex_lock(&faults->lock);
    if (!faults->reasons[sample]) {
        faults->reasons[sample] = reason;
        reason = NULL;
    }
    pthread_mutex_unlock(&faults->lock);
    rf_free(reason);
    return RF_OK;
}

static rf_status list_one(rf_faults *faults, const rf_dataset *dataset, size_t sample) {
    if (faults->listed[sample]) return RF_OK;
    if (faults->n_reported == faults->capacity) {
        size_t capacity = faults->capacity ? 2 * faults->capacity : 16;
        rf_skipped *grown = rf_realloc(faults->reported, faults->n_reported, capacity, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        faults->reported = grown;
        faults->capacity = capacity;
    }
    pthread_mutex_lock(&faults->lock);
    const char *reason = faults->reasons[sample];
    pthread_mutex_unlock(&faults->lock);
    faults->reported[faults->n_reported++] = (rf_skipped){sample, dataset->samples[sample].name, reason};
    faults->listed[sample] = true;
    return RF_OK;
}

rf_status rf_faults_report(rf_faults *faults, const rf_dataset *dataset, size_t first, size_t failures) {
    for (size_t k = 0; k < failures; k++) RF_TRY(list_one(faults, dataset, (first + k) % faults->n));
    return RF_OK;
}

rf_status rf_slot_init(rf_slot *slot, size_t count) {
    *slot = (rf_slot){.count = count};
    slot->order = rf_alloc(count, sizeof *slot->order);
    slot->items = rf_alloc(count, sizeof *slot->items);
    return slot->order && slot->items ? RF_OK : RF_ERR_NOMEM; /* the caller frees */
}

/* The images' memory stays. */
static void empty(rf_slot *slot) {
    for (size_t i = 0; slot->items && i < slot->count; i++) {
        rf_slot_item *item = &slot->items[i];
        rf_free(item->faces);
        rf_free(item->reason);
        *item = (rf_slot_item){.image = item->image};
    }
    slot->ready = 0;
}

void rf_slot_free(rf_slot *slot) {
    empty(slot);
    for (size_t i = 0; slot->items && i < slot->count; i++) rf_image_free(&slot->items[i].image);
    rf_free(slot->order);
    rf_free(slot->items);
    *slot = (rf_slot){0};
}

void rf_slot_begin(rf_slot *slot, uint32_t epoch, size_t index, const uint32_t *order) {
    empty(slot);
    slot->epoch = epoch;
    slot->index = index;
    memcpy(slot->order, order, slot->count * sizeof *order);
}

static void give_up(rf_slot_item *item, rf_status status) {
    item->status = status;
    item->reason = rf_strdup(rf_error_message());
}

void rf_slot_prepare(rf_slot *slot, size_t place, const rf_dataset *dataset, const rf_config *config,
                     const uint8_t fill[3], uint64_t seed, rf_faults *faults, rf_image *spare) {
    rf_slot_item *item = &slot->items[place];
    for (; item->failures < dataset->n_samples; item->failures++) {
        size_t sample = (slot->order[place] + item->failures) % dataset->n_samples;
        if (is_known(faults, sample)) continue;
        rf_status status = rf_sample_augmented(dataset, sample, config, fill, seed, slot->epoch, &item->image, spare,
                                               &item->tint, &item->faces, &item->n_faces, &item->placement);
        item->sample = sample;
        if (status == RF_OK) return;
        if (status != RF_ERR_NOMEM) status = remember(faults, sample);
        if (status != RF_OK) {
            give_up(item, status);
            return;
        }
    }
    pthread_mutex_lock(&faults->lock);
    const char *example = faults->reasons[slot->order[place]];
    pthread_mutex_unlock(&faults->lock);
    rf_fail(RF_ERR_FORMAT, "%s: none of its %zu images can be used; one of them: %s", dataset->annotation_path,
            dataset->n_samples, example);
    give_up(item, RF_ERR_FORMAT);
}
