/* SPDX-License-Identifier: Apache-2.0 */
#include "data/image.h"

#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "data/codec.h"

enum { DEFAULT_QUALITY = 92 };

static bool ends_with(const char *text, const char *suffix) {
    size_t a = strlen(text), b = strlen(suffix);
    return a >= b && strcasecmp(text + a - b, suffix) == 0;
}

rf_status rf_image_save(const char *path, const rf_image *image, int quality) {
    bool png = ends_with(path, ".png"), jpeg = ends_with(path, ".jpg") || ends_with(path, ".jpeg");
    if (!png && !jpeg) return rf_fail(RF_ERR_USER, "%s: images are written as .png, .jpg or .jpeg", path);
    if (quality < 0 || quality > 100)
        return rf_fail(RF_ERR_USER, "%s: JPEG quality %d is not between 1 and 100", path, quality);
    if (jpeg && (image->width > 65500 || image->height > 65500))
        return rf_fail(RF_ERR_USER, "%s: %d x %d pixels are too many for JPEG; write a .png", path, image->width,
                       image->height);
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    FILE *stream = rf_atomic_stream(file);
    rf_status status = png ? rf_png_write(stream, path, image)
                           : rf_jpeg_write(stream, path, image, quality ? quality : DEFAULT_QUALITY);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}
