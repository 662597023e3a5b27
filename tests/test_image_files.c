/* SPDX-License-Identifier: Apache-2.0 */
/* Files under a picture's name as people have them: other formats, files without their end or with more behind it, and
 * where EXIF stands in a PNG. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/rng.h"
#include "data/image.h"
#include "tests/image_fixtures.h"
#include "tests/scratch.h"

enum { W = 61, H = 45 };
static uint8_t pixels[W * H * 4];

static void paint(int channels) {
    rf_rng rng = rf_rng_make(8, 0, 0, RF_STREAM_TEST);
    for (int i = 0; i < W * H * channels; i++)
        pixels[i] = (uint8_t)(40 + i * 3 / W % 150 + (int)rf_rng_below(&rng, 40));
}

static void other_files_are_called_by_their_name(void **state) {
    (void)state;
#define FILE_OF(text, words)                                                                                           \
    { text, sizeof text - 1, words }
    static const struct {
        const char *data;
        size_t bytes;
        const char *words;
    } files[] = {
        FILE_OF("RIFF\x24\0\0\0WEBPVP8 ", "WebP"),
        FILE_OF("\0\0\0\x18"
                "ftypheic\0\0\0\0mif1heic",
                "HEIC"),
        FILE_OF("\0\0\0\x18"
                "ftypmif1\0\0\0\0mif1heic",
                "HEIF"),
        FILE_OF("\0\0\0\x20"
                "ftypavif\0\0\0\0avifmif1",
                "AVIF"),
        FILE_OF("\0\0\0\x20"
                "ftypisom\0\0\2\0isomiso2",
                "film"),
        FILE_OF("GIF89a\1\0\1\0\x80\0\0\xff\xff\xff", "GIF"),
        FILE_OF("GIF87a\1\0\1\0\x80\0\0\xff\xff\xff", "GIF"),
        FILE_OF("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "BMP"),
        FILE_OF("II*\0\x08\0\0\0\0\0", "TIFF"),
        FILE_OF("MM\0*\0\0\0\x08\0\0", "TIFF"),
        FILE_OF("\xff\x0a\x10\x20\x30", "JPEG XL"),
        FILE_OF("\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        FILE_OF("\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        FILE_OF("P6\n2 2\n255\n\1\2\3\4\5\6\7\1\2\3\4\5", "PNM"),
        FILE_OF("<!DOCTYPE html>\n<html><head>", "HTML"),
        FILE_OF("\xef\xbb\xbf\r\n<HTML lang=en>", "HTML"),
        FILE_OF("<?xml version=\"1.0\"?><html xmlns=\"\">", "HTML"),
        FILE_OF("<?xml version=\"1.0\"?>\n<svg width=\"1\">", "SVG"),
        FILE_OF("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "XML"),
        FILE_OF("{\"error\": \"not found\"}", "JSON"),
        FILE_OF("404: Not Found", "text"),
        FILE_OF("\xff\xfe<\0h\0t\0m\0l\0>\0", "UTF-16"),
        FILE_OF("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        FILE_OF("/annex/objects/SHA256E-s31390--f5.jpg\n", "git annex get"),
        FILE_OF("/9j/4AAQSkZJRgABAQAAAQABAAD", "base64"),
        FILE_OF("https://example.org/a.jpg\n", "an address"),
        FILE_OF("%PDF-1.7\n%\xe2\xe3", "PDF"),
        FILE_OF("PK\3\4\x14\0\0\0\b\0", "ZIP"),
        FILE_OF("\0\5\x16\7\0\2\0\0Mac OS X", "macOS"),
        FILE_OF("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "zeros"),
        FILE_OF("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "one byte over and over"),
        FILE_OF("\xff\xd8", "beginning of a JPEG"),
        FILE_OF("\x89PN", "beginning of a PNG"),
        FILE_OF("  \n\t ", "white space"),
        FILE_OF("", "empty file"),
        FILE_OF("BMW cars\n", "text"),
        FILE_OF("\x01\x02\x03what", "it starts with bytes 01 02"),
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        rf_image image;
        rf_image_info info;
        const char *path = scratch_path("photo.jpg");
        assert_int_equal(rf_file_write_atomic(path, files[i].data, files[i].bytes), RF_OK);
        for (int way = 0; way < 3; way++) {
            rf_status status =
                way == 0   ? rf_image_load(path, NULL, &image)
                : way == 1 ? rf_image_probe(path, NULL, &info)
                           : rf_image_decode((const uint8_t *)files[i].data, files[i].bytes, path, NULL, &image);
            assert_int_equal(status, RF_ERR_FORMAT);
            const char *message = rf_error_message();
            if (!strstr(message, files[i].words) || !strstr(message, "photo.jpg: neither JPEG nor PNG"))
                fail_msg("\"%s\" lacks \"%s\"", message, files[i].words);
        }
    }
}

/* Decodes a part of a file, exactly as large as that part for the address sanitizer, with `more` behind it. */
static rf_status decode_cut(const bytes *file, size_t size, const char *more, size_t more_bytes, rf_image *image) {
    uint8_t *copy = malloc(size + more_bytes + 1);
    assert_non_null(copy);
    uint8_t *exact = realloc(copy, size + more_bytes + !(size + more_bytes));
    assert_non_null(exact);
    memcpy(exact, file->data, size);
    if (more_bytes) memcpy(exact + size, more, more_bytes);
    rf_status status = rf_image_decode(exact, size + more_bytes, "cut.jpg", NULL, image);
    free(exact);
    return status;
}

