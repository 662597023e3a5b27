/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of JPEGs and PNGs, one after the other, as "ffmpeg -f image2pipe" and "cat" write them. Where a picture ends
 * is told by its own structure; where that is broken, by the beginning of the next. What HTTP puts between the pictures
 * of a camera (lines of text), and zeros, are passed over. */
#include <string.h>

#include "cli/detect.h"

enum { LOOK = 64 };
static const size_t max_picture = (size_t)256 << 20;
static const uint8_t png_start[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

/* FF D8 and a marker that may stand there. */
static bool jpeg_begins(const uint8_t *d, size_t n) {
    if (n < 4 || d[0] != 0xFF || d[1] != 0xD8 || d[2] != 0xFF) return false;
    return (d[3] >= 0xE0 && d[3] <= 0xEF) || d[3] == 0xDB || d[3] == 0xC4 || d[3] == 0xFE || d[3] == 0xDD ||
           (d[3] >= 0xC0 && d[3] <= 0xC3) || d[3] == 0xFF;
}

static bool png_begins(const uint8_t *d, size_t n) {
    return n >= sizeof png_start && memcmp(d, png_start, sizeof png_start) == 0;
}

bool rf_picture_begins(const uint8_t *data, size_t n) {
    return jpeg_begins(data, n) || png_begins(data, n);
}

/* A walk over the bytes ahead. */
typedef struct walk {
    rf_bytes *bytes;
    size_t at, ahead;
    size_t part;     /* where the part that is being passed began: the last place known to be sound */
    bool whole, mpf; /* the end mark was met; a file of several pictures in one (a camera's) */
} walk;

/* Whether n bytes from `at` on are there. */
static rf_status need(walk *w, size_t n, bool *there) {
    *there = false;
    if (n > max_picture || w->at + n > max_picture) return RF_OK;
    if (w->at + n > w->ahead) RF_TRY(rf_bytes_want(w->bytes, w->at + n, &w->ahead));
    *there = w->at + n <= w->ahead;
    return RF_OK;
}

static const uint8_t *here(const walk *w) {
    return rf_bytes_data(w->bytes) + w->at;
}

/* Passes entropy-coded data up to the next marker. */
static rf_status pass_scan(walk *w, bool *there) {
    for (;;) {
        RF_TRY(need(w, 2, there));
        if (!*there) return RF_OK;
        const uint8_t *d = here(w), *mark = memchr(d, 0xFF, w->ahead - w->at - 1);
        if (!mark) {
            w->at = w->ahead - 1;
            continue;
        }
        w->at += (size_t)(mark - d);
        if (mark[1] != 0 && mark[1] != 0xFF && (mark[1] < 0xD0 || mark[1] > 0xD7)) return RF_OK;
        w->at += mark[1] == 0xFF ? 1 : 2;
    }
}

/* From the start to behind the end mark, or to where the structure breaks. */
static rf_status walk_jpeg(walk *w) {
    bool there, scanned = false; /* the last part was a scan, which may hold the beginning of the next picture */
    w->at = w->part = 2;
    for (;;) {
        RF_TRY(need(w, 4, &there));
        if (!there) RF_TRY(need(w, 2, &there));
        if (!there || here(w)[0] != 0xFF) return RF_OK;
        uint8_t kind = here(w)[1];
        if (kind == 0xFF) {
            w->at++;
            continue;
        }
        if (kind == 0xD9) {
            w->whole = true;
            w->at += 2;
            w->part = w->at;
            return RF_OK;
        }
        if (kind == 0xD8) return RF_OK;
        if (!scanned) w->part = w->at;
        scanned = false;
        if (kind < 0xC0 || w->at + 4 > w->ahead) return RF_OK;
        size_t length = (size_t)here(w)[2] << 8 | here(w)[3];
        if (length < 2) return RF_OK;
        RF_TRY(need(w, length + 2, &there));
        if (!there) return RF_OK;
        if (kind == 0xE2 && length > 6 && memcmp(here(w) + 4, "MPF", 4) == 0) w->mpf = true;
        if (kind == 0xDA && (length < 8 || length != 6 + 2u * here(w)[4])) return RF_OK;
        w->at += length + 2;
        if (kind != 0xDA) continue;
        scanned = true;
        w->part = w->at; /* whatever begins within the scan */
        RF_TRY(pass_scan(w, &there));
        if (!there) return RF_OK;
    }
}

static bool is_letter(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static rf_status walk_png(walk *w) {
    bool there;
    w->at = w->part = sizeof png_start;
    for (;;) {
        RF_TRY(need(w, 12, &there));
        if (!there) return RF_OK;
        const uint8_t *d = here(w);
        if (!is_letter(d[4]) || !is_letter(d[5]) || !is_letter(d[6]) || !is_letter(d[7])) return RF_OK;
        size_t length = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
        bool end = memcmp(d + 4, "IEND", 4) == 0;
        w->part = w->at;
        RF_TRY(need(w, length + 12, &there));
        if (!there) return RF_OK;
        w->at += length + 12;
        if (!end) continue;
        w->whole = true;
        w->part = w->at;
        return RF_OK;
    }
}

/* From `at` on to the next beginning of a picture, or the end of the input, or as far as one picture may reach. */
static rf_status walk_to_start(walk *w) {
    bool there;
    for (;;) {
        RF_TRY(need(w, 1, &there));
        if (!there) return RF_OK;
        size_t left;
        RF_TRY(need(w, sizeof png_start, &there));
        left = w->ahead - w->at;
        if (rf_picture_begins(here(w), left)) return RF_OK;
        const uint8_t *d = here(w);
        size_t i = 1;
        while (i < left && d[i] != 0xFF && d[i] != 0x89) i++;
        w->at += i;
    }
}

static rf_status walk_picture(walk *w) {
    RF_TRY(rf_bytes_want(w->bytes, sizeof png_start, &w->ahead));
    bool png = png_begins(rf_bytes_data(w->bytes), w->ahead);
    RF_TRY(png ? walk_png(w) : walk_jpeg(w));
    if (w->whole) return RF_OK;
    w->at = w->part;
    return walk_to_start(w);
}

rf_status rf_pictures_follow(rf_bytes *bytes, bool *follow) {
    walk w = {.bytes = bytes};
    bool there;
    *follow = false;
    RF_TRY(walk_picture(&w));
    if (!w.whole || w.mpf) return RF_OK;
    RF_TRY(need(&w, sizeof png_start, &there));
    *follow = rf_picture_begins(here(&w), w.ahead - w.at);
    return RF_OK;
}

/* Whether bytes between two pictures are a camera's headers or padding. */
static bool is_filling(const uint8_t *d, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (d[i] && d[i] != '\r' && d[i] != '\n' && d[i] != '\t' && (d[i] < ' ' || d[i] > '~')) return false;
    return true;
}

static bool pictures_is(const uint8_t *head, size_t n) {
    return rf_picture_begins(head, n) ||
           (n > 4 && head[0] == '-' && head[1] == '-' && is_filling(head, n < 16 ? n : 16));
}

/* Passes what is no picture; *bad counts its bytes that are no filling either. */
static rf_status pass_rest(rf_stream *s, size_t *bad, bool *more) {
    walk w = {.bytes = s->bytes};
    RF_TRY(rf_bytes_want(s->bytes, sizeof png_start, &w.ahead));
    *bad = 0;
    while (w.ahead && !rf_picture_begins(rf_bytes_data(s->bytes), w.ahead)) {
        w.at = 0;
        RF_TRY(rf_bytes_want(s->bytes, LOOK, &w.ahead));
        const uint8_t *d = rf_bytes_data(s->bytes);
        size_t n = 1;
        while (n < w.ahead && d[n] != 0xFF && d[n] != 0x89) n++;
        if (!is_filling(d, n)) *bad += n;
        rf_bytes_skip(s->bytes, n);
        RF_TRY(rf_bytes_want(s->bytes, sizeof png_start, &w.ahead));
    }
    *more = w.ahead > 0;
    return RF_OK;
}

static rf_status pictures_next(rf_stream *s, rf_frame *frame, bool *more) {
    size_t bad;
    RF_TRY(pass_rest(s, &bad, more));
    if (bad) {
        *more = true;
        rf_frame_blame(frame, rf_fail(RF_ERR_FORMAT,
                                      "%s frame %zu: %zu bytes that are no picture stand where one was expected",
                                      s->name, s->number, bad));
        return RF_OK;
    }
    if (!*more) return RF_OK;
    walk w = {.bytes = s->bytes};
    RF_TRY(walk_picture(&w));
    if (w.at > w.ahead) w.at = w.ahead;
    const uint8_t *d = rf_bytes_data(s->bytes);
    frame->coding = png_begins(d, w.ahead) ? RF_CODED_PNG : RF_CODED_JPEG;
    rf_status status = rf_frame_put_bytes(frame, d, w.at);
    rf_bytes_skip(s->bytes, w.at);
    return status;
}

const rf_stream_kind rf_stream_pictures = {"pictures", ".jpg", pictures_is, pictures_next};
