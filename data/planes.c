/* SPDX-License-Identifier: Apache-2.0 */
#include "data/planes.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SIDE = 65536 };

static size_t chroma_width(const rf_planes *p) {
    return (size_t)((p->width + p->step_x - 1) / p->step_x);
}

static size_t chroma_height(const rf_planes *p) {
    return (size_t)((p->height + p->step_y - 1) / p->step_y);
}

size_t rf_planes_bytes(const rf_planes *p) {
    size_t pixels = (size_t)p->width * (size_t)p->height;
    switch (p->kind) {
    case RF_PLANES_RGB24:
    case RF_PLANES_BGR24:
        return 3 * pixels;
    case RF_PLANES_GREY:
        return pixels;
    case RF_PLANES_YUV:
        break;
    }
    return pixels + 2 * chroma_width(p) * chroma_height(p);
}

rf_status rf_planes_parse(const char *what, const char *text, rf_planes *out) {
    static const struct {
        const char *name;
        rf_planes planes;
    } kinds[] = {{"rgb24", {.kind = RF_PLANES_RGB24}},
                 {"bgr24", {.kind = RF_PLANES_BGR24}},
                 {"gray", {.kind = RF_PLANES_GREY, .full = true}},
                 {"grey", {.kind = RF_PLANES_GREY, .full = true}},
                 {"yuv420p", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2}}};
    int width = 0, height = 0, end = 0;
    if (sscanf(text, "%6dx%6d%n", &width, &height, &end) == 2 && width > 0 && height > 0 && width <= MAX_SIDE &&
        height <= MAX_SIDE && (text[end] == 0 || text[end] == ':')) {
        const char *name = text[end] ? text + end + 1 : "rgb24";
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (strcmp(name, kinds[i].name) != 0) continue;
            *out = kinds[i].planes;
            out->width = width;
            out->height = height;
            return RF_OK;
        }
    }
    return rf_fail(RF_ERR_USER, "%s %s: expected WxH, WxH:rgb24, WxH:bgr24, WxH:gray or WxH:yuv420p, 640x480:gray say",
                   what, text);
}

