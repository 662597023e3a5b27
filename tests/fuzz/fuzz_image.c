/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG, PNG and EXIF. Byte 0 chooses the options; the checksums of PNG chunks are put right, or nothing behind them
 * would ever be reached. */
#include <assert.h>
#include <string.h>

#include <zlib.h>

#include "core/mem.h"
#include "data/exif.h"
#include "data/image.h"
#include "tests/fuzz/harness.h"

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void mend_png(uint8_t *data, size_t size) {
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1A\n", 8) != 0) return;
    for (size_t at = 8; size - at >= 12;) {
        size_t length = big_endian(data + at);
        if (length > size - at - 12) return;
        uint32_t sum = (uint32_t)crc32(0, data + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) data[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    int orientation = rf_exif_orientation(data + 1, size - 1);
    assert(orientation >= 1 && orientation <= 8);
    uint8_t *copy = harness_copy(data + 1, size - 1);
    if (!(*data & 16)) mend_png(copy, size - 1);
    rf_decode_options options = {
        .apply_exif = *data & 8, .scale_denom = 1 << (*data & 3), .max_pixels = (size_t)1 << 20};
    rf_image image;
    harness_begin();
    rf_status status = rf_image_decode(copy, size - 1, "fuzz.img", &options, &image);
    harness_end(status);
    assert((status == RF_OK) == (image.pixels != NULL));
    if (status == RF_OK) {
        assert(image.width > 0 && image.height > 0);
        harness_touch(image.pixels, (size_t)image.width * (size_t)image.height * 3);
    }
    rf_image_free(&image);
    rf_free(copy);
    return 0;
}
