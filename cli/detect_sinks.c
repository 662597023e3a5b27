/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/detect.h"
#include "cli/say.h"
#include "core/mem.h"

/* In the order in which a frame goes through them: what reads the picture as it came, what paints on it, what writes
 * the painted one, and the list of all that. */
static const rf_sink_kind *const kinds[] = {&rf_sink_label, &rf_sink_faces,    &rf_sink_blur,
                                            &rf_sink_draw,  &rf_sink_pictures, &rf_sink_json};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct rf_sinks {
    rf_sink_shared shared;
    void *states[KINDS];
};

rf_status rf_sinks_open(const rf_detect_settings *settings, rf_sinks **out) {
    *out = NULL;
    rf_sinks *sinks = rf_alloc(1, sizeof *sinks);
    if (!sinks) return RF_ERR_NOMEM;
    sinks->shared = (rf_sink_shared){settings, rf_distinct_new()};
    rf_status status = sinks->shared.names ? RF_OK : RF_ERR_NOMEM;
    for (int i = 0; i < KINDS && status == RF_OK; i++) status = kinds[i]->open(&sinks->shared, &sinks->states[i]);
    if (status == RF_OK)
        *out = sinks;
    else
        rf_sinks_close(sinks, false);
    return status;
}

rf_status rf_sinks_start(rf_sinks *sinks) {
    for (int i = 0; i < KINDS; i++)
        if (sinks->states[i] && kinds[i]->start) RF_TRY(kinds[i]->start(sinks->states[i]));
    return RF_OK;
}

static void free_names(char **names, size_t n) {
    for (size_t i = 0; names && i < n; i++) rf_free(names[i]);
    rf_free(names);
}

rf_status rf_sinks_take(rf_sinks *sinks, rf_seen *seen) {
    rf_status status = RF_OK;
    for (int i = 0; i < KINDS && status == RF_OK; i++)
        if (sinks->states[i]) status = kinds[i]->take(sinks->states[i], seen);
    size_t n = seen->faces ? seen->faces->n : 0;
    free_names(seen->aligned, n);
    free_names(seen->cropped, n);
    rf_free(seen->labelled);
    rf_free(seen->file);
    seen->aligned = seen->cropped = NULL;
    seen->labelled = seen->file = NULL;
    return status;
}

rf_status rf_sinks_close(rf_sinks *sinks, bool complete) {
    rf_status status = RF_OK;
    if (!sinks) return RF_OK;
    for (int i = 0; i < KINDS; i++) {
        rf_status closed = sinks->states[i] ? kinds[i]->close(sinks->states[i], complete && status == RF_OK) : RF_OK;
        if (status == RF_OK) status = closed;
    }
    rf_distinct_free(sinks->shared.names);
    rf_free(sinks);
    return status;
}

void rf_seen_blame(rf_seen *seen, const char *what) {
    rf_note("%s: %s\n", what, rf_error_message());
    if (!seen->error) seen->error = rf_strdup(rf_error_message());
}