static void expect_same(const bytes *file, size_t size, const char *more, size_t more_bytes, const rf_image *whole) {
    rf_image image;
    if (decode_cut(file, size, more, more_bytes, &image) != RF_OK)
        fail_msg("%zu of %zu bytes: %s", size, file->size, rf_error_message());
    assert_memory_equal(image.pixels, whole->pixels, (size_t)W * H * 3);
    rf_image_free(&image);
}

/* All kinds of JPEG, without the end mark (one byte or two), with something behind it or in its place. */
static void a_jpeg_with_all_its_pixels_is_used(void **state) {
    (void)state;
    static const struct {
        jpeg_kind kind;
        int channels;
        bool progressive, subsample, apart;
        int restart;
    } kinds[] = {{JPEG_RGB, 3, false, false, false, 0},  {JPEG_RGB, 3, false, true, false, 0},
                 {JPEG_RGB, 3, true, true, false, 0},    {JPEG_RGB, 3, false, true, false, 1},
                 {JPEG_RGB, 3, true, false, false, 1},   {JPEG_RGB, 3, false, true, true, 0},
                 {JPEG_GRAY, 1, false, false, false, 0}, {JPEG_GRAY, 1, true, false, false, 0},
                 {JPEG_CMYK, 4, false, false, false, 0}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        paint(kinds[k].channels);
        jpeg_make m = {.kind = kinds[k].kind,
                       .width = W,
                       .height = H,
                       .pixels = pixels,
                       .progressive = kinds[k].progressive,
                       .subsample = kinds[k].subsample,
                       .scans_apart = kinds[k].apart,
                       .restart_rows = kinds[k].restart};
        bytes file = make_jpeg(&m);
        rf_image whole, image;
        assert_int_equal(decode_cut(&file, file.size, NULL, 0, &whole), RF_OK);
        static const char zeros[200];
        expect_same(&file, file.size, "\x1a", 1, &whole);
        expect_same(&file, file.size, zeros, sizeof zeros, &whole);
        expect_same(&file, file.size, "\r\n--boundary--\r\n", 16, &whole);
        expect_same(&file, file.size - 1, NULL, 0, &whole);
        expect_same(&file, file.size - 2, NULL, 0, &whole);
        expect_same(&file, file.size - 2, "\x1a", 1, &whole);
        /* Two bytes more, and always some bits of the last pixels are gone; one byte may have been padding. */
        size_t refused = 0, cuts = 0;
        for (size_t cut = 4; cut < file.size; cut += cut < 300 ? 1 : 37, cuts++)
            refused += decode_cut(&file, file.size - cut, NULL, 0, &image) == RF_ERR_FORMAT;
        assert_int_equal(refused, cuts);
        /* Between two scans nothing is half, but what the later ones bring is lacking. */
        for (size_t at = 2, scans = 0; at + 1 < file.size; at++) {
            if (file.data[at] != 0xFF || file.data[at + 1] != 0xDA) continue;
            if (scans++ == 0) continue;
            size_t begin = at; /* of the tables in front of the scan, when there are any */
            for (size_t back = 2; back < 600 && back < at; back++)
                if (file.data[at - back] == 0xFF && file.data[at - back + 1] == 0xC4) begin = at - back;
            assert_int_equal(decode_cut(&file, begin, NULL, 0, &image), RF_ERR_FORMAT);
            assert_int_equal(decode_cut(&file, at, NULL, 0, &image), RF_ERR_FORMAT);
        }
        rf_image_free(&whole);
        bytes_free(&file);
    }
}

