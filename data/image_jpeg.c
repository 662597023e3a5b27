/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg. Its messages and its exit() are replaced: an error jumps back to the function that called in.
 */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

#include "core/mem.h"
#include "data/codec.h"
#include "data/exif.h"

enum { MAX_SCANS = 200 }; /* a progressive picture has about 10; thousands only serve to keep a decoder busy */

typedef struct jpeg_job {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    char reason[JMSG_LENGTH_MAX];
    const char *name;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    uint8_t *row; /* one row of CMYK samples */
    rf_image *image;
    FILE *stream;
    int scale_denom, quality;
    bool in_pixels, cut_off;   /* the header is read; the file ended without its mark */
    bool seen[MAX_COMPONENTS]; /* components that a scan has brought */
    rf_status status;          /* a reason of our own, when not RF_OK */
} jpeg_job;

static void on_error(j_common_ptr codec) {
    jpeg_job *job = (jpeg_job *)codec->err;
    codec->err->format_message(codec, job->reason);
    longjmp(job->back, 1);
}

/* Warnings that mean lost picture data are errors; the others (odd but complete files) are passed over. */
static void on_message(j_common_ptr codec, int level) {
    if (level >= 0) return;
    switch (codec->err->msg_code) {
    case JWRN_JPEG_EOF:
        /* libjpeg goes on as if the end mark stood there; bits that are lacking are told by the other warnings. */
        if (!((const jpeg_job *)codec->err)->in_pixels) on_error(codec);
        ((jpeg_job *)codec->err)->cut_off = true;
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
        on_error(codec);
        break;
    default:
        break;
    }
}

static void on_output(j_common_ptr codec) {
    (void)codec;
}

/* Called at least once in each scan of a file that has several. */
static void on_progress(j_common_ptr codec) {
    jpeg_job *job = (jpeg_job *)codec->err;
    if (!codec->is_decompressor) return;
    for (int i = 0; i < job->in.comps_in_scan; i++) job->seen[job->in.cur_comp_info[i]->component_index] = true;
    if (job->in.input_scan_number <= MAX_SCANS) return;
    job->status = rf_fail(RF_ERR_FORMAT, "%s: JPEG with more than %d scans", job->name, MAX_SCANS);
    longjmp(job->back, 1);
}

static void job_begin(jpeg_job *job, const char *name) {
    *job = (jpeg_job){.name = name};
    jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    job->progress.progress_monitor = on_progress;
    job->in.err = job->out.err = &job->errors;
}

static rf_status job_failed(const jpeg_job *job, const char *what) {
    if (job->status != RF_OK) return job->status;
    return rf_fail(RF_ERR_FORMAT, "%s: %s: %s", job->name, what, job->reason);
}

static int orientation_of(const struct jpeg_decompress_struct *in) {
    for (jpeg_saved_marker_ptr m = in->marker_list; m; m = m->next) {
        int orientation = m->marker == JPEG_APP0 + 1 ? rf_exif_orientation(m->data, m->data_length) : 1;
        if (orientation != 1) return orientation;
    }
    return 1;
}

/* No local may live across the jump, so these take all they need from the job. */
static bool run_info(jpeg_job *job, const uint8_t *data, size_t bytes, rf_image_info *info) {
    if (setjmp(job->back)) return false;
    jpeg_create_decompress(&job->in);
    jpeg_mem_src(&job->in, data, (unsigned long)bytes);
    jpeg_save_markers(&job->in, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&job->in, TRUE);
    info->width = (int)job->in.image_width;
    info->height = (int)job->in.image_height;
    info->exif_orientation = orientation_of(&job->in);
    return true;
}

rf_status rf_jpeg_info(const uint8_t *data, size_t bytes, const char *name, rf_image_info *info) {
    jpeg_job job;
    job_begin(&job, name);
    bool ok = run_info(&job, data, bytes, info);
    jpeg_destroy_decompress(&job.in);
    return ok ? RF_OK : job_failed(&job, "unreadable JPEG header");
}

