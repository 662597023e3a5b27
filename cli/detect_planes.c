/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of frames without coding: Y4M (YUV4MPEG2, a line of text before the film and before each frame) and raw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/detect.h"
#include "core/mem.h"

enum { LINE = 1024, MAX_SIDE = 65536 };
static const char magic[] = "YUV4MPEG2", mark[] = "FRAME";

/* Takes the samples of a frame that begins here. */
static rf_status take_planes(rf_stream *s, rf_frame *frame) {
    size_t n = rf_planes_bytes(&s->planes), ahead;
    RF_TRY(rf_bytes_want(s->bytes, n, &ahead));
    frame->coding = RF_CODED_PLANES;
    frame->planes = s->planes;
    if (s->rate > 0) frame->time = (double)(s->number - 1) / s->rate;
    if (ahead < n) {
        rf_frame_blame(frame,
                       rf_fail(RF_ERR_FORMAT, "%s frame %zu: the stream ends inside of it, after %zu of %zu bytes",
                               s->name, s->number, ahead, n));
        rf_bytes_skip(s->bytes, ahead);
        return RF_OK;
    }
    RF_TRY(rf_frame_put_bytes(frame, rf_bytes_data(s->bytes), n));
    rf_bytes_skip(s->bytes, n);
    return RF_OK;
}

static rf_status raw_next(rf_stream *s, rf_frame *frame, bool *more) {
    size_t ahead;
    RF_TRY(rf_bytes_want(s->bytes, 1, &ahead));
    *more = ahead > 0;
    return *more ? take_planes(s, frame) : RF_OK;
}

static bool raw_is(const uint8_t *head, size_t n) {
    (void)head, (void)n;
    return false;
}

const rf_stream_kind rf_stream_raw = {"raw", ".png", raw_is, raw_next};

/* ---- Y4M ---- */

static bool begins(const uint8_t *data, size_t n, const char *word) {
    size_t length = strlen(word);
    return n > length && memcmp(data, word, length) == 0 && (data[length] == ' ' || data[length] == '\n');
}

static bool y4m_is(const uint8_t *head, size_t n) {
    return begins(head, n, magic);
}

static bool take_colour(const char *word, rf_planes *planes) {
    static const struct {
        const char *word;
        rf_planes planes;
    } kinds[] = {{"420", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2}},
                 {"420jpeg", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2}},
                 {"420mpeg2", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2}},
                 {"420paldv", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2}},
                 {"422", {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 1}},
                 {"444", {.kind = RF_PLANES_YUV, .step_x = 1, .step_y = 1}},
                 {"mono", {.kind = RF_PLANES_GREY}}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(word, kinds[i].word) == 0) {
            rf_planes before = *planes;
            *planes = kinds[i].planes;
            planes->width = before.width;
            planes->height = before.height;
            planes->full = before.full;
            return true;
        }
    return false;
}

/* The header's words; `line` is cut into them. */
static rf_status take_words(rf_stream *s, char *line) {
    rf_planes planes = {.kind = RF_PLANES_YUV, .step_x = 2, .step_y = 2};
    double above = 0, below = 1;
    char *save;
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (*word == 'W') planes.width = atoi(word + 1);
        if (*word == 'H') planes.height = atoi(word + 1);
        if (*word == 'F' && sscanf(word + 1, "%lf:%lf", &above, &below) != 2) above = 0;
        if (strcmp(word, "XCOLORRANGE=FULL") == 0) planes.full = true;
        if (*word == 'C' && !take_colour(word + 1, &planes))
            return rf_fail(RF_ERR_FORMAT,
                           "%s: a Y4M stream of colours '%s', expected 420, 422, 444 or mono of 8 bits; "
                           "ffmpeg -pix_fmt yuv420p makes them",
                           s->name, word + 1);
    }
    if (planes.width < 1 || planes.height < 1 || planes.width > MAX_SIDE || planes.height > MAX_SIDE)
        return rf_fail(RF_ERR_FORMAT, "%s: the Y4M header says %d x %d pixels, expected W and H from 1 to %d", s->name,
                       planes.width, planes.height, MAX_SIDE);
    s->planes = planes;
    s->rate = above > 0 && below > 0 ? above / below : 0;
    return RF_OK;
}

/* The length of a line that begins here without its end; LINE or more: there is none. */
static rf_status line_length(rf_bytes *bytes, size_t *length) {
    size_t ahead;
    for (size_t want = 64;; want *= 2) {
        RF_TRY(rf_bytes_want(bytes, want, &ahead));
        const uint8_t *data = rf_bytes_data(bytes), *end = memchr(data, '\n', ahead < LINE ? ahead : LINE);
        *length = end ? (size_t)(end - data) : LINE;
        if (end || ahead < want || want >= LINE) return RF_OK;
    }
}

static rf_status take_header(rf_stream *s) {
    size_t length;
    RF_TRY(line_length(s->bytes, &length));
    if (length >= LINE) return rf_fail(RF_ERR_FORMAT, "%s: the Y4M header does not end within %d bytes", s->name, LINE);
    rf_free(s->header);
    s->header = rf_strndup((const char *)rf_bytes_data(s->bytes), length);
    char *line = s->header ? rf_strdup(s->header) : NULL;
    if (!line) return RF_ERR_NOMEM;
    rf_status status = take_words(s, line);
    rf_free(line);
    rf_bytes_skip(s->bytes, length + 1);
    return status;
}

/* Goes on to the next frame or header. */
static rf_status find_mark(rf_stream *s, size_t *skipped) {
    size_t ahead;
    for (*skipped = 0;;) {
        RF_TRY(rf_bytes_want(s->bytes, sizeof magic, &ahead));
        const uint8_t *data = rf_bytes_data(s->bytes);
        if (ahead == 0 || begins(data, ahead, mark) || begins(data, ahead, magic)) return RF_OK;
        const uint8_t *f = ahead > 1 ? memchr(data + 1, 'F', ahead - 1) : NULL;
        const uint8_t *y = ahead > 1 ? memchr(data + 1, 'Y', ahead - 1) : NULL;
        size_t n = !f && !y ? ahead : (size_t)((!y || (f && f < y) ? f : y) - data);
        rf_bytes_skip(s->bytes, n);
        *skipped += n;
    }
}

static rf_status y4m_next(rf_stream *s, rf_frame *frame, bool *more) {
    size_t ahead, skipped, length;
    RF_TRY(find_mark(s, &skipped));
    if (skipped) {
        rf_frame_blame(frame, rf_fail(RF_ERR_FORMAT, "%s frame %zu: %zu bytes stand where FRAME was expected", s->name,
                                      s->number, skipped));
        return RF_OK;
    }
    RF_TRY(rf_bytes_want(s->bytes, sizeof magic, &ahead));
    *more = ahead > 0;
    if (!*more) return RF_OK;
    if (begins(rf_bytes_data(s->bytes), ahead, magic)) {
        RF_TRY(take_header(s));
        return y4m_next(s, frame, more);
    }
    RF_TRY(line_length(s->bytes, &length));
    rf_bytes_skip(s->bytes, length + 1);
    frame->header = rf_strdup(s->header);
    return frame->header ? take_planes(s, frame) : RF_ERR_NOMEM;
}

const rf_stream_kind rf_stream_y4m = {"Y4M", ".png", y4m_is, y4m_next};
