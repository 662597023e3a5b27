/* SPDX-License-Identifier: Apache-2.0 */
/* Work is handed out image by image, in order: image j of the run (counted from the last seek) is image j % B of batch
 * j / B, in slot (j / B) % slots. The batch numbers grow on through the epochs. `lock` guards the counters and the
 * slots' bookkeeping; an image that is being prepared belongs to its thread, a slot that is complete to the caller of
 * rf_loader_next. */
#include "data/loader.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "data/loader_slot.h"
#include "data/mixup.h"
#include "data/normalise.h"

struct rf_loader {
    const rf_dataset *dataset;
    rf_config config;
    uint64_t seed;
    rf_normaliser normaliser;
    size_t batch_images, batches; /* B; batches an epoch */

    rf_slot *slots;
    size_t n_slots;
    rf_faults faults;
    uint32_t *order; /* [images] of the epoch order_epoch */
    uint32_t order_epoch;
    bool order_valid;

    uint64_t first;    /* number of the first batch since the seek: epoch * batches + index */
    uint64_t next_job; /* images handed to workers since the seek */
    uint64_t given;    /* batches given to the caller since the seek */
    uint64_t released; /* of these, how many the caller no longer uses: all, or all but one */
    size_t running;    /* images being prepared */
    bool stop, paused;
    rf_status failed; /* sticky error of rf_loader_next */
    char *failed_reason;

    pthread_mutex_t lock;
    pthread_cond_t work, done; /* there may be a job; a job has ended */
    pthread_t *workers;
    size_t n_workers;

    rf_batch batch;
    rf_image spare; /* the caller's memory for decoding, without workers */
    double wait_seconds;
};

/* The order of an epoch is made when its first batch is begun. Lock held. */
static void begin_slot(rf_loader *loader, rf_slot *slot, uint64_t number) {
    uint32_t epoch = (uint32_t)(number / loader->batches), n = (uint32_t)loader->dataset->n_samples;
    if (!loader->order_valid || loader->order_epoch != epoch) {
        for (uint32_t i = 0; i < n; i++) loader->order[i] = i;
        rf_rng rng = rf_rng_make(loader->seed, epoch, 0, RF_STREAM_SHUFFLE);
        rf_rng_shuffle(&rng, loader->order, n);
        loader->order_epoch = epoch;
        loader->order_valid = true;
    }
    size_t at = (size_t)(number % loader->batches) * loader->batch_images;
    rf_slot_begin(slot, epoch, (size_t)(number % loader->batches), loader->order + at);
}

/* Takes the next image if a slot is free for its batch. Lock held. */
static bool take_job(rf_loader *loader, rf_slot **slot, size_t *place) {
    uint64_t batch = loader->next_job / loader->batch_images;
    if (loader->paused || batch >= loader->released + loader->n_slots) return false;
    *slot = &loader->slots[batch % loader->n_slots];
    *place = (size_t)(loader->next_job % loader->batch_images);
    if (*place == 0) begin_slot(loader, *slot, loader->first + batch);
    loader->next_job++;
    loader->running++;
    return true;
}

/* Prepares an image with the lock released in between. Lock held before and after. */
static void run_job(rf_loader *loader, rf_slot *slot, size_t place, rf_image *spare) {
    pthread_mutex_unlock(&loader->lock);
    rf_slot_prepare(slot, place, loader->dataset, &loader->config, loader->normaliser.fill, loader->seed,
                    &loader->faults, spare);
    pthread_mutex_lock(&loader->lock);
    loader->running--;
    slot->ready++;
    pthread_cond_broadcast(&loader->done);
}

static void *worker_main(void *arg) {
    rf_loader *loader = arg;
    rf_slot *slot;
    size_t place;
    rf_image spare = {0};
    rf_parallel_serial();
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop) {
        if (take_job(loader, &slot, &place))
            run_job(loader, slot, place, &spare);
        else
            pthread_cond_wait(&loader->work, &loader->lock);
    }
    pthread_mutex_unlock(&loader->lock);
    rf_image_free(&spare);
    return NULL;
}

/* Signals are for the main thread. */
static rf_status start_workers(rf_loader *loader, size_t workers) {
    sigset_t all, before;
    int error = 0;
    loader->workers = rf_alloc(workers, sizeof *loader->workers);
    if (!loader->workers) return RF_ERR_NOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (error == 0 && loader->n_workers < workers) {
        error = pthread_create(&loader->workers[loader->n_workers], NULL, worker_main, loader);
        if (error == 0) loader->n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) return RF_OK;
    return rf_fail(RF_ERR_IO, "cannot start loader thread %zu: %s; set data.workers lower", loader->n_workers + 1,
                   strerror(error));
}

