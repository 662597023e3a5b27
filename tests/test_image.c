/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs: every kind of file, damage, limits, EXIF turning, DCT scaling, saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/image.h"
#include "tests/image_fixtures.h"

/* A smooth picture that JPEG keeps well. */
static void paint(uint8_t *p, int width, int height, int channels) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                *p++ = (uint8_t)(30 + (c == 0   ? x * 190 / width
                                       : c == 1 ? y * 190 / height
                                                : (x + y) * 190 / (width + height)));
}

static int largest_difference(const uint8_t *a, const uint8_t *b, size_t n) {
    int worst = 0;
    for (size_t i = 0; i < n; i++)
        if (abs(a[i] - b[i]) > worst) worst = abs(a[i] - b[i]);
    return worst;
}

static rf_image decode(const bytes *file, const rf_decode_options *options) {
    rf_image image;
    if (rf_image_decode(file->data, file->size, "fixture", options, &image) != RF_OK)
        fail_msg("%s", rf_error_message());
    return image;
}

enum { W = 53, H = 37 };

static void decode_jpeg_kinds(void **state) {
    (void)state;
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H, 3);
    for (int variant = 0; variant < 8; variant++) {
        jpeg_make m = {JPEG_RGB,
                       W,
                       H,
                       rgb,
                       .progressive = variant & 1,
                       .subsample = variant & 2,
                       .restart_rows = variant & 4 ? 1 : 0};
        bytes file = make_jpeg(&m);
        rf_image image = decode(&file, NULL);
        assert_int_equal(image.width, W);
        assert_int_equal(image.height, H);
        assert_in_range(largest_difference(image.pixels, rgb, sizeof rgb), 0, variant & 2 ? 9 : 4);
        rf_image_free(&image);
        bytes_free(&file);
    }
}

static void restart_and_progressive_lose_nothing(void **state) {
    (void)state;
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H, 3);
    jpeg_make plain = {.kind = JPEG_RGB, .width = W, .height = H, .pixels = rgb}, other = plain;
    other.progressive = true;
    other.restart_rows = 2;
    bytes a = make_jpeg(&plain), b = make_jpeg(&other);
    rf_image x = decode(&a, NULL), y = decode(&b, NULL);
    assert_memory_equal(x.pixels, y.pixels, sizeof rgb); /* the same coefficients in another order */
    rf_image_free(&x);
    rf_image_free(&y);
    bytes_free(&a);
    bytes_free(&b);
}

static void decode_gray_jpeg(void **state) {
    (void)state;
    uint8_t gray[W * H];
    paint(gray, W, H, 1);
    jpeg_make m = {.kind = JPEG_GRAY, .width = W, .height = H, .pixels = gray};
    bytes file = make_jpeg(&m);
    rf_image image = decode(&file, NULL);
    for (int i = 0; i < W * H; i++) {
        assert_in_range(image.pixels[3 * i] - gray[i] + 4, 0, 8);
        assert_int_equal(image.pixels[3 * i], image.pixels[3 * i + 1]);
        assert_int_equal(image.pixels[3 * i], image.pixels[3 * i + 2]);
    }
    rf_image_free(&image);
    bytes_free(&file);
}

/* Inks as print programs store them (Adobe: inverted) and as the standard has them. */
static void decode_cmyk(void **state) {
    (void)state;
    static const uint8_t inks[4][4] = {
        {255, 0, 0, 0}, {0, 255, 255, 0}, {0, 0, 0, 128}, {64, 128, 0, 32}}; /* C M Y K, 255 = full */
    for (int k = 0; k < 4; k++) {
        for (int variant = 0; variant < 3; variant++) {
            bool adobe = variant < 2;
            uint8_t pixels[16 * 16 * 4];
            for (int i = 0; i < 16 * 16 * 4; i++) pixels[i] = adobe ? (uint8_t)(255 - inks[k][i % 4]) : inks[k][i % 4];
            jpeg_make m = {variant == 1 ? JPEG_YCCK : JPEG_CMYK, 16, 16, pixels, .no_adobe_marker = !adobe};
            bytes file = make_jpeg(&m);
            rf_image image = decode(&file, NULL);
            for (int c = 0; c < 3; c++) {
                int expected = (255 - inks[k][c]) * (255 - inks[k][3]) / 255;
                assert_in_range(abs(image.pixels[3 * 100 + c] - expected), 0, 3);
            }
            rf_image_free(&image);
            bytes_free(&file);
        }
    }
}

