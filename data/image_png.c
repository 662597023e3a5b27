/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng. Its messages are kept and its errors jump back to the function that called in. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "core/mem.h"
#include "data/codec.h"
#include "data/exif.h"

typedef struct png_job {
    jmp_buf back;
    char reason[256];
    const uint8_t *data;
    size_t bytes, at;
    bool ends; /* as far as is known, with the chunk that should be last */
    int orientation;
    png_structp png;
    png_infop info;
    png_bytep *rows;
    rf_image *image;
    rf_status status; /* a reason of our own, when not RF_OK */
} png_job;

static void on_error(png_structp png, png_const_charp text) {
    png_job *job = png_get_error_ptr(png);
    snprintf(job->reason, sizeof job->reason, "%s", text);
    longjmp(job->back, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* What ends every file: a chunk without contents and its checksum. */
static const uint8_t last_chunk[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

/* Past the end of a file whose last chunk is missing, that follows. */
static void on_read(png_structp png, png_bytep to, size_t bytes) {
    png_job *job = png_get_io_ptr(png);
    size_t end = job->bytes + (job->ends ? 0 : sizeof last_chunk);
    if (bytes > end - job->at) png_error(png, "the file ends too early");
    for (size_t i = 0; i < bytes; i++, job->at++)
        to[i] = job->at < job->bytes ? job->data[job->at] : last_chunk[job->at - job->bytes];
}

enum { SIGNATURE = 8, FRAME = 12 }; /* a chunk has its length and name before and a checksum behind its contents */

/* Walks over the whole chunks. *end: where they end; *ends: the last one is IEND. The orientation of eXIf, which may
 * stand before or after the pixels, else 1. */
static int walk_chunks(const uint8_t *data, size_t bytes, size_t *end, bool *ends) {
    int orientation = 1;
    *ends = false;
    *end = SIGNATURE;
    while (!*ends && bytes >= FRAME && *end <= bytes - FRAME) {
        const uint8_t *chunk = data + *end;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (length > bytes - FRAME - *end) break;
        if (memcmp(chunk + 4, "eXIf", 4) == 0) {
            /* Some programs put the marker of JPEG in front. */
            int found = rf_exif_orientation_of_tiff(chunk + 8, length);
            orientation = found != 1 ? found : rf_exif_orientation(chunk + 8, length);
        }
        *ends = memcmp(chunk + 4, "IEND", 4) == 0;
        *end += FRAME + length;
    }
    return orientation;
}

static rf_status begin_read(png_job *job, const uint8_t *data, size_t bytes) {
    *job = (png_job){.data = data, .bytes = bytes, .ends = true};
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (job->info) return RF_OK;
    png_destroy_read_struct(&job->png, NULL, NULL);
    return rf_fail(RF_ERR_NOMEM, "out of memory in libpng");
}

static void end_read(png_job *job) {
    png_destroy_read_struct(&job->png, &job->info, NULL);
    rf_free(job->rows);
}

static void read_header(png_job *job) {
    png_set_read_fn(job->png, job, on_read);
    png_set_chunk_malloc_max(job->png, 64u << 20);
    png_read_info(job->png, job->info);
}

static bool run_info(png_job *job, rf_image_info *info) {
    if (setjmp(job->back)) return false;
    read_header(job);
    info->width = (int)png_get_image_width(job->png, job->info);
    info->height = (int)png_get_image_height(job->png, job->info);
    info->exif_orientation = job->orientation;
    return true;
}

rf_status rf_png_info(const uint8_t *data, size_t bytes, const char *name, rf_image_info *info) {
    png_job job;
    RF_TRY(begin_read(&job, data, bytes));
    bool ends;
    size_t end;
    job.orientation = walk_chunks(data, bytes, &end, &ends);
    bool ok = run_info(&job, info);
    end_read(&job);
    return ok ? RF_OK : rf_fail(RF_ERR_FORMAT, "%s: unreadable PNG header: %s", name, job.reason);
}

/* All kinds of PNG become 8-bit RGB; what is transparent is laid over black. */
static void choose_format(png_job *job) {
    png_set_expand(job->png); /* palettes, depths under 8, transparent colours */
    png_set_scale_16(job->png);
    png_set_gray_to_rgb(job->png);
    png_color_16 black = {0};
    png_set_background(job->png, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

static bool run_decode(png_job *job) {
    if (setjmp(job->back)) return false;
    read_header(job);
    choose_format(job);
    size_t width = png_get_image_width(job->png, job->info), height = png_get_image_height(job->png, job->info);
    if (png_get_rowbytes(job->png, job->info) != width * 3) png_error(job->png, "unknown kind of pixels");
    job->status = rf_image_renew(job->image, (int)width, (int)height);
    if (job->status != RF_OK) return false;
    job->rows = rf_alloc(height, sizeof *job->rows);
    if (!job->rows) {
        job->status = RF_ERR_NOMEM;
        return false;
    }
    for (size_t y = 0; y < height; y++) job->rows[y] = job->image->pixels + y * width * 3;
    png_read_image(job->png, job->rows);
    png_read_end(job->png, NULL);
    return true;
}

rf_status rf_png_decode(const uint8_t *data, size_t bytes, const char *name, rf_image *image) {
    png_job job;
    rf_status begun = begin_read(&job, data, bytes);
    if (begun != RF_OK) {
        rf_image_free(image);
        return begun;
    }
    job.image = image;
    /* A file that is cut off behind its pixels is used: what is missing says nothing of the picture. */
    walk_chunks(data, bytes, &job.bytes, &job.ends);
    bool ok = run_decode(&job);
    end_read(&job);
    if (ok) return RF_OK;
    rf_image_free(image);
    if (job.status != RF_OK) return job.status;
    return rf_fail(RF_ERR_FORMAT, "%s: damaged or incomplete PNG: %s", name, job.reason);
}

static bool run_write(png_job *job, FILE *stream, const rf_image *image) {
    if (setjmp(job->back)) return false;
    png_init_io(job->png, stream);
    png_set_IHDR(job->png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(job->png, image->pixels + (size_t)y * (size_t)image->width * 3);
    png_write_end(job->png, NULL);
    return true;
}

rf_status rf_png_write(FILE *stream, const char *name, const rf_image *image) {
    png_job job = {.bytes = 0};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    bool ok = job.info && run_write(&job, stream, image);
    bool made = job.info != NULL;
    png_destroy_write_struct(&job.png, &job.info);
    if (ok) return RF_OK;
    if (!made) return rf_fail(RF_ERR_NOMEM, "%s: out of memory in libpng", name);
    return rf_fail(RF_ERR_IO, "%s: cannot write the PNG: %s", name, job.reason);
}

const char *rf_image_png_version(void) {
    return png_get_libpng_ver(NULL);
}
