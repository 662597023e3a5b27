/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/detect.h"
#include "core/mem.h"

const char *rf_frame_title(const rf_frame *frame, char text[RF_FRAME_TITLE]) {
    if (frame->number)
        snprintf(text, RF_FRAME_TITLE, "%s frame %zu", frame->name, frame->number);
    else
        snprintf(text, RF_FRAME_TITLE, "%s", frame->name);
    return text;
}

void rf_frame_clear(rf_frame *frame) {
    rf_free(frame->name);
    rf_free(frame->relative);
    rf_free(frame->header);
    rf_free(frame->error);
    *frame =
        (rf_frame){.bytes = frame->bytes, .capacity = frame->capacity, .image = frame->image, .time = -1, .share = -1};
}

void rf_frame_free(rf_frame *frame) {
    rf_frame_clear(frame);
    rf_free(frame->bytes);
    rf_image_free(&frame->image);
    *frame = (rf_frame){0};
}

void rf_frame_blame(rf_frame *frame, rf_status status) {
    rf_free(frame->error);
    frame->status = status;
    frame->error = rf_strdup(rf_error_message()); /* without memory the status tells enough */
}

rf_status rf_frame_put_bytes(rf_frame *frame, const uint8_t *bytes, size_t n) {
    if (n > frame->capacity) {
        rf_free(frame->bytes);
        frame->capacity = 0;
        frame->bytes = rf_alloc(n, 1);
        if (!frame->bytes) return RF_ERR_NOMEM;
        frame->capacity = n;
    }
    if (n) memcpy(frame->bytes, bytes, n);
    frame->n_bytes = n;
    return RF_OK;
}

rf_status rf_frame_encode(const rf_frame *frame, bool changed, uint8_t **bytes, size_t *n) {
    if (changed && frame->coding != RF_CODED_PLANES)
        return rf_image_encode(frame->relative, &frame->image, frame->coding == RF_CODED_PNG, 0, bytes, n);
    *bytes = rf_alloc(frame->n_bytes, 1);
    if (!*bytes) return RF_ERR_NOMEM;
    memcpy(*bytes, frame->bytes, frame->n_bytes);
    *n = frame->n_bytes;
    if (changed) rf_planes_update(&frame->planes, &frame->image, *bytes);
    return RF_OK;
}
