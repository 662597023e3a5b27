/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pictures.h"

#include <string.h>

#include "cli/say.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/signals.h"
#include "data/sample.h"

bool rf_picture_is_to_blame(rf_status status) {
    switch (status) {
    case RF_ERR_USER:
    case RF_ERR_FORMAT:
    case RF_ERR_IO:
    case RF_ERR_NOMEM:
        return true;
    case RF_OK:
    case RF_ERR_NONFINITE:
    case RF_ERR_INTERRUPTED:
        break;
    }
    return false;
}

rf_status rf_picture_faces(rf_finder *finder, const char *path, const rf_decode_options *options, rf_image *image,
                           rf_face_list *faces, double *decode_seconds) {
    double begin = rf_clock_seconds();
    rf_status status = rf_image_load(path, options, image);
    if (decode_seconds) *decode_seconds += rf_clock_seconds() - begin;
    if (status == RF_OK) status = rf_finder_run(finder, image, faces);
    if (status == RF_OK) return RF_OK;
    rf_image_free(image);
    faces->n = 0;
    return strstr(rf_error_message(), path) ? status : rf_fail_context(status, "%s", path);
}

/* Keeps the message of a failure. */
static rf_status pass_over(rf_find_all *out, size_t sample) {
    size_t n = out->unreadable;
    rf_note("skipped: %s\n", rf_error_message());
    if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, ... */
        rf_passed_over *grown = rf_realloc(out->passed_over, n, n ? 2 * n : 1, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        out->passed_over = grown;
    }
    out->passed_over[n] = (rf_passed_over){sample, rf_strdup(rf_error_message())};
    if (!out->passed_over[n].reason) return RF_ERR_NOMEM;
    out->unreadable++;
    return RF_OK;
}

/* Keeps that a picture was made smaller. */
static rf_status note_look(rf_find_all *out, size_t sample, rf_finder_view view) {
    size_t n = out->shrunk;
    if (!view.shrunk) return RF_OK;
    if ((n & (n - 1)) == 0) {
        rf_small_look *grown = rf_realloc(out->small_looks, n, n ? 2 * n : 1, sizeof *grown);
        if (!grown) return RF_ERR_NOMEM;
        out->small_looks = grown;
    }
    out->small_looks[n] = (rf_small_look){sample, view.scale};
    out->shrunk++;
    return RF_OK;
}

double rf_smallest_look(const rf_find_all *found) {
    double smallest = found->shrunk ? found->small_looks[0].scale : 1;
    for (size_t i = 1; i < found->shrunk; i++)
        if (found->small_looks[i].scale < smallest) smallest = found->small_looks[i].scale;
    return smallest;
}

void rf_say_shrunk(size_t n, double smallest, const rf_config *config) {
    rf_say(
        "%zu picture%s made smaller than asked for (eval.max_pixels=%g; to %.3g of the size at least): small faces may "
        "be missing; eval.tile = 2048 (--tile 2048) looks at parts in full size\n",
        n, n == 1 ? " was" : "s were", config->eval.max_pixels, smallest);
}

rf_status rf_find_faces(rf_finder *finder, const rf_dataset *dataset, rf_face_list *lists, rf_find_all *out) {
    memset(out, 0, sizeof *out);
    double begin = rf_clock_seconds();
    rf_decode_options options = rf_sample_options(dataset);
    for (size_t i = 0; i < dataset->n_samples; i++) {
        if (rf_signal_pending()) return rf_fail(RF_ERR_INTERRUPTED, "stopped by a signal after %zu images", i);
        rf_image image = {0};
        rf_status status =
            rf_picture_faces(finder, dataset->samples[i].path, &options, &image, &lists[i], &out->decode_seconds);
        rf_image_free(&image);
        if (rf_picture_is_to_blame(status)) {
            RF_TRY(pass_over(out, i));
            continue;
        }
        RF_TRY(status);
        RF_TRY(note_look(out, i, rf_finder_get_view(finder)));
        out->images++;
        out->detections += lists[i].n;
        if (i % 10 == 9 || i + 1 == dataset->n_samples) rf_note_progress(i + 1, dataset->n_samples, "images");
    }
    out->seconds = rf_clock_seconds() - begin;
    return RF_OK;
}

void rf_find_all_free(rf_find_all *found) {
    for (size_t i = 0; i < found->unreadable; i++) rf_free(found->passed_over[i].reason);
    rf_free(found->passed_over);
    rf_free(found->small_looks);
    *found = (rf_find_all){0};
}
