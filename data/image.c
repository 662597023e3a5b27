/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data/image.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/codec.h"
#include "data/image_kind.h"

enum { MAX_SIDE = 1000000, HEAD_BYTES = 32768 };
static const size_t max_file_bytes = (size_t)1 << 30;
static const size_t default_max_pixels = 400u * 1000 * 1000;

rf_status rf_image_alloc(rf_image *image, int width, int height) {
    *image = (rf_image){0};
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return rf_fail(RF_ERR_USER, "an image of %d x %d pixels cannot be made: sides are 1 to %d", width, height,
                       MAX_SIDE);
    uint8_t *pixels = rf_alloc((size_t)width * (size_t)height, 3);
    if (!pixels) return RF_ERR_NOMEM;
    *image = (rf_image){width, height, pixels, (size_t)width * (size_t)height * 3};
    return RF_OK;
}

rf_status rf_image_renew(rf_image *image, int width, int height) {
    bool fits = image->pixels && width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE &&
                (size_t)width * (size_t)height * 3 <= image->capacity;
    if (!fits) {
        rf_image_free(image);
        return rf_image_alloc(image, width, height);
    }
    image->width = width;
    image->height = height;
    return RF_OK;
}

void rf_image_free(rf_image *image) {
    if (!image) return;
    rf_free(image->pixels);
    *image = (rf_image){0};
}

static const rf_decode_options *or_default(const rf_decode_options *options) {
    static const rf_decode_options none = {0};
    return options ? options : &none;
}

static bool is_jpeg(const uint8_t *data, size_t bytes) {
    static const uint8_t start[] = {0xFF, 0xD8, 0xFF};
    return bytes >= sizeof start && memcmp(data, start, sizeof start) == 0;
}

static bool is_png(const uint8_t *data, size_t bytes) {
    static const uint8_t start[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    return bytes >= sizeof start && memcmp(data, start, sizeof start) == 0;
}

static rf_status refuse_kind(const uint8_t *data, size_t bytes, const char *name) {
    const char *kind = rf_image_kind(data, bytes);
    if (kind) return rf_fail(RF_ERR_FORMAT, "%s: neither JPEG nor PNG but %s", name, kind);
    return rf_fail(RF_ERR_FORMAT, "%s: neither JPEG nor PNG (it starts with bytes %02x %02x); convert the image", name,
                   data[0], bytes > 1 ? data[1] : 0u);
}

rf_status rf_image_probe_bytes(const uint8_t *data, size_t bytes, const char *name, const rf_decode_options *options,
                               rf_image_info *info) {
    rf_image_info found = {.exif_orientation = 1};
    options = or_default(options);
    if (is_jpeg(data, bytes)) {
        found.jpeg = true;
        RF_TRY(rf_jpeg_info(data, bytes, name, &found));
    } else if (is_png(data, bytes)) {
        found.png = true;
        RF_TRY(rf_png_info(data, bytes, name, &found));
    } else {
        return refuse_kind(data, bytes, name);
    }
    size_t limit = options->max_pixels ? options->max_pixels : default_max_pixels;
    if (found.width < 1 || found.height < 1 || found.width > MAX_SIDE || found.height > MAX_SIDE ||
        (size_t)found.width * (size_t)found.height > limit)
        return rf_fail(RF_ERR_FORMAT, "%s: %d x %d pixels are more than the limit of %.1f million; shrink the image",
                       name, found.width, found.height, (double)limit / 1e6);
    if (options->apply_exif && found.exif_orientation >= 5) {
        int width = found.width;
        found.width = found.height;
        found.height = width;
    }
    *info = found;
    return RF_OK;
}

/* The first bytes of a file; 0 when there are none. */
static size_t read_head(const char *path, uint8_t *head, size_t bytes) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
    ssize_t n = read(file, head, bytes);
    close(file);
    return n > 0 ? (size_t)n : 0;
}

/* The first bytes nearly always hold the whole header; false when they do not. A PNG may be turned by its last chunk.
 */
static bool probe_head(const char *path, const rf_decode_options *options, rf_image_info *info) {
    uint8_t head[HEAD_BYTES];
    size_t n = read_head(path, head, sizeof head);
    if (!is_jpeg(head, n) && (!is_png(head, n) || n == sizeof head)) return false;
    return rf_image_probe_bytes(head, n, path, options, info) == RF_OK;
}