static rf_status allocate(rf_loader *loader) {
    size_t b = loader->batch_images, s = (size_t)loader->config.input.size, floats;
    rf_batch *batch = &loader->batch;
    if (!rf_size_mul(b * 3, s * s, &floats))
        return rf_fail(RF_ERR_USER, "a batch of %zu images of %zu x %zu is too large", b, s, s);
    batch->input = rf_alloc(floats, sizeof *batch->input);
    batch->faces = rf_alloc(b, sizeof *batch->faces);
    batch->n_faces = rf_alloc(b, sizeof *batch->n_faces);
    batch->placements = rf_alloc(b, sizeof *batch->placements);
    batch->mesh = loader->dataset->mesh;
    batch->samples = rf_alloc(b, sizeof *batch->samples);
    batch->names = rf_alloc(b, sizeof *batch->names);
    loader->order = rf_alloc(loader->dataset->n_samples, sizeof *loader->order);
    loader->slots = rf_alloc(loader->n_slots, sizeof *loader->slots);
    if (!batch->input || !batch->faces || !batch->n_faces || !batch->placements || !batch->samples || !batch->names ||
        !loader->order || !loader->slots)
        return RF_ERR_NOMEM;
    batch->count = b;
    batch->size = (int)s;
    for (size_t i = 0; i < loader->n_slots; i++) RF_TRY(rf_slot_init(&loader->slots[i], b));
    return rf_faults_init(&loader->faults, loader->dataset->n_samples);
}

rf_status rf_loader_open(const rf_dataset *dataset, const rf_config *config, uint64_t seed, rf_loader **out) {
    size_t b = (size_t)config->train.batch, n = dataset->n_samples;
    *out = NULL;
    if (n < b)
        return rf_fail(RF_ERR_USER, "%s: %zu images do not fill one batch of %zu; lower train.batch",
                       dataset->annotation_path, n, b);
    if (n > UINT32_MAX) return rf_fail(RF_ERR_USER, "%s: %zu images are more than 2^32", dataset->annotation_path, n);
    if (config->model.landmarks && dataset->n_points && dataset->n_points != config->data.points)
        return rf_fail(
            RF_ERR_USER,
            "%s:%d: a face with %d points, but data.points is %ld: set data.points=%d, and data.flip_points, or "
            "model.landmarks=no to learn boxes alone",
            dataset->annotation_path, dataset->points_line, dataset->n_points, config->data.points, dataset->n_points);
    rf_loader *loader = rf_alloc(1, sizeof *loader);
    if (!loader) return RF_ERR_NOMEM;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_cond_init(&loader->done, NULL);
    loader->dataset = dataset;
    loader->config = *config;
    loader->seed = seed;
    loader->batch_images = b;
    loader->batches = n / b;
    loader->n_slots = config->data.workers > 0 ? (size_t)config->data.prefetch + 1 : 1;
    rf_get_threads(); /* settles the pool before other threads ask */
    rf_status status = RF_OK;
    RF_TRY_GOTO(rf_normaliser_make(config, &loader->normaliser));
    RF_TRY_GOTO(allocate(loader));
    RF_TRY_GOTO(start_workers(loader, (size_t)config->data.workers));
    *out = loader;
    return RF_OK;
fail:
    rf_loader_close(loader);
    return status;
}

void rf_loader_close(rf_loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (size_t i = 0; i < loader->n_workers; i++) pthread_join(loader->workers[i], NULL);
    for (size_t i = 0; loader->slots && i < loader->n_slots; i++) rf_slot_free(&loader->slots[i]);
    rf_faults_free(&loader->faults);
    rf_image_free(&loader->spare);
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->work);
    pthread_cond_destroy(&loader->done);
    rf_batch *batch = &loader->batch;
    rf_free(batch->input);
    rf_free(batch->faces);
    rf_free(batch->n_faces);
    rf_free(batch->placements);
    rf_free(batch->samples);
    rf_free(batch->names);
    rf_free(loader->slots);
    rf_free(loader->order);
    rf_free(loader->workers);
    rf_free(loader->failed_reason);
    rf_free(loader);
}

size_t rf_loader_batches(const rf_loader *loader) {
    return loader->batches;
}

/* Waits for the slot's images; without workers the caller makes them. Lock held. */
static rf_slot *wait_for_slot(rf_loader *loader) {
    rf_slot *slot = &loader->slots[loader->given % loader->n_slots], *taken;
    uint64_t end = (loader->given + 1) * loader->batch_images;
    size_t place;
    while (loader->next_job < end || slot->ready < loader->batch_images) {
        if (loader->n_workers > 0)
            pthread_cond_wait(&loader->done, &loader->lock);
        else if (take_job(loader, &taken, &place))
            run_job(loader, taken, place, &loader->spare);
    }
    return slot;
}

