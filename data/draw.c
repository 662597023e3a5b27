/* SPDX-License-Identifier: Apache-2.0 */
#include "data/draw.h"

#include <math.h>
#include <string.h>

#include "data/font.h"

enum { ADVANCE = RF_FONT_WIDTH + 1 };
static const float max_coordinate = 1e6f;

/* [x0,x1) x [y0,y1) cut to the image; limits first, so that any number can be converted. */
static void fill_box(rf_image *image, double x0, double y0, double x1, double y1, rf_colour colour) {
    int left = (int)fmin(fmax(x0, 0), image->width), right = (int)fmin(fmax(x1, 0), image->width);
    int top = (int)fmin(fmax(y0, 0), image->height), bottom = (int)fmin(fmax(y1, 0), image->height);
    for (int y = top; y < bottom; y++) {
        uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)left) * 3;
        for (int x = left; x < right; x++, p += 3) p[0] = colour.r, p[1] = colour.g, p[2] = colour.b;
    }
}

static bool usable(float v) {
    return isfinite(v) && fabsf(v) <= max_coordinate;
}

rf_colour rf_draw_class_colour(int label) {
    static const rf_colour colours[] = {{40, 220, 80},  {255, 80, 60},  {60, 130, 255}, {255, 210, 40},
                                        {220, 80, 230}, {60, 220, 220}, {255, 140, 0},  {170, 170, 170}};
    return colours[label % (int)(sizeof colours / sizeof *colours)];
}

int rf_draw_thickness(const rf_image *image) {
    int longer = image->width > image->height ? image->width : image->height;
    int thickness = (longer + 200) / 400;
    return thickness < 1 ? 1 : thickness;
}

float rf_draw_point_radius(float radius, int n) {
    enum { FEW = 12 };
    return n > FEW ? 0.6f * radius : radius;
}

void rf_draw_line(rf_image *image, float x0, float y0, float x1, float y1, int thickness, rf_colour colour) {
    if (!usable(x0) || !usable(y0) || !usable(x1) || !usable(y1) || thickness < 1) return;
    double dx = (double)x1 - x0, dy = (double)y1 - y0;
    /* The part 0..1 of the line that can touch the image (Liang and Barsky). */
    double from = 0, to = 1, start[2] = {x0, y0}, delta[2] = {dx, dy}, size[2] = {image->width, image->height};
    for (int k = 0; k < 2; k++) {
        double lo = -thickness - start[k], hi = size[k] + thickness - start[k];
        if (delta[k] == 0) {
            if (lo > 0 || hi < 0) return;
            continue;
        }
        double a = lo / delta[k], b = hi / delta[k];
        from = fmax(from, fmin(a, b));
        to = fmin(to, fmax(a, b));
    }
    if (from > to) return;
    int steps = (int)ceil(fmax(fabs(dx), fabs(dy)) * (to - from));
    for (int i = 0; i <= steps; i++) {
        double t = steps ? from + (to - from) * i / steps : from;
        double left = floor(x0 + t * dx - (thickness - 1) * 0.5), top = floor(y0 + t * dy - (thickness - 1) * 0.5);
        fill_box(image, left, top, left + thickness, top + thickness, colour);
    }
}

void rf_draw_filled(rf_image *image, const float box[4], rf_colour colour) {
    for (int i = 0; i < 4; i++)
        if (!usable(box[i])) return;
    fill_box(image, round(box[0]), round(box[1]), round(box[2]), round(box[3]), colour);
}

void rf_draw_rectangle(rf_image *image, const float box[4], int thickness, rf_colour colour) {
    for (int i = 0; i < 4; i++)
        if (!usable(box[i])) return;
    double x1 = round(box[0]), y1 = round(box[1]), x2 = round(box[2]), y2 = round(box[3]), t = thickness;
    if (x2 <= x1 || y2 <= y1 || thickness < 1) return;
    t = fmin(t, fmin(x2 - x1, y2 - y1));
    fill_box(image, x1, y1, x2, y1 + t, colour);
    fill_box(image, x1, y2 - t, x2, y2, colour);
    fill_box(image, x1, y1, x1 + t, y2, colour);
    fill_box(image, x2 - t, y1, x2, y2, colour);
}

void rf_draw_disc(rf_image *image, float x, float y, float radius, rf_colour colour) {
    if (!usable(x) || !usable(y) || !usable(radius) || radius < 0) return;
    int top = (int)fmax(floor(y - radius), 0), bottom = (int)fmin(ceil(y + radius), image->height);
    for (int row = top; row < bottom; row++) {
        double dy = row + 0.5 - y, reach = (double)radius * radius - dy * dy;
        if (reach < 0) continue;
        double half = sqrt(reach);
        fill_box(image, round(x - half), row, round(x + half), row + 1, colour);
    }
}

void rf_draw_text(rf_image *image, float x, float y, const char *text, int scale, rf_colour colour) {
    if (!usable(x) || !usable(y) || scale < 1) return;
    double left = floor(x), top = floor(y);
    for (; *text; text++, left += ADVANCE * scale) {
        const uint8_t *glyph = rf_font_glyph(*text);
        for (int gy = 0; gy < RF_FONT_HEIGHT; gy++) {
            for (int gx = 0; gx < RF_FONT_WIDTH; gx++) {
                if (!(glyph[gy] >> (RF_FONT_WIDTH - 1 - gx) & 1)) continue;
                double dot_x = left + gx * scale, dot_y = top + gy * scale;
                fill_box(image, dot_x, dot_y, dot_x + scale, dot_y + scale, colour);
            }
        }
    }
}

int rf_draw_text_width(const char *text, int scale) {
    size_t n = strlen(text);
    if (n > 100000) n = 100000;
    return n ? (int)(n * ADVANCE - 1) * scale : 0;
}

void rf_draw_mesh(rf_image *image, const float *xy, size_t n, float height) {
    float radius = 0.004f * height;
    if (radius < 0.5f) radius = 0.5f;
    for (size_t i = 0; i < n; i++) rf_draw_disc(image, xy[2 * i], xy[2 * i + 1], radius, (rf_colour){90, 230, 255});
}