/* Reads a file that begins like a picture; a film of some gigabytes under a picture's name is not read. */
static rf_status read_picture(const char *path, uint8_t **data, size_t *bytes) {
    uint8_t head[512];
    size_t n = read_head(path, head, sizeof head);
    if (n && !is_jpeg(head, n) && !is_png(head, n)) return refuse_kind(head, n, path);
    return rf_file_read(path, max_file_bytes, data, bytes);
}

rf_status rf_image_probe(const char *path, const rf_decode_options *options, rf_image_info *info) {
    if (probe_head(path, options, info)) return RF_OK;
    uint8_t *data = NULL;
    size_t bytes = 0;
    RF_TRY(read_picture(path, &data, &bytes));
    rf_status status = rf_image_probe_bytes(data, bytes, path, options, info);
    rf_free(data);
    return status;
}

/* `image` may hold memory to reuse; after a failure it is the caller's to free. */
static rf_status decode_into(const uint8_t *data, size_t bytes, const char *name, const rf_decode_options *options,
                             rf_image *image) {
    rf_image_info info = {0};
    int denom = options->scale_denom ? options->scale_denom : 1;
    if (denom != 1 && denom != 2 && denom != 4 && denom != 8)
        return rf_fail(RF_ERR_USER, "%s: images are decoded at 1/1, 1/2, 1/4 or 1/8, not at 1/%d", name, denom);
    RF_TRY(rf_image_probe_bytes(data, bytes, name, options, &info));
    RF_TRY(info.jpeg ? rf_jpeg_decode(data, bytes, name, denom, image) : rf_png_decode(data, bytes, name, image));
    return options->apply_exif ? rf_image_turn(image, info.exif_orientation) : RF_OK;
}

rf_status rf_image_decode(const uint8_t *data, size_t bytes, const char *name, const rf_decode_options *options,
                          rf_image *image) {
    options = or_default(options);
    *image = (rf_image){0};
    if (options->recycle) {
        *image = *options->recycle;
        *options->recycle = (rf_image){0};
    }
    rf_status status = decode_into(data, bytes, name, options, image);
    if (status != RF_OK) rf_image_free(image);
    return status;
}

rf_status rf_image_load(const char *path, const rf_decode_options *options, rf_image *image) {
    uint8_t *data = NULL;
    size_t bytes = 0;
    *image = (rf_image){0};
    rf_status status = read_picture(path, &data, &bytes);
    if (status != RF_OK) {
        if (options && options->recycle) rf_image_free(options->recycle);
        return status;
    }
    status = rf_image_decode(data, bytes, path, options, image);
    rf_free(data);
    return status;
}

rf_status rf_image_turn(rf_image *image, int orientation) {
    if (orientation < 2 || orientation > 8) return RF_OK;
    if (orientation == 2) {
        rf_image_mirror(image);
        return RF_OK;
    }
    bool swap = orientation >= 5; /* rows become columns */
    /* Which sides of the stored picture the upright one starts from. */
    bool from_right = orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    rf_image out;
    RF_TRY(swap ? rf_image_alloc(&out, image->height, image->width)
                : rf_image_alloc(&out, image->width, image->height));
    uint8_t *to = out.pixels;
    for (int y = 0; y < out.height; y++) {
        for (int x = 0; x < out.width; x++, to += 3) {
            int sx = swap ? y : x, sy = swap ? x : y;
            if (from_right) sx = image->width - 1 - sx;
            if (from_bottom) sy = image->height - 1 - sy;
            memcpy(to, image->pixels + ((size_t)sy * (size_t)image->width + (size_t)sx) * 3, 3);
        }
    }
    rf_image_free(image);
    *image = out;
    return RF_OK;
}

void rf_image_mirror(rf_image *image) {
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * (size_t)image->width * 3;
        uint8_t *right = left + ((size_t)image->width - 1) * 3;
        for (; left < right; left += 3, right -= 3) {
            uint8_t saved[3] = {left[0], left[1], left[2]};
            memcpy(left, right, 3);
            memcpy(right, saved, 3);
        }
    }
}
