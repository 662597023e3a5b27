/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "rf/image.h"

#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "data/align.h"
#include "lib/call.h"
#include "rf/version.h"

_Static_assert((int)RF_DONE == (int)RF_OK && (int)RF_ERROR_ARGUMENT == (int)RF_ERR_USER &&
                   (int)RF_ERROR_FORMAT == (int)RF_ERR_FORMAT && (int)RF_ERROR_FILE == (int)RF_ERR_IO &&
                   (int)RF_ERROR_MEMORY == (int)RF_ERR_NOMEM && (int)RF_ERROR_NOT_FINITE == (int)RF_ERR_NONFINITE,
               "public codes are the inner ones");

const char *rf_version(void) {
    return RF_VERSION;
}

int rf_version_number(void) {
    return RF_VERSION_NUMBER;
}

const char *rf_last_error(void) {
    return rf_error_message();
}

rf_lib_call rf_lib_enter(rf_pool *pool, rf_heap *heap) {
    rf_lib_call before = {.alone = rf_parallel_alone(pool == NULL)};
    locale_t plain = newlocale(LC_ALL_MASK, "C", NULL); /* glibc's own, nothing to free */
    if (plain) before.locale = uselocale(plain);
    before.pool = rf_pool_use(pool);
    before.heap = rf_heap_use(heap);
    return before;
}

int rf_lib_leave(const rf_lib_call *before, rf_status status) {
    rf_heap_use(before->heap);
    rf_pool_use(before->pool);
    if (before->locale) uselocale(before->locale);
    rf_parallel_alone(before->alone);
    return (int)status;
}

/* ---- what a caller's pixels may be ---- */

/* Bytes of a pixel and where its red, green and blue are. */
static const struct layout {
    int bytes, at[3];
} layouts[] = {[RF_PIXELS_RGB] = {3, {0, 1, 2}},
               [RF_PIXELS_BGR] = {3, {2, 1, 0}},
               [RF_PIXELS_GREY] = {1, {0, 0, 0}},
               [RF_PIXELS_RGBA] = {4, {0, 1, 2}},
               [RF_PIXELS_BGRA] = {4, {2, 1, 0}}};
enum { FORMATS = sizeof layouts / sizeof *layouts, MOST_SIDE = 1000000 };
static const int64_t most_pixels = 400 * 1000 * 1000;

static ptrdiff_t stride_of(const rf_picture *p) {
    return p->stride ? p->stride : (ptrdiff_t)p->width * layouts[p->format].bytes;
}

rf_status rf_lib_check_picture(const rf_picture *p) {
    if (!p || !p->pixels) return rf_fail(RF_ERR_USER, "a picture is NULL: expected its pixels");
    if (p->format < 0 || p->format >= FORMATS)
        return rf_fail(RF_ERR_USER, "pixels of format %d: expected RF_PIXELS_RGB, _BGR, _GREY, _RGBA or _BGRA",
                       p->format);
    if (p->width < 1 || p->height < 1 || p->width > MOST_SIDE || p->height > MOST_SIDE ||
        (int64_t)p->width * p->height > most_pixels)
        return rf_fail(RF_ERR_USER,
                       "a picture of %d x %d pixels: expected sides of 1 to %d and at most 400 million pixels",
                       p->width, p->height, MOST_SIDE);
    ptrdiff_t stride = stride_of(p), row = (ptrdiff_t)p->width * layouts[p->format].bytes, all;
    if (stride > -row && stride < row)
        return rf_fail(RF_ERR_USER, "a stride of %td bytes: expected at least the %td of a row of %d pixels", stride,
                       row, p->width);
    if (__builtin_mul_overflow(stride, (ptrdiff_t)p->height, &all))
        return rf_fail(RF_ERR_USER, "a stride of %td bytes in %d rows is more than there is memory", stride, p->height);
    return RF_OK;
}