typedef struct normalise_job {
    const rf_loader *loader;
    const rf_slot *slot;
} normalise_job;

static void normalise_images(void *ctx, size_t begin, size_t end) {
    const normalise_job *job = ctx;
    const rf_batch *batch = &job->loader->batch;
    size_t s = (size_t)batch->size;
    for (size_t i = begin; i < end; i++)
        rf_normalise_tinted(&job->loader->normaliser, &job->slot->items[i].image, &job->slot->items[i].tint,
                            batch->input + i * s * s * 3, s);
}

/* augment.mixup. The slot's items own the faces. */
static rf_status mix(rf_loader *loader, rf_slot *slot) {
    rf_batch *batch = &loader->batch;
    rf_rng rng = rf_rng_make(loader->seed, slot->epoch, slot->index, RF_STREAM_MIXUP);
    size_t *partner = rf_alloc(batch->count, sizeof *partner);
    if (!partner) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    if (rf_mixup_draw(&rng, loader->config.augment.mixup, batch->count, partner)) {
        status = rf_mixup_batch(batch, partner);
        for (size_t i = 0; i < batch->count; i++) {
            slot->items[i].faces = batch->faces[i];
            slot->items[i].n_faces = batch->n_faces[i];
        }
    }
    rf_free(partner);
    return status;
}

static rf_status hand_out(rf_loader *loader, rf_slot *slot) {
    rf_batch *batch = &loader->batch;
    for (size_t i = 0; i < batch->count; i++) {
        const rf_slot_item *item = &slot->items[i];
        RF_TRY(rf_faults_report(&loader->faults, loader->dataset, slot->order[i], item->failures));
        if (item->status != RF_OK) return rf_fail(item->status, "%s", item->reason);
        batch->faces[i] = item->faces;
        batch->n_faces[i] = item->n_faces;
        batch->placements[i] = item->placement;
        batch->samples[i] = item->sample;
        batch->names[i] = loader->dataset->samples[item->sample].name;
    }
    batch->epoch = slot->epoch;
    batch->index = slot->index;
    normalise_job job = {loader, slot};
    rf_parallel_for(batch->count, 1, normalise_images, &job);
    return loader->config.augment.mixup > 0 ? mix(loader, slot) : RF_OK;
}

rf_status rf_loader_next(rf_loader *loader, const rf_batch **batch) {
    *batch = NULL;
    if (loader->failed != RF_OK)
        return rf_fail(loader->failed, "%s", loader->failed_reason ? loader->failed_reason : "out of memory");
    double start = rf_clock_seconds();
    pthread_mutex_lock(&loader->lock);
    loader->released = loader->given;
    pthread_cond_broadcast(&loader->work);
    rf_slot *slot = wait_for_slot(loader);
    pthread_mutex_unlock(&loader->lock);
    rf_status status = hand_out(loader, slot);
    pthread_mutex_lock(&loader->lock);
    if (status == RF_OK) {
        loader->given++;
        *batch = &loader->batch;
    } else {
        loader->failed = status;
        loader->failed_reason = rf_strdup(rf_error_message());
        loader->paused = true;
    }
    pthread_mutex_unlock(&loader->lock);
    loader->wait_seconds += rf_clock_seconds() - start;
    return status;
}

rf_status rf_loader_seek(rf_loader *loader, uint32_t epoch, size_t batch) {
    if (batch >= loader->batches)
        return rf_fail(RF_ERR_USER, "batch %zu of epoch %u does not exist: an epoch has %zu batches", batch, epoch,
                       loader->batches);
    pthread_mutex_lock(&loader->lock);
    loader->paused = true;
    while (loader->running > 0) pthread_cond_wait(&loader->done, &loader->lock);
    loader->first = (uint64_t)epoch * loader->batches + batch;
    loader->next_job = loader->given = loader->released = 0;
    for (size_t i = 0; i < loader->n_slots; i++) loader->slots[i].ready = 0;
    loader->failed = RF_OK;
    rf_free(loader->failed_reason);
    loader->failed_reason = NULL;
    loader->paused = false;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    return RF_OK;
}

void rf_loader_position(const rf_loader *loader, uint32_t *epoch, size_t *batch) {
    uint64_t number = loader->first + loader->given;
    *epoch = (uint32_t)(number / loader->batches);
    *batch = (size_t)(number % loader->batches);
}

double rf_loader_wait_seconds(const rf_loader *loader) {
    return loader->wait_seconds;
}

size_t rf_loader_skipped(const rf_loader *loader, const rf_skipped **list) {
    if (list) *list = loader->faults.reported;
    return loader->faults.n_reported;
}