/* The standard says where stored row 0 and stored column 0 are in the scene; blocks of 16 pixels survive JPEG. */
static void turn_by_exif(void **state) {
    (void)state;
    enum { COLUMNS = 3, ROWS = 2, BLOCK = 16 };
    static const char *const sides[9] = {"",         "top left",  "top right",    "bottom right", "bottom left",
                                         "left top", "right top", "right bottom", "left bottom"};
    for (int o = 1; o <= 8; o++) {
        bool swap = o >= 5;
        int sw = (swap ? ROWS : COLUMNS) * BLOCK, sh = (swap ? COLUMNS : ROWS) * BLOCK;
        uint8_t stored[COLUMNS * ROWS * BLOCK * BLOCK * 3];
        for (int r = 0; r < sh; r++) {
            for (int c = 0; c < sw; c++) {
                /* along the scene: u to the right, v down */
                bool far_row = strncmp(sides[o], "bottom", 6) == 0 || strncmp(sides[o], "right", 5) == 0;
                const char *column_side = strchr(sides[o], ' ') + 1;
                bool far_column = strcmp(column_side, "right") == 0 || strcmp(column_side, "bottom") == 0;
                int row = far_row ? sh - 1 - r : r, column = far_column ? sw - 1 - c : c;
                int u = (swap ? row : column) / BLOCK, v = (swap ? column : row) / BLOCK;
                uint8_t *p = stored + (r * sw + c) * 3;
                p[0] = (uint8_t)(40 + 80 * u), p[1] = (uint8_t)(60 + 120 * v), p[2] = 128;
            }
        }
        for (int big = 0; big < 2; big++) {
            jpeg_make m = {JPEG_RGB, sw, sh, stored, .orientation = o, .big_endian = big};
            bytes file = make_jpeg(&m);
            rf_decode_options options = {.apply_exif = true};
            rf_image_info info;
            assert_int_equal(rf_image_probe_bytes(file.data, file.size, "exif", &options, &info), RF_OK);
            assert_int_equal(info.exif_orientation, o);
            rf_image image = decode(&file, &options), raw = decode(&file, NULL);
            assert_int_equal(image.width, COLUMNS * BLOCK);
            assert_int_equal(image.height, ROWS * BLOCK);
            assert_int_equal(info.width, image.width);
            assert_int_equal(info.height, image.height);
            assert_int_equal(raw.width, sw); /* off by default */
            for (int y = 0; y < image.height; y++) {
                for (int x = 0; x < image.width; x++) {
                    const uint8_t *p = image.pixels + (y * image.width + x) * 3;
                    assert_in_range(p[0], 40 + 80 * (x / BLOCK) - 12, 40 + 80 * (x / BLOCK) + 12);
                    assert_in_range(p[1], 60 + 120 * (y / BLOCK) - 12, 60 + 120 * (y / BLOCK) + 12);
                }
            }
            rf_image_free(&image);
            rf_image_free(&raw);
            bytes_free(&file);
        }
    }
}

static void scale_by_dct(void **state) {
    (void)state;
    enum { BW = 101, BH = 67 };
    static uint8_t rgb[BW * BH * 3];
    paint(rgb, BW, BH, 3);
    jpeg_make m = {JPEG_RGB, BW, BH, rgb, .subsample = true};
    bytes file = make_jpeg(&m);
    for (int d = 1; d <= 8; d *= 2) {
        rf_decode_options options = {.scale_denom = d};
        rf_image image = decode(&file, &options);
        assert_int_equal(image.width, (BW + d - 1) / d);
        assert_int_equal(image.height, (BH + d - 1) / d);
        for (int y = 0; y < BH / d; y++) { /* each pixel shows [x d, (x+1) d): its mean */
            for (int x = 0; x < BW / d; x++) {
                int sum = 0;
                for (int k = 0; k < d * d; k++) sum += rgb[((y * d + k / d) * BW + x * d + k % d) * 3];
                assert_in_range(abs(image.pixels[(y * image.width + x) * 3] - sum / (d * d)), 0, 9);
            }
        }
        rf_image_free(&image);
    }
    rf_decode_options wrong = {.scale_denom = 3};
    rf_image image;
    assert_int_equal(rf_image_decode(file.data, file.size, "x", &wrong, &image), RF_ERR_USER);
    bytes_free(&file);
}

