/* SPDX-License-Identifier: Apache-2.0 */
#include "data/image_name.h"

#include <string.h>
#include <strings.h>

const char rf_image_suffixes[] =
    ".jpg,.jpeg,.png,.jpe,.jfif,.webp,.bmp,.gif,.tif,.tiff,.heic,.heif,.avif,.jp2,.ppm,.pgm";

size_t rf_image_suffix(const char *name, size_t n) {
    for (const char *s = rf_image_suffixes; *s; s += *s == ',') {
        size_t length = strcspn(s, ",");
        if (n > length && strncasecmp(name + n - length, s, length) == 0) return length;
        s += length;
    }
    return 0;
}
