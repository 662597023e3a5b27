/* SPDX-License-Identifier: Apache-2.0 */
/* Several pictures at once: some threads take turns to read the next one and decode it, and each finder has a thread
 * that looks at the oldest decoded one; what they found comes out in the order of the pictures. `lock` guards
 * everything but what a thread does to the frame that it has. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "cli/detect.h"
#include "core/mem.h"
#include "core/parallel.h"

static const size_t max_ahead_bytes = (size_t)192 << 20; /* of pixels and files; the oldest frame always goes on */

typedef enum slot_state { READ, DECODED, TAKEN, DONE } slot_state;

typedef struct slot {
    rf_found found;
    rf_frame frame;
    rf_face_list faces;
    size_t bytes; /* as read and of pixels */
    slot_state state;
} slot;

struct rf_workers {
    rf_frame_source *source;
    const rf_detect_settings *settings;
    rf_finder_slot *finders;
    size_t n_finders, seeking; /* those that have a thread */
    size_t decoding;           /* threads that may still bring a frame */
    slot *slots;               /* a ring: frame k is in slots[k % n_slots] */
    size_t n_slots;
    size_t made, given; /* counted from the start; slots[(given - 1) % n_slots] is the caller's */
    size_t bytes;       /* of the frames made and not given */
    bool reading, ended, stop;
    rf_status status; /* of the end */
    char *error;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t *threads;
    size_t n_threads;
};

static void wait_for_change(rf_workers *w) {
    pthread_cond_wait(&w->changed, &w->lock);
}

/* Reads the next frame, in turn. NULL: there is none, or nobody wants it. */
static slot *read_next(rf_workers *w) {
    bool more = false;
    while (!w->stop && !w->ended && (w->reading || w->made - w->given >= w->n_slots - 1)) wait_for_change(w);
    if (w->stop || w->ended) return NULL;
    slot *s = &w->slots[w->made % w->n_slots];
    w->reading = true;
    pthread_mutex_unlock(&w->lock);
    rf_status status = rf_frame_source_next(w->source, &s->frame, &more);
    char *error = status == RF_OK ? NULL : rf_strdup(rf_error_message());
    pthread_mutex_lock(&w->lock);
    w->reading = false;
    w->ended = status != RF_OK || !more;
    if (w->ended) {
        w->status = status;
        w->error = error;
    } else {
        s->state = READ;
        s->found = (rf_found){.frame = &s->frame, .faces = &s->faces};
        s->bytes = s->frame.n_bytes;
        w->bytes += s->bytes;
        w->made++;
    }
    pthread_cond_broadcast(&w->changed);
    return w->ended ? NULL : s;
}

static void blame(slot *s, rf_status status) {
    s->found.status = status;
    if (status == RF_OK) return;
    rf_free(s->found.error);
    s->found.error = rf_strdup(rf_error_message());
}

static void decode(rf_workers *w, slot *s) {
    while (!w->stop && w->bytes > max_ahead_bytes && s != &w->slots[w->given % w->n_slots]) wait_for_change(w);
    pthread_mutex_unlock(&w->lock);
    bool before = rf_parallel_alone(true);
    blame(s, rf_frame_decode(&s->frame, w->settings));
    rf_parallel_alone(before);
    size_t bytes = (size_t)s->frame.image.width * (size_t)s->frame.image.height * 3;
    pthread_mutex_lock(&w->lock);
    s->bytes += bytes;
    w->bytes += bytes;
}