/* Packs samples of `depth` bits into PNG rows. */
static size_t pack(const uint16_t *samples, int width, int height, int channels, int depth, uint8_t *rows) {
    size_t row_bytes = ((size_t)width * (size_t)channels * (size_t)depth + 7) / 8;
    memset(rows, 0, row_bytes * (size_t)height);
    for (int y = 0; y < height; y++) {
        for (int i = 0; i < width * channels; i++) {
            unsigned v = samples[y * width * channels + i];
            uint8_t *row = rows + (size_t)y * row_bytes;
            if (depth == 16)
                row[2 * i] = (uint8_t)(v >> 8), row[2 * i + 1] = (uint8_t)v;
            else
                row[i * depth / 8] |= (uint8_t)(v << (8 - depth - i * depth % 8));
        }
    }
    return row_bytes;
}

static int to_8_bits(unsigned v, int depth) {
    return (int)(v * 255.0 / ((1 << depth) - 1) + 0.5);
}

static void decode_png_kinds(void **state) {
    (void)state;
    enum { PW = 19, PH = 11 };
    static const struct {
        int type, depth, channels;
    } kinds[] = {{0, 1, 1},  {0, 2, 1}, {0, 4, 1},  {0, 8, 1}, {0, 16, 1}, {2, 8, 3},
                 {2, 16, 3}, {4, 8, 2}, {4, 16, 2}, {6, 8, 4}, {6, 16, 4}};
    rf_rng rng = rf_rng_make(1, 0, 0, RF_STREAM_TEST);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            uint16_t samples[PW * PH * 4];
            uint8_t rows[PW * PH * 8];
            int channels = kinds[k].channels, depth = kinds[k].depth;
            bool alpha = channels == 2 || channels == 4;
            for (int i = 0; i < PW * PH * channels; i++) samples[i] = (uint16_t)rf_rng_below(&rng, 1u << depth);
            size_t row_bytes = pack(samples, PW, PH, channels, depth, rows);
            png_make m = {PW, PH, depth, kinds[k].type, rows, row_bytes, .interlaced = interlaced};
            bytes file = make_png(&m);
            rf_image image = decode(&file, NULL);
            assert_int_equal(image.width, PW);
            assert_int_equal(image.height, PH);
            for (int i = 0; i < PW * PH; i++) {
                for (int c = 0; c < 3; c++) {
                    double share = alpha ? samples[i * channels + channels - 1] / (double)((1 << depth) - 1) : 1;
                    int expected =
                        (int)(to_8_bits(samples[i * channels + (channels >= 3 ? c : 0)], depth) * share + 0.5);
                    assert_in_range(abs(image.pixels[3 * i + c] - expected), 0, alpha ? 1 : 0);
                }
            }
            rf_image_free(&image);
            bytes_free(&file);
        }
    }
}

