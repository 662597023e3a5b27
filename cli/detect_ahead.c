/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of frames between the thread that reads and decodes and the one that looks for faces. `lock` guards the
 * counters; a frame between them belongs to one of the two. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "cli/detect.h"
#include "core/mem.h"
#include "core/parallel.h"

enum { FRAMES = 4 };
static const size_t max_ahead_bytes = (size_t)192 << 20; /* of decoded pixels; one frame may always be ahead */

struct rf_ahead {
    rf_frame_source *source;
    rf_frame frames[FRAMES];
    size_t bytes[FRAMES]; /* of pixels, of those that are ready */
    size_t made, given;   /* counted from the start; frames[given - 1] is the caller's */
    size_t waiting;       /* bytes of those made and not given */
    bool ended, stop;
    rf_status status; /* of the end */
    char *error;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
};

static bool may_make(const rf_ahead *a) {
    size_t ahead = a->made - a->given;
    return ahead < FRAMES - 1 && (ahead == 0 || a->waiting < max_ahead_bytes);
}

static void *read_ahead(void *ctx) {
    rf_ahead *a = ctx;
    rf_parallel_serial();
    for (;;) {
        pthread_mutex_lock(&a->lock);
        while (!a->stop && !may_make(a)) pthread_cond_wait(&a->changed, &a->lock);
        bool stop = a->stop;
        size_t slot = a->made % FRAMES;
        pthread_mutex_unlock(&a->lock);
        if (stop) return NULL;
        bool more = false;
        rf_frame *frame = &a->frames[slot];
        rf_status status = rf_frame_source_next(a->source, frame, &more);
        char *error = status == RF_OK ? NULL : rf_strdup(rf_error_message());
        pthread_mutex_lock(&a->lock);
        a->ended = status != RF_OK || !more;
        a->status = status;
        a->error = error;
        if (!a->ended) {
            a->bytes[slot] = (size_t)frame->image.width * (size_t)frame->image.height * 3 + frame->n_bytes;
            a->waiting += a->bytes[slot];
            a->made++;
        }
        bool ended = a->ended;
        pthread_cond_broadcast(&a->changed);
        pthread_mutex_unlock(&a->lock);
        if (ended) return NULL;
    }
}

rf_status rf_ahead_start(rf_frame_source *source, rf_ahead **out) {
    sigset_t all, before;
    *out = NULL;
    rf_ahead *a = rf_alloc(1, sizeof *a);
    if (!a) return RF_ERR_NOMEM;
    a->source = source;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, read_ahead, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
        rf_free(a);
        return rf_fail(RF_ERR_IO, "cannot start the thread that reads pictures: %s", strerror(failed));
    }
    *out = a;
    return RF_OK;
}

rf_status rf_ahead_next(rf_ahead *a, rf_frame **frame) {
    *frame = NULL;
    pthread_mutex_lock(&a->lock);
    while (a->made == a->given && !a->ended) pthread_cond_wait(&a->changed, &a->lock);
    if (a->made > a->given) {
        *frame = &a->frames[a->given % FRAMES];
        a->waiting -= a->bytes[a->given % FRAMES];
        a->given++;
        pthread_cond_broadcast(&a->changed);
    }
    rf_status status = *frame ? RF_OK : a->status;
    pthread_mutex_unlock(&a->lock);
    return status == RF_OK || !a->error ? status : rf_fail(status, "%s", a->error);
}

void rf_ahead_stop(rf_ahead *a) {
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    rf_frame_source_stop(a->source);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    for (int i = 0; i < FRAMES; i++) rf_frame_free(&a->frames[i]);
    rf_free(a->error);
    rf_free(a);
}