static void *decode_frames(void *ctx) {
    rf_workers *w = ctx;
    slot *s;
    pthread_mutex_lock(&w->lock);
    while ((s = read_next(w))) {
        decode(w, s);
        s->state = s->found.status == RF_OK && s->frame.status == RF_OK ? DECODED : DONE;
        pthread_cond_broadcast(&w->changed);
    }
    w->decoding--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* The oldest frame to look at; NULL: there will be none. */
static slot *take_decoded(rf_workers *w) {
    for (;;) {
        if (w->stop) return NULL;
        for (size_t k = w->given; k < w->made; k++) {
            slot *s = &w->slots[k % w->n_slots];
            if (s->state != DECODED) continue;
            s->state = TAKEN;
            return s;
        }
        if (w->decoding == 0) return NULL;
        wait_for_change(w);
    }
}

static void *find_faces(void *ctx) {
    rf_workers *w = ctx;
    slot *s;
    pthread_mutex_lock(&w->lock);
    const rf_finder_slot *with = &w->finders[w->seeking++];
    rf_pool_use(with->pool);
    while ((s = take_decoded(w))) {
        pthread_mutex_unlock(&w->lock);
        blame(s, rf_finder_run(with->finder, &s->frame.image, &s->faces));
        s->found.view = rf_finder_get_view(with->finder);
        pthread_mutex_lock(&w->lock);
        s->state = DONE;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Decoding is a fraction of looking, so half as many threads have time for it. */
static size_t decoders_for(size_t finders) {
    return (finders + 1) / 2;
}

/* Starts up to n more; gives the error of the first that the system refuses, else 0. */
static int start(rf_workers *w, size_t n, void *(*run)(void *)) {
    for (size_t i = 0; i < n; i++) {
        int failed = pthread_create(&w->threads[w->n_threads], NULL, run, w);
        if (failed) return failed;
        w->n_threads++;
    }
    return 0;
}

/* Fewer finders than wanted do as well, one at least. The threads wait for the lock until all are counted. */
static rf_status start_threads(rf_workers *w) {
    sigset_t all, before;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&w->lock);
    int failed = start(w, decoders_for(w->n_finders), decode_frames);
    w->decoding = w->n_threads;
    if (!failed) failed = start(w, w->n_finders, find_faces);
    bool both = w->n_threads > w->decoding;
    pthread_mutex_unlock(&w->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (both) return RF_OK;
    return rf_fail(RF_ERR_IO, "cannot start a thread that looks at pictures: %s", strerror(failed));
}

rf_status rf_workers_start(rf_frame_source *source, const rf_detect_settings *settings, rf_finder_slot *finders,
                           size_t n, rf_workers **out) {
    *out = NULL;
    rf_workers *w = rf_alloc(1, sizeof *w);
    if (!w) return RF_ERR_NOMEM;
    w->source = source;
    w->settings = settings;
    w->finders = finders;
    w->n_finders = n;
    w->n_slots = n + decoders_for(n) + 3;
    w->slots = rf_alloc(w->n_slots, sizeof *w->slots);
    w->threads = rf_alloc(n + decoders_for(n), sizeof *w->threads);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    rf_status status = w->slots && w->threads ? start_threads(w) : RF_ERR_NOMEM;
    if (status == RF_OK)
        *out = w;
    else
        rf_workers_stop(w);
    return status;
}

/* What the caller had is a free slot again. */
static void clear(slot *s) {
    rf_free(s->found.error);
    s->found = (rf_found){0};
    rf_face_list_free(&s->faces);
}

rf_status rf_workers_next(rf_workers *w, rf_found **found) {
    *found = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->given) clear(&w->slots[(w->given - 1) % w->n_slots]);
    slot *s = &w->slots[w->given % w->n_slots];
    while (w->made > w->given ? s->state != DONE : !w->ended) wait_for_change(w);
    if (w->made > w->given) {
        *found = &s->found;
        w->bytes -= s->bytes;
        w->given++;
        pthread_cond_broadcast(&w->changed);
    }
    rf_status status = *found ? RF_OK : w->status;
    pthread_mutex_unlock(&w->lock);
    return status == RF_OK || !w->error ? status : rf_fail(status, "%s", w->error);
}

void rf_workers_stop(rf_workers *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    rf_frame_source_stop(w->source);
    for (size_t i = 0; i < w->n_threads; i++) pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    for (size_t i = 0; w->slots && i < w->n_slots; i++) {
        clear(&w->slots[i]);
        rf_frame_free(&w->slots[i].frame);
    }
    rf_free(w->slots);
    rf_free(w->threads);
    rf_free(w->error);
    rf_free(w);
}