static void decode_png_palette_and_key(void **state) {
    (void)state;
    static const uint8_t palette[] = {10, 20, 30, 200, 100, 50, 255, 255, 255, 8, 128, 64},
                         alpha[] = {255, 128, 0, 255};
    static const uint8_t rows[] = {0x1B, 0xE4}; /* 0 1 2 3 / 3 2 1 0 at two bits */
    png_make m = {4, 2, 2, 3, rows, 1, .palette = palette, .n_palette = 4, .palette_alpha = alpha};
    bytes file = make_png(&m);
    rf_image image = decode(&file, NULL);
    static const uint8_t expected[] = {10, 20, 30, 100, 50, 25, 0, 0, 0, 8, 128, 64};
    for (int i = 0; i < 12; i++) assert_in_range(abs(image.pixels[i] - expected[i]), 0, 1);
    for (int i = 0; i < 4; i++) assert_memory_equal(image.pixels + 12 + 3 * i, image.pixels + 9 - 3 * i, 3);
    rf_image_free(&image);
    bytes_free(&file);

    static const uint8_t rgb[] = {1, 2, 3, 77, 88, 99};
    png_make keyed = {2, 1, 8, 2, rgb, 6, .transparent = {77, 88, 99}, .has_transparent = true};
    file = make_png(&keyed);
    image = decode(&file, NULL);
    static const uint8_t black_second[] = {1, 2, 3, 0, 0, 0};
    assert_memory_equal(image.pixels, black_second, 6);
    rf_image_free(&image);
    bytes_free(&file);
}

/* The four files that damage is tried on. */
static bytes damage_fixture(int which) {
    static uint8_t rgb[W * H * 3];
    rf_rng rng = rf_rng_make(3, 0, 0, RF_STREAM_TEST);
    paint(rgb, W, H, 3);
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(rgb[i] + rf_rng_below(&rng, 30));
    if (which < 2) {
        jpeg_make m = {JPEG_RGB,
                       W,
                       H,
                       rgb,
                       .progressive = which,
                       .subsample = true,
                       .orientation = 6,
                       .restart_rows = which ? 0 : 1};
        return make_jpeg(&m);
    }
    png_make m = {W, H, 8, 2, rgb, W * 3, .interlaced = which == 3};
    return make_png(&m);
}

static void refuse_truncated_files(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        bytes file = damage_fixture(which);
        for (size_t size = 0; size < file.size; size += 7) {
            if (size + (which < 2 ? 2 : 12) >= file.size) break; /* only the end mark is lacking: test_image_files.c */
            uint8_t *cut = malloc(size + !size); /* exactly as large as the data, for the address sanitizer */
            assert_non_null(cut);
            memcpy(cut, file.data, size);
            rf_image image;
            rf_decode_options options = {.apply_exif = true};
            assert_int_equal(rf_image_decode(cut, size, "cut.img", &options, &image), RF_ERR_FORMAT);
            assert_non_null(strstr(rf_error_message(), "cut.img"));
            assert_null(image.pixels);
            free(cut);
        }
        bytes_free(&file);
    }
}

static void survive_mutations(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        bytes file = damage_fixture(which);
        uint8_t *copy = malloc(file.size);
        assert_non_null(copy);
        int failures = 0;
        for (int round = 0; round < 500; round++) {
            rf_rng rng = rf_rng_make(7, (uint32_t)which, (uint64_t)round, RF_STREAM_TEST);
            memcpy(copy, file.data, file.size);
            uint32_t changes = 1 + rf_rng_below(&rng, 8);
            uint32_t reach =
                round & 1 ? (uint32_t)file.size : (uint32_t)(file.size < 700 ? file.size : 700); /* headers get half */
            for (uint32_t i = 0; i < changes; i++) copy[rf_rng_below(&rng, reach)] = (uint8_t)rf_rng_u32(&rng);
            rf_image image;
            rf_decode_options options = {
                .apply_exif = true, .scale_denom = 1 << rf_rng_below(&rng, 4), .max_pixels = 200000};
            rf_status status = rf_image_decode(copy, file.size, "mutant", &options, &image);
            assert_true(status == RF_OK || status == RF_ERR_FORMAT);
            assert_true((status == RF_OK) == (image.pixels != NULL));
            failures += status != RF_OK;
            rf_image_free(&image);
        }
        assert_in_range(failures, 100, 500); /* most damage is noticed, and always in PNG, which has checksums */
        free(copy);
        bytes_free(&file);
    }
}