static void copy_rgb(const rf_picture *p, rf_image *to) {
    const struct layout *layout = &layouts[p->format];
    ptrdiff_t stride = stride_of(p);
    for (int y = 0; y < p->height; y++) {
        const unsigned char *in = p->pixels + stride * y;
        uint8_t *out = to->pixels + (size_t)y * (size_t)p->width * 3;
        for (int x = 0; x < p->width; x++, in += layout->bytes, out += 3)
            for (int c = 0; c < 3; c++) out[c] = in[layout->at[c]];
    }
}

rf_status rf_lib_view_picture(const rf_picture *p, rf_image *copy, rf_image *out) {
    RF_TRY(rf_lib_check_picture(p));
    if (p->format == RF_PIXELS_RGB && stride_of(p) == (ptrdiff_t)p->width * 3) {
        *out = (rf_image){.width = p->width, .height = p->height, .pixels = p->pixels};
        return RF_OK;
    }
    RF_TRY(rf_image_renew(copy, p->width, p->height));
    copy_rgb(p, copy);
    *out = *copy;
    return RF_OK;
}

/* ---- pictures of the library's ---- */

static void give(const rf_image *image, rf_picture *out) {
    *out = (rf_picture){.pixels = image->pixels,
                        .width = image->width,
                        .height = image->height,
                        .stride = (ptrdiff_t)image->width * 3,
                        .format = RF_PIXELS_RGB};
}

static const rf_decode_options upright = {.apply_exif = true};

int rf_picture_load(const char *path, rf_picture *out) {
    if (!out) return (int)rf_fail(RF_ERR_USER, "rf_picture_load: expected a place for the picture, not NULL");
    *out = (rf_picture){0};
    if (!path || !*path) return (int)rf_fail(RF_ERR_USER, "rf_picture_load: expected the path of a JPEG or PNG file");
    rf_image image = {0};
    rf_lib_call call = rf_lib_enter(NULL, NULL);
    if (strcmp(path, "-") == 0) path = "./-"; /* a file, never the standard input */
    rf_status status = rf_image_load(path, &upright, &image);
    if (status == RF_OK) give(&image, out);
    return rf_lib_leave(&call, status);
}

int rf_picture_decode(const void *data, size_t bytes, rf_picture *out) {
    if (!out) return (int)rf_fail(RF_ERR_USER, "rf_picture_decode: expected a place for the picture, not NULL");
    *out = (rf_picture){0};
    if (!data || !bytes)
        return (int)rf_fail(RF_ERR_USER, "rf_picture_decode: expected the bytes of a JPEG or PNG file, got none");
    rf_image image = {0};
    rf_lib_call call = rf_lib_enter(NULL, NULL);
    rf_status status = rf_image_decode(data, bytes, "the picture in memory", &upright, &image);
    if (status == RF_OK) give(&image, out);
    return rf_lib_leave(&call, status);
}

int rf_picture_align(const rf_picture *picture, const float *points, int n_points, int side, rf_picture *out) {
    if (!out) return (int)rf_fail(RF_ERR_USER, "rf_picture_align: expected a place for the picture, not NULL");
    rf_picture empty = {0};
    rf_image copy = {0}, view = {0}, face = {0};
    if (!points || n_points != RF_ALIGN_POINTS) {
        *out = empty;
        return (int)rf_fail(RF_ERR_USER, "rf_picture_align: %d points: a face is aligned by %d", points ? n_points : 0,
                            RF_ALIGN_POINTS);
    }
    rf_lib_call call = rf_lib_enter(NULL, NULL);
    rf_status status = rf_lib_view_picture(picture, &copy, &view);
    if (status == RF_OK) status = rf_image_align(&view, points, side, &face);
    *out = empty; /* only now: it may be the picture itself */
    if (status == RF_OK) give(&face, out);
    rf_image_free(&copy);
    return rf_lib_leave(&call, status);
}

void rf_picture_free(rf_picture *picture) {
    if (!picture) return;
    rf_free(picture->pixels);
    *picture = (rf_picture){0};
}