static void a_png_with_all_its_pixels_is_used(void **state) {
    (void)state;
    paint(3);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        png_make m = {W, H, 8, 2, pixels, W * 3, .interlaced = interlaced};
        bytes file = make_png(&m);
        rf_image whole, image;
        assert_int_equal(decode_cut(&file, file.size, NULL, 0, &whole), RF_OK);
        expect_same(&file, file.size, "\x1a", 1, &whole);
        for (size_t cut = 1; cut <= 12; cut++) expect_same(&file, file.size - cut, NULL, 0, &whole);
        for (size_t cut = 13; cut < file.size; cut += cut < 100 ? 1 : 29)
            assert_int_equal(decode_cut(&file, file.size - cut, NULL, 0, &image), RF_ERR_FORMAT);
        bytes late = add_png_exif(&file, 6, true, false);
        expect_same(&late, late.size - 20, NULL, 0, &whole); /* in the middle of that chunk */
        bytes_free(&late);
        rf_image_free(&whole);
        bytes_free(&file);
    }
}

/* A PNG of more than the first bytes that are looked at, so that its last chunk must be looked for. */
static void a_png_is_turned_by_its_chunk(void **state) {
    (void)state;
    enum { BIG_W = 160, BIG_H = 90 };
    static uint8_t noise[BIG_W * BIG_H * 3];
    rf_rng rng = rf_rng_make(9, 0, 0, RF_STREAM_TEST);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)rf_rng_u32(&rng);
    png_make m = {BIG_W, BIG_H, 8, 2, noise, BIG_W * 3, .interlaced = false};
    bytes plain = make_png(&m);
    assert_true(plain.size > 32768);
    for (int o = 1; o <= 8; o++) {
        for (int variant = 0; variant < 4; variant++) {
            bytes file = add_png_exif(&plain, o, variant & 1, variant & 2);
            const char *path = scratch_path("turned.png");
            assert_int_equal(rf_file_write_atomic(path, file.data, file.size), RF_OK);
            rf_decode_options turn = {.apply_exif = true};
            rf_image_info info;
            rf_image upright, stored;
            assert_int_equal(rf_image_probe(path, &turn, &info), RF_OK);
            assert_int_equal(info.exif_orientation, o);
            assert_true(info.width == (o < 5 ? BIG_W : BIG_H) && info.height == (o < 5 ? BIG_H : BIG_W));
            assert_int_equal(rf_image_load(path, NULL, &stored), RF_OK);
            assert_memory_equal(stored.pixels, noise, sizeof noise);
            assert_int_equal(rf_image_load(path, &turn, &upright), RF_OK);
            assert_int_equal(rf_image_turn(&stored, o), RF_OK);
            assert_true(upright.width == info.width && stored.width == info.width);
            assert_memory_equal(upright.pixels, stored.pixels, sizeof noise);
            rf_image_free(&upright);
            rf_image_free(&stored);
            bytes_free(&file);
        }
    }
    bytes_free(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_called_by_their_name),
        cmocka_unit_test(a_jpeg_with_all_its_pixels_is_used),
        cmocka_unit_test(a_png_with_all_its_pixels_is_used),
        cmocka_unit_test(a_png_is_turned_by_its_chunk),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
