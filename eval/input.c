/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/input.h"

#include <math.h>
#include <string.h>

#include "eval/finder.h"

const double rf_input_max_side = 65536 - 1024;

double rf_input_factor(const rf_config *config, int width, int height, double scale) {
    double shorter = width < height ? width : height, longer = width < height ? height : width;
    if (scale <= 0) return 1;
    double factor = scale / shorter, limit = config->eval.long_edge * scale;
    return limit > 0 && longer * factor > limit ? limit / longer : factor;
}

rf_input_size rf_finder_input_size(const rf_config *config, int width, int height, double scale) {
    double factor = rf_input_factor(config, width, height, scale), longer = width < height ? height : width;
    double pixels = (double)width * height * factor * factor, most = config->eval.max_pixels * 1e6;
    bool shrunk = pixels > most;
    if (shrunk) factor *= sqrt(most / pixels);
    if (longer * factor > rf_input_max_side) {
        factor = rf_input_max_side / longer;
        shrunk = true;
    }
    rf_input_size size = {(int)lround(width * factor), (int)lround(height * factor), shrunk};
    if (size.width < 1) size.width = 1;
    if (size.height < 1) size.height = 1;
    return size;
}

void rf_input_mirror(rf_image *image, int width, int height) {
    for (int y = 0; y < height; y++) {
        uint8_t *row = image->pixels + (size_t)y * (size_t)image->width * 3;
        for (int a = 0, b = width - 1; a < b; a++, b--)
            for (int c = 0; c < 3; c++) {
                uint8_t t = row[3 * a + c];
                row[3 * a + c] = row[3 * b + c];
                row[3 * b + c] = t;
            }
    }
}

/* Copies width x height pixels from (x, y) of one image to the corner of another. */
static void copy_pixels(const rf_image *from, int x, int y, int width, int height, rf_image *to) {
    for (int row = 0; row < height; row++)
        memcpy(to->pixels + (size_t)row * (size_t)to->width * 3,
               from->pixels + ((size_t)(y + row) * (size_t)from->width + (size_t)x) * 3, (size_t)width * 3);
}

rf_status rf_input_fill(const rf_image *image, const rf_region *region, int width, int height, int width_all,
                        int height_all, const uint8_t fill[3], rf_image *out) {
    bool same = region->width == width && region->height == height;
    bool full = width == width_all && height == height_all;
    RF_TRY(rf_image_alloc(out, width_all, height_all)); /* black */
    if (same) {
        copy_pixels(image, (int)region->x, (int)region->y, width, height, out);
        return RF_OK;
    }
    if (full) return rf_image_resize(image, region, fill, out);
    rf_image resized = {0};
    rf_status status = rf_image_alloc(&resized, width, height);
    if (status == RF_OK) status = rf_image_resize(image, region, fill, &resized);
    if (status == RF_OK) copy_pixels(&resized, 0, 0, width, height, out);
    rf_image_free(&resized);
    return status;
}
