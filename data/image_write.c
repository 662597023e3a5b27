/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data/image.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/codec.h"

enum { DEFAULT_QUALITY = 92 };

static bool ends_with(const char *text, const char *suffix) {
    size_t a = strlen(text), b = strlen(suffix);
    return a >= b && strcasecmp(text + a - b, suffix) == 0;
}

static rf_status check_jpeg(const char *name, const rf_image *image) {
    if (image->width <= 65500 && image->height <= 65500) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %d x %d pixels are too many for JPEG; write a .png", name, image->width,
                   image->height);
}

rf_status rf_image_save(const char *path, const rf_image *image, int quality) {
    bool png = ends_with(path, ".png"), jpeg = ends_with(path, ".jpg") || ends_with(path, ".jpeg");
    if (!png && !jpeg) return rf_fail(RF_ERR_USER, "%s: images are written as .png, .jpg or .jpeg", path);
    if (quality < 0 || quality > 100)
        return rf_fail(RF_ERR_USER, "%s: JPEG quality %d is not between 1 and 100", path, quality);
    if (jpeg) RF_TRY(check_jpeg(path, image));
    rf_atomic_file *file;
    RF_TRY(rf_atomic_open(path, &file));
    FILE *stream = rf_atomic_stream(file);
    rf_status status = png ? rf_png_write(stream, path, image)
                           : rf_jpeg_write(stream, path, image, quality ? quality : DEFAULT_QUALITY);
    if (status == RF_OK) return rf_atomic_commit(file);
    rf_atomic_abort(file);
    return status;
}

rf_status rf_image_encode(const char *name, const rf_image *image, bool png, int quality, uint8_t **bytes, size_t *n) {
    char *text = NULL;
    size_t size = 0;
    *bytes = NULL;
    if (!png) RF_TRY(check_jpeg(name, image));
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return rf_fail(RF_ERR_NOMEM, "%s: out of memory for the encoded picture", name);
    rf_status status = png ? rf_png_write(stream, name, image)
                           : rf_jpeg_write(stream, name, image, quality ? quality : DEFAULT_QUALITY);
    if ((ferror(stream) | fclose(stream)) && status == RF_OK)
        status = rf_fail(RF_ERR_NOMEM, "%s: out of memory for the encoded picture", name);
    if (status == RF_OK && !(*bytes = rf_alloc(size, 1))) status = RF_ERR_NOMEM;
    if (status == RF_OK) memcpy(*bytes, text, *n = size);
    free(text);
    return status;
}