/* Adobe programs store CMYK inverted (255 = no ink) and say so by their marker. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t width, bool inverted) {
    for (size_t x = 0; x < width; x++) {
        for (size_t c = 0; c < 3; c++) {
            unsigned colour = cmyk[4 * x + c], black = cmyk[4 * x + 3];
            if (!inverted) colour = 255 - colour, black = 255 - black;
            rgb[3 * x + c] = (uint8_t)((colour * black + 127) / 255);
        }
    }
}

static void read_rows(jpeg_job *job) {
    struct jpeg_decompress_struct *in = &job->in;
    size_t row_bytes = (size_t)in->output_width * 3;
    while (in->output_scanline < in->output_height) {
        JSAMPROW to = job->image->pixels + row_bytes * in->output_scanline;
        JSAMPROW target = job->row ? job->row : to;
        jpeg_read_scanlines(in, &target, 1);
        if (job->row) cmyk_to_rgb(job->row, to, in->output_width, in->saw_Adobe_marker);
    }
}

/* Whether a file that was cut off behind a scan has all that it would have had: each component, and of a progressive
 * picture each coefficient to its last bit. */
static bool has_all(jpeg_job *job) {
    const struct jpeg_decompress_struct *in = &job->in;
    bool all = true, several = jpeg_has_multiple_scans(&job->in);
    if (!in->coef_bits) {
        for (int c = 0; several && c < in->num_components; c++) all = all && job->seen[c];
    } else {
        for (int c = 0; c < in->num_components; c++)
            for (int k = 0; k < DCTSIZE2; k++) all = all && in->coef_bits[c][k] == 0;
    }
    if (!all) snprintf(job->reason, sizeof job->reason, "the file ends before its last scan");
    return all;
}

static bool run_decode(jpeg_job *job, const uint8_t *data, size_t bytes) {
    struct jpeg_decompress_struct *in = &job->in;
    if (setjmp(job->back)) return false;
    jpeg_create_decompress(in);
    in->progress = &job->progress;
    jpeg_mem_src(in, data, (unsigned long)bytes);
    jpeg_read_header(in, TRUE);
    bool four = in->jpeg_color_space == JCS_CMYK || in->jpeg_color_space == JCS_YCCK;
    in->out_color_space = four ? JCS_CMYK : JCS_RGB;
    in->scale_num = 1;
    in->scale_denom = (unsigned)job->scale_denom;
    job->in_pixels = true;
    jpeg_start_decompress(in);
    job->status = rf_image_renew(job->image, (int)in->output_width, (int)in->output_height);
    if (job->status == RF_OK && four) {
        job->row = rf_alloc(in->output_width, 4);
        if (!job->row) job->status = RF_ERR_NOMEM;
    }
    if (job->status != RF_OK) return false;
    read_rows(job);
    if (job->cut_off && !has_all(job)) return false;
    jpeg_finish_decompress(in); /* reads to the end mark */
    return true;
}

rf_status rf_jpeg_decode(const uint8_t *data, size_t bytes, const char *name, int scale_denom, rf_image *image) {
    jpeg_job job;
    job_begin(&job, name);
    job.image = image;
    job.scale_denom = scale_denom;
    bool ok = run_decode(&job, data, bytes);
    jpeg_destroy_decompress(&job.in);
    rf_free(job.row);
    if (ok) return RF_OK;
    rf_image_free(image);
    return job_failed(&job, "damaged or incomplete JPEG");
}

static bool run_write(jpeg_job *job) {
    struct jpeg_compress_struct *out = &job->out;
    const rf_image *image = job->image;
    if (setjmp(job->back)) return false;
    jpeg_create_compress(out);
    jpeg_stdio_dest(out, job->stream);
    out->image_width = (JDIMENSION)image->width;
    out->image_height = (JDIMENSION)image->height;
    out->input_components = 3;
    out->in_color_space = JCS_RGB;
    jpeg_set_defaults(out);
    jpeg_set_quality(out, job->quality, TRUE);
    jpeg_start_compress(out, TRUE);
    while (out->next_scanline < out->image_height) {
        JSAMPROW row = image->pixels + (size_t)out->next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(out, &row, 1);
    }
    jpeg_finish_compress(out);
    return true;
}

rf_status rf_jpeg_write(FILE *stream, const char *name, const rf_image *image, int quality) {
    jpeg_job job;
    rf_image pixels = *image; /* only read */
    job_begin(&job, name);
    job.stream = stream;
    job.image = &pixels;
    job.quality = quality;
    bool ok = run_write(&job);
    jpeg_destroy_compress(&job.out);
    return ok ? RF_OK : rf_fail(RF_ERR_IO, "%s: cannot write the JPEG: %s", name, job.reason);
}

/* The library itself tells only the edition of the interface. */
#define TEXT_OF(x) #x
#define TEXT_OF_VALUE(x) TEXT_OF(x)
const char *rf_image_jpeg_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT_OF_VALUE(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " TEXT_OF_VALUE(JPEG_LIB_VERSION);
#endif
}
