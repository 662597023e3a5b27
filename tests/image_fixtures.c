/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/image_fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

void bytes_free(bytes *b) {
    free(b->data);
    *b = (bytes){0};
}

static void write_exif(struct jpeg_compress_struct *c, int orientation, bool big) {
    uint8_t little_endian[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0, /* two entries */
                               0x0F, 1,   3,   0,   1, 0, 0,   0,   7,  0, 0, 0,             /* another tag first */
                               0x12, 1,   3,   0,   1, 0, 0,   0,   0,  0, 0, 0, 0, 0, 0, 0};
    uint8_t big_endian[] = {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                            1,   0x12, 0,   3,   0, 0, 0,   1,   0, 0,  0, 0, 0, 0, 0, 0};
    little_endian[36] = (uint8_t)orientation;
    big_endian[25] = (uint8_t)orientation;
    if (big)
        jpeg_write_marker(c, JPEG_APP0 + 1, big_endian, sizeof big_endian);
    else
        jpeg_write_marker(c, JPEG_APP0 + 1, little_endian, sizeof little_endian);
}

bytes make_jpeg(const jpeg_make *m) {
    static const J_COLOR_SPACE input[] = {JCS_RGB, JCS_GRAYSCALE, JCS_CMYK, JCS_CMYK};
    static const int channels[] = {3, 1, 4, 4};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &data, &size);
    c.image_width = (JDIMENSION)m->width;
    c.image_height = (JDIMENSION)m->height;
    c.input_components = channels[m->kind];
    c.in_color_space = input[m->kind];
    jpeg_set_defaults(&c);
    if (m->kind == JPEG_YCCK) jpeg_set_colorspace(&c, JCS_YCCK);
    jpeg_set_quality(&c, 98, TRUE);
    if (!m->subsample)
        for (int i = 0; i < c.num_components; i++) c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
    if (m->progressive) jpeg_simple_progression(&c);
    static const jpeg_scan_info apart[] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    if (m->scans_apart) c.scan_info = apart, c.num_scans = 3;
    if (m->no_adobe_marker) c.write_Adobe_marker = FALSE;
    c.restart_in_rows = m->restart_rows;
    jpeg_start_compress(&c, TRUE);
    if (m->orientation) write_exif(&c, m->orientation, m->big_endian);
    for (int y = 0; y < m->height; y++) {
        JSAMPROW row = (JSAMPROW)(m->pixels + (size_t)y * (size_t)m->width * (size_t)channels[m->kind]);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return (bytes){data, size};
}

static void append(bytes *b, const void *data, size_t size) {
    b->data = realloc(b->data, b->size + size);
    if (!b->data) abort();
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void on_write(png_structp png, png_bytep data, size_t size) {
    append(png_get_io_ptr(png), data, size);
}

static void set_extras(png_structp png, png_infop info, const png_make *m) {
    png_color palette[256];
    for (int i = 0; i < m->n_palette; i++)
        palette[i] = (png_color){m->palette[3 * i], m->palette[3 * i + 1], m->palette[3 * i + 2]};
    if (m->n_palette) png_set_PLTE(png, info, palette, m->n_palette);
    if (m->palette_alpha) png_set_tRNS(png, info, m->palette_alpha, m->n_palette, NULL);
    png_color_16 key = {.red = (png_uint_16)m->transparent[0],
                        .green = (png_uint_16)m->transparent[1],
                        .blue = (png_uint_16)m->transparent[2],
                        .gray = (png_uint_16)m->transparent[0]};
    if (m->has_transparent) png_set_tRNS(png, info, NULL, 0, &key);
}

bytes make_png(const png_make *m) {
    bytes out = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    if (!png || !info) abort();
    png_set_write_fn(png, &out, on_write, NULL);
    png_set_IHDR(png, info, (png_uint_32)m->width, (png_uint_32)m->height, m->depth, m->colour_type,
                 m->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    set_extras(png, info, m);
    png_write_info(png, info);
    png_bytep *rows = malloc((size_t)m->height * sizeof *rows);
    if (!rows) abort();
    for (int y = 0; y < m->height; y++) rows[y] = (png_bytep)(m->rows + (size_t)y * m->row_bytes);
    png_write_image(png, rows);
    png_write_end(png, info);
    free(rows);
    png_destroy_write_struct(&png, &info);
    return out;
}

static void put_u32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

bytes add_png_exif(const bytes *png, int orientation, bool late, bool marked) {
    uint8_t chunk[4 + 6 + 26 + 4] = "eXIf", length[4];
    static const uint8_t tiff[26] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1};
    size_t at = late ? png->size - 12 : 33, n = 4;
    if (marked) memcpy(chunk + n, "Exif\0\0", 6), n += 6;
    memcpy(chunk + n, tiff, sizeof tiff);
    chunk[n + 19] = (uint8_t)orientation;
    n += sizeof tiff;
    put_u32(length, (uint32_t)(n - 4));
    put_u32(chunk + n, (uint32_t)crc32(0, chunk, (uInt)n));
    bytes out = {0};
    append(&out, png->data, at);
    append(&out, length, 4);
    append(&out, chunk, n + 4);
    append(&out, png->data + at, png->size - at);
    return out;
}

bytes make_png_header(uint32_t width, uint32_t height) {
    static const uint8_t start[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13};
    uint8_t chunk[21] = {'I', 'H', 'D', 'R', 0, 0, 0, 0, 0, 0, 0, 0, 8, 2};
    uint8_t idat[12] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
    bytes out = {0};
    put_u32(chunk + 4, width);
    put_u32(chunk + 8, height);
    put_u32(chunk + 17, (uint32_t)crc32(0, chunk, 17));
    put_u32(idat + 8, (uint32_t)crc32(0, idat + 4, 4));
    append(&out, start, sizeof start);
    append(&out, chunk, sizeof chunk);
    append(&out, idat, sizeof idat);
    return out;
}
