/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of rf-detect: byte 0 says how the rest is read: what its first bytes tell, or raw frames of some layout.
 * Every frame comes once, in order, whole or with what is wrong with it, and there is an end. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "cli/detect.h"
#include "core/mem.h"
#include "tests/fuzz/harness.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

static void check_frame(rf_frame *frame, const rf_detect_settings *settings, size_t number) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert(frame->name && frame->relative && !strstr(frame->relative, ".."));
    assert(!(frame->share > 1) && frame->number <= number);
    if (frame->status == RF_OK) harness_touch(frame->bytes, frame->n_bytes);
    harness_begin();
    rf_status status = rf_frame_decode(frame, settings);
    harness_end(status);
    assert((frame->status == RF_OK) == (frame->error == NULL));
    if (status != RF_OK || frame->status != RF_OK) return;
    assert(frame->image.width > 0 && frame->image.height > 0);
    harness_touch(frame->image.pixels, (size_t)frame->image.width * (size_t)frame->image.height * 3);
    assert(rf_frame_encode(frame, false, &bytes, &n) == RF_OK);
    assert(n >= frame->n_bytes); /* as they were read, behind what the stream puts before a frame */
    harness_touch(bytes, n);
    rf_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const raw[] = {NULL, "3x2", "5x3:yuv420p", "4x4:gray"};
    if (size < 1) return 0;
    const char *path = harness_file(0, data + 1, size - 1);
    rf_detect_settings settings = {.words = &path, .n_words = 1, .exif = true, .raw = raw[*data & 3]};
    if (settings.raw) assert(rf_planes_parse("--raw", settings.raw, &settings.raw_planes) == RF_OK);
    rf_frame_source *source = NULL;
    rf_frame frame = {0};
    bool more = true;
    harness_begin();
    rf_status status = rf_frame_source_open(&settings, &source);
    harness_end(status);
    for (size_t number = 1; status == RF_OK && more; number++) {
        assert(number <= size + 2); /* each takes a byte at least */
        harness_begin();
        status = rf_frame_source_next(source, &frame, &more);
        harness_end(status);
        if (status == RF_OK && more) check_frame(&frame, &settings, number);
    }
    rf_frame_free(&frame);
    rf_frame_source_close(source);
    return 0;
}