static void refuse_large_and_foreign_files(void **state) {
    (void)state;
    rf_image image;
    bytes huge = make_png_header(60000, 60000);
    uint64_t before = rf_alloc_count();
    assert_int_equal(rf_image_decode(huge.data, huge.size, "huge.png", NULL, &image), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "60000 x 60000"));
    assert_int_equal(rf_alloc_count(), before); /* refused before any allocation */
    bytes_free(&huge);

    bytes file = damage_fixture(0);
    rf_decode_options small = {.max_pixels = W * H - 1}, enough = {.max_pixels = W * H};
    assert_int_equal(rf_image_decode(file.data, file.size, "big.jpg", &small, &image), RF_ERR_FORMAT);
    assert_int_equal(rf_image_decode(file.data, file.size, "big.jpg", &enough, &image), RF_OK);
    rf_image_free(&image);
    bytes_free(&file);

    static const uint8_t text[] = "GIF89a, say";
    assert_int_equal(rf_image_decode(text, sizeof text, "a.gif", NULL, &image), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "neither JPEG nor PNG"));
    assert_int_equal(rf_image_decode(text, 0, "empty.jpg", NULL, &image), RF_ERR_FORMAT);
    assert_non_null(strstr(rf_error_message(), "empty"));
    assert_int_equal(rf_image_load("/nonexistent/x.jpg", NULL, &image), RF_ERR_IO);
    assert_int_equal(rf_image_alloc(&image, 0, 5), RF_ERR_USER);
    assert_int_equal(rf_image_alloc(&image, -3, 5), RF_ERR_USER);
}

static void save_and_load(void **state) {
    (void)state;
    char dir[] = "/tmp/rf_test_image_XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    rf_image image, again;
    rf_image_info info;
    assert_int_equal(rf_image_alloc(&image, W, H), RF_OK);
    paint(image.pixels, W, H, 3);
    static const char *const names[] = {"a.png", "b.jpg", "c.JPEG"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(rf_image_save(path, &image, 0), RF_OK);
        assert_int_equal(rf_image_probe(path, NULL, &info), RF_OK);
        assert_true(info.width == W && info.height == H && info.png == (i == 0) && info.jpeg == (i > 0));
        assert_int_equal(rf_image_load(path, NULL, &again), RF_OK);
        assert_in_range(largest_difference(image.pixels, again.pixels, W * H * 3), 0, i ? 9 : 0);
        rf_image_free(&again);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/a.gif", dir);
    assert_int_equal(rf_image_save(path, &image, 0), RF_ERR_USER);
    snprintf(path, sizeof path, "%s/no/a.png", dir);
    assert_int_equal(rf_image_save(path, &image, 0), RF_ERR_IO);
    snprintf(path, sizeof path, "%s/q.jpg", dir);
    assert_int_equal(rf_image_save(path, &image, 101), RF_ERR_USER);
    rf_image_free(&image);
    assert_int_equal(rmdir(dir), 0);
}

static void report_failed_allocations(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        bytes file = damage_fixture(which);
        rf_decode_options options = {.apply_exif = true};
        rf_image image;
        int failures = 0;
        for (uint64_t n = 1;; n++) {
            rf_alloc_fail_at(n);
            rf_status status = rf_image_decode(file.data, file.size, "x", &options, &image);
            rf_alloc_fail_at(0);
            if (status == RF_OK) break;
            assert_int_equal(status, RF_ERR_NOMEM);
            assert_null(image.pixels);
            failures++;
        }
        assert_int_equal(failures, 2); /* pixels and, for JPEG, the turned picture; for PNG, row pointers */
        rf_image_free(&image);
        bytes_free(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_jpeg_kinds),
        cmocka_unit_test(restart_and_progressive_lose_nothing),
        cmocka_unit_test(decode_gray_jpeg),
        cmocka_unit_test(decode_cmyk),
        cmocka_unit_test(turn_by_exif),
        cmocka_unit_test(scale_by_dct),
        cmocka_unit_test(decode_png_kinds),
        cmocka_unit_test(decode_png_palette_and_key),
        cmocka_unit_test(refuse_truncated_files),
        cmocka_unit_test(survive_mutations),
        cmocka_unit_test(refuse_large_and_foreign_files),
        cmocka_unit_test(save_and_load),
        cmocka_unit_test(report_failed_allocations),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