static uint8_t clip(int value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static uint8_t luma_of_grey(const rf_planes *p, uint8_t sample) {
    return p->full ? sample : clip(((sample - 16) * 76309 + 32768) >> 16);
}

/* BT.601 in 16 bits of fraction. */
static void pixel_of(const rf_planes *p, int y, int u, int v, uint8_t rgb[3]) {
    u -= 128;
    v -= 128;
    if (p->full) {
        rgb[0] = clip(((y << 16) + 91881 * v + 32768) >> 16);
        rgb[1] = clip(((y << 16) - 22554 * u - 46802 * v + 32768) >> 16);
        rgb[2] = clip(((y << 16) + 116130 * u + 32768) >> 16);
        return;
    }
    int base = (y - 16) * 76309 + 32768;
    rgb[0] = clip((base + 104597 * v) >> 16);
    rgb[1] = clip((base - 25675 * u - 53279 * v) >> 16);
    rgb[2] = clip((base + 132201 * u) >> 16);
}

static uint8_t luma_of(const rf_planes *p, const uint8_t rgb[3]) {
    if (p->full) return clip((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
    return clip(16 + ((16829 * rgb[0] + 33039 * rgb[1] + 6416 * rgb[2] + 32768) >> 16));
}

/* Of sums over `n` pixels. */
static void colour_of(const rf_planes *p, const int sum[3], int n, uint8_t *u, uint8_t *v) {
    double r = (double)sum[0] / n, g = (double)sum[1] / n, b = (double)sum[2] / n, scale = p->full ? 1 : 224.0 / 255;
    *u = clip((int)(128.5 + scale * (-0.168736 * r - 0.331264 * g + 0.5 * b)));
    *v = clip((int)(128.5 + scale * (0.5 * r - 0.418688 * g - 0.081312 * b)));
}

static void row_of(const rf_planes *p, const uint8_t *frame, int y, uint8_t *rgb) {
    size_t w = (size_t)p->width;
    switch (p->kind) {
    case RF_PLANES_RGB24:
        memcpy(rgb, frame + (size_t)y * w * 3, w * 3);
        return;
    case RF_PLANES_BGR24:
        for (size_t x = 0; x < w; x++)
            for (int c = 0; c < 3; c++) rgb[3 * x + (size_t)c] = frame[((size_t)y * w + x) * 3 + 2 - (size_t)c];
        return;
    case RF_PLANES_GREY:
        for (size_t x = 0; x < w; x++) memset(rgb + 3 * x, luma_of_grey(p, frame[(size_t)y * w + x]), 3);
        return;
    case RF_PLANES_YUV:
        break;
    }
    const uint8_t *luma = frame + (size_t)y * w, *u = frame + w * (size_t)p->height;
    u += (size_t)(y / p->step_y) * chroma_width(p);
    const uint8_t *v = u + chroma_width(p) * chroma_height(p);
    for (int x = 0; x < p->width; x++) pixel_of(p, luma[x], u[x / p->step_x], v[x / p->step_x], rgb + 3 * x);
}

rf_status rf_planes_decode(const rf_planes *p, const uint8_t *frame, rf_image *image) {
    RF_TRY(rf_image_renew(image, p->width, p->height));
    for (int y = 0; y < p->height; y++) row_of(p, frame, y, image->pixels + (size_t)y * (size_t)p->width * 3);
    return RF_OK;
}

static bool shows(const rf_planes *p, const uint8_t *frame, int x, int y, const uint8_t rgb[3]) {
    size_t w = (size_t)p->width;
    uint8_t now[3];
    const uint8_t *u =
        frame + w * (size_t)p->height + (size_t)(y / p->step_y) * chroma_width(p) + (size_t)(x / p->step_x);
    pixel_of(p, frame[(size_t)y * w + (size_t)x], u[0], u[chroma_width(p) * chroma_height(p)], now);
    return memcmp(now, rgb, 3) == 0;
}

/* The pixels that share a sample of colour. */
static void update_cell(const rf_planes *p, const rf_image *image, int x0, int y0, uint8_t *frame) {
    size_t w = (size_t)p->width;
    int sum[3] = {0}, n = 0;
    bool same = true;
    for (int y = y0; y < y0 + p->step_y && y < p->height; y++)
        for (int x = x0; x < x0 + p->step_x && x < p->width; x++, n++) {
            const uint8_t *rgb = image->pixels + ((size_t)y * w + (size_t)x) * 3;
            for (int c = 0; c < 3; c++) sum[c] += rgb[c];
            same = same && shows(p, frame, x, y, rgb);
        }
    if (same) return;
    for (int y = y0; y < y0 + p->step_y && y < p->height; y++)
        for (int x = x0; x < x0 + p->step_x && x < p->width; x++)
            frame[(size_t)y * w + (size_t)x] = luma_of(p, image->pixels + ((size_t)y * w + (size_t)x) * 3);
    uint8_t *u = frame + w * (size_t)p->height + (size_t)(y0 / p->step_y) * chroma_width(p) + (size_t)(x0 / p->step_x);
    colour_of(p, sum, n, u, u + chroma_width(p) * chroma_height(p));
}

void rf_planes_update(const rf_planes *p, const rf_image *image, uint8_t *frame) {
    size_t pixels = (size_t)p->width * (size_t)p->height;
    switch (p->kind) {
    case RF_PLANES_RGB24:
        memcpy(frame, image->pixels, pixels * 3);
        return;
    case RF_PLANES_BGR24:
        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < 3; c++) frame[3 * i + c] = image->pixels[3 * i + 2 - c];
        return;
    case RF_PLANES_GREY:
        for (size_t i = 0; i < pixels; i++) {
            const uint8_t *rgb = image->pixels + 3 * i;
            uint8_t now = luma_of_grey(p, frame[i]);
            if (rgb[0] != now || rgb[1] != now || rgb[2] != now) frame[i] = luma_of(p, rgb);
        }
        return;
    case RF_PLANES_YUV:
        break;
    }
    for (int y = 0; y < p->height; y += p->step_y)
        for (int x = 0; x < p->width; x += p->step_x) update_cell(p, image, x, y, frame);
}
