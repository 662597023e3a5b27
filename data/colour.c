/* SPDX-License-Identifier: Apache-2.0 */
#include "data/colour.h"

#include <math.h>

static rf_rect cut_to(const rf_image *image, const rf_rect *rect) {
    rf_rect all = {0, 0, image->width, image->height};
    if (!rect) return all;
    rf_rect r = *rect;
    if (r.x < 0) r.width += r.x, r.x = 0;
    if (r.y < 0) r.height += r.y, r.y = 0;
    if (r.width > image->width - r.x) r.width = image->width - r.x;
    if (r.height > image->height - r.y) r.height = image->height - r.y;
    return r;
}

static uint8_t to_byte(float v) {
    if (!(v > 0)) return 0;
    return v >= 255 ? 255 : (uint8_t)(v + 0.5f);
}

static void apply_table(rf_image *image, const rf_rect *rect, const uint8_t table[256]) {
    rf_rect r = cut_to(image, rect);
    for (int y = r.y; y < r.y + r.height; y++) {
        uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)r.x) * 3;
        for (int i = 0; i < 3 * r.width; i++) p[i] = table[p[i]];
    }
}

void rf_colour_brightness(rf_image *image, const rf_rect *rect, float add) {
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = to_byte((float)i + add);
    apply_table(image, rect, table);
}

void rf_colour_contrast(rf_image *image, const rf_rect *rect, float factor) {
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = to_byte((float)i * factor);
    apply_table(image, rect, table);
}

/* Value stays, so a channel is value - chroma * t with t between 0 (the largest) and 1 (the smallest); saturation
 * scales the chroma, hue changes t. */
static void saturate_row(uint8_t *p, int n, float saturation) {
    for (int i = 0; i < n; i++, p += 3) {
        int value = p[0] > p[1] ? p[0] : p[1], least = p[0] < p[1] ? p[0] : p[1];
        if (p[2] > value) value = p[2];
        if (p[2] < least) least = p[2];
        if (value == least) continue;
        float limit = (float)value / (float)(value - least); /* at which saturation reaches 1 */
        float scale = saturation < limit ? saturation : limit;
        for (int c = 0; c < 3; c++) p[c] = (uint8_t)((float)value - (float)(value - p[c]) * scale + 0.5f);
    }
}

/* Hue in sextants, 0..6, of a colour that is not grey. */
static float hue_of(int r, int g, int b, int value, float inverse_chroma) {
    if (value == r) return g >= b ? (float)(g - b) * inverse_chroma : 6 + (float)(g - b) * inverse_chroma;
    if (value == g) return 2 + (float)(b - r) * inverse_chroma;
    return 4 + (float)(r - g) * inverse_chroma;
}

/* The channels in each sextant: which is largest, which smallest; the third one runs between them. */
static const uint8_t largest[6] = {0, 1, 1, 2, 2, 0}, smallest[6] = {2, 2, 0, 0, 1, 1}, between[6] = {1, 0, 2, 1, 0, 2};

static void turn_row(uint8_t *p, int n, float saturation, float shift) {
    for (int i = 0; i < n; i++, p += 3) {
        int r = p[0], g = p[1], b = p[2];
        int value = r > g ? r : g, least = r < g ? r : g;
        if (b > value) value = b;
        if (b < least) least = b;
        if (value == least) continue;
        float chroma = (float)(value - least), inverse = 1 / chroma;
        float hue = hue_of(r, g, b, value, inverse) + shift;
        if (hue >= 6) hue -= 6;
        int sextant = hue >= 6 ? 5 : (int)hue;
        float part = hue - (float)sextant; /* 0..1 in the sextant; the middle channel rises in the even ones */
        chroma *= saturation;
        if (chroma > (float)value) chroma = (float)value;
        p[largest[sextant]] = (uint8_t)value;
        p[smallest[sextant]] = (uint8_t)((float)value - chroma + 0.5f);
        p[between[sextant]] = (uint8_t)((float)value - chroma * (sextant & 1 ? part : 1 - part) + 0.5f);
    }
}

void rf_colour_hsv(rf_image *image, const rf_rect *rect, float saturation, float hue) {
    rf_rect r = cut_to(image, rect);
    float shift = fmodf(hue / 60, 6);
    if (shift < 0) shift += 6;
    if (!(shift >= 0 && shift < 6)) shift = 0;
    if (!(saturation >= 0)) saturation = 0;
    if (saturation == 1 && shift == 0) return;
    for (int y = r.y; y < r.y + r.height; y++) {
        uint8_t *row = image->pixels + ((size_t)y * (size_t)image->width + (size_t)r.x) * 3;
        if (shift == 0)
            saturate_row(row, r.width, saturation);
        else
            turn_row(row, r.width, saturation, shift);
    }
}
