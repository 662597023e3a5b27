/* SPDX-License-Identifier: Apache-2.0 */
#include "data/exif.h"

#include <stdbool.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

static uint32_t read_u16(const uint8_t *p, bool big) {
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t read_u32(const uint8_t *p, bool big) {
    return big ? read_u16(p, big) << 16 | read_u16(p + 2, big) : read_u16(p + 2, big) << 16 | read_u16(p, big);
}

int rf_exif_orientation(const uint8_t *app1, size_t bytes) {
    if (bytes < 6 || memcmp(app1, "Exif\0\0", 6) != 0) return 1;
    return rf_exif_orientation_of_tiff(app1 + 6, bytes - 6);
}

/* Offsets count from the beginning. */
int rf_exif_orientation_of_tiff(const uint8_t *tiff, size_t size) {
    if (size < 8) return 1;
    bool big = tiff[0] == 'M' && tiff[1] == 'M';
    if (!big && !(tiff[0] == 'I' && tiff[1] == 'I')) return 1;
    if (read_u16(tiff + 2, big) != 42) return 1;
    size_t directory = read_u32(tiff + 4, big);
    if (directory > size || size - directory < 2) return 1;
    size_t entries = read_u16(tiff + directory, big);
    for (size_t i = 0; i < entries; i++) {
        size_t at = directory + 2 + i * ENTRY_BYTES;
        if (at > size || size - at < ENTRY_BYTES) return 1;
        if (read_u16(tiff + at, big) != TAG_ORIENTATION) continue;
        uint32_t value = read_u16(tiff + at + 8, big);
        bool valid = read_u16(tiff + at + 2, big) == TYPE_SHORT && value >= 1 && value <= 8;
        return valid ? (int)value : 1;
    }
    return 1;
}
