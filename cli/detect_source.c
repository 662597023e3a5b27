/* SPDX-License-Identifier: Apache-2.0 */
/* One picture or frame after the other from files, folders and streams; what a file is, its first bytes tell. */
#include <stdio.h>
#include <string.h>

#include "cli/detect.h"
#include "cli/pictures.h"
#include "core/file.h"
#include "core/mem.h"
#include "data/image_kind.h"

enum { HEAD = 512 };
static const size_t max_file_bytes = (size_t)1 << 30;

struct rf_frame_source {
    const rf_detect_settings *settings;
    rf_inputs inputs;
    size_t next;                /* input */
    const rf_stream_kind *kind; /* of the open stream; NULL: none is open */
    rf_stream stream;
    atomic_bool stop;
    char *stem; /* "film" of film.mjpeg, below its folder */
};

rf_status rf_frame_source_open(const rf_detect_settings *settings, rf_frame_source **out) {
    *out = NULL;
    rf_frame_source *s = rf_alloc(1, sizeof *s);
    if (!s) return RF_ERR_NOMEM;
    s->settings = settings;
    rf_status status = rf_inputs_find(settings, &s->inputs);
    if (status == RF_OK)
        *out = s;
    else
        rf_frame_source_close(s);
    return status;
}

static void close_stream(rf_frame_source *s) {
    rf_bytes_close(s->stream.bytes);
    rf_free(s->stream.header);
    rf_free(s->stem);
    s->stem = NULL;
    s->stream = (rf_stream){0};
    s->kind = NULL;
}

void rf_frame_source_close(rf_frame_source *s) {
    if (!s) return;
    close_stream(s);
    rf_inputs_free(&s->inputs);
    rf_free(s);
}

void rf_frame_source_stop(rf_frame_source *s) {
    atomic_store(&s->stop, true);
}

size_t rf_frame_source_files(const rf_frame_source *s) {
    return s->inputs.n;
}

/* What a frame is called in the output folders: "film-000012.jpg". */
static rf_status name_frame(const rf_frame_source *s, rf_frame *frame) {
    const char *suffix = frame->coding == RF_CODED_PNG ? ".png" : s->kind->suffix;
    size_t bytes = strlen(s->stem) + 40;
    frame->number = s->stream.number;
    frame->relative = rf_alloc(bytes, 1);
    if (!frame->relative) return RF_ERR_NOMEM;
    snprintf(frame->relative, bytes, "%s-%06zu%s", s->stem, frame->number, suffix);
    return RF_OK;
}

rf_status rf_frame_decode(rf_frame *frame, const rf_detect_settings *settings) {
    char title[RF_FRAME_TITLE];
    if (frame->status != RF_OK) return RF_OK;
    rf_image before = frame->image;
    rf_decode_options options = {.apply_exif = settings->exif, .recycle = &before};
    rf_status status;
    if (frame->coding == RF_CODED_PLANES) {
        status = rf_planes_decode(&frame->planes, frame->bytes, &frame->image);
    } else {
        status = rf_image_decode(frame->bytes, frame->n_bytes, rf_frame_title(frame, title), &options, &frame->image);
    }
    if (!rf_picture_is_to_blame(status)) return status;
    if (!strstr(rf_error_message(), frame->name)) rf_fail_context(status, "%s", rf_frame_title(frame, title));
    rf_frame_blame(frame, status);
    return RF_OK;
}

/* The next frame of the open stream; *more false: it has none. */
static rf_status next_frame(rf_frame_source *s, rf_frame *frame, bool *more) {
    *more = true;
    s->stream.number++;
    RF_TRY(s->kind->next(&s->stream, frame, more));
    if (!*more) return RF_OK;
    frame->name = rf_strdup(s->stream.name);
    if (!frame->name) return RF_ERR_NOMEM;
    frame->share = rf_bytes_share(s->stream.bytes);
    return name_frame(s, frame);
}

/* A file that is one picture, with whatever follows it. */
static rf_status take_picture(const rf_input *input, rf_frame *frame) {
    uint8_t *data = NULL;
    size_t n = 0;
    rf_status status = rf_file_read(input->path, max_file_bytes, &data, &n);
    if (status != RF_OK) {
        if (!rf_picture_is_to_blame(status)) return status;
        rf_frame_blame(frame, status);
        return RF_OK;
    }
    rf_free(frame->bytes);
    frame->bytes = data;
    frame->n_bytes = n;
    frame->capacity = n + 1;
    frame->coding = n && data[0] == 0x89 ? RF_CODED_PNG : RF_CODED_JPEG;
    return RF_OK;
}

static rf_status refuse_film(const char *path, const uint8_t *head, size_t n) {
    const char *what = n ? rf_image_kind(head, n) : NULL;
    if (!what || !strstr(what, " film")) return RF_OK;
    return rf_fail(RF_ERR_FORMAT,
                   "%s: neither JPEG nor PNG but %s: ffmpeg -i FILM -f image2pipe -c:v mjpeg - | rf detect -", path,
                   what);
}

/* What kind of stream the open bytes are; NULL: one picture, or nothing that is known (a file is then asked as a
 * picture, which says what it is instead). */
static rf_status find_kind(const rf_frame_source *s, const rf_input *input, rf_bytes *bytes,
                           const rf_stream_kind **kind) {
    size_t ahead;
    *kind = NULL;
    if (s->settings->raw) {
        *kind = &rf_stream_raw;
        return RF_OK;
    }
    bool file = rf_bytes_is_file(bytes) && strcmp(input->path, "-") != 0;
    RF_TRY(rf_bytes_want(bytes, file ? HEAD : 16, &ahead));
    const rf_stream_kind *found = rf_stream_sniff(rf_bytes_data(bytes), ahead);
    if (found == &rf_stream_pictures && file) {
        bool follow = !rf_is_picture_name(input->path);
        if (follow) RF_TRY(rf_bytes_want(bytes, HEAD, &ahead));
        RF_TRY(rf_pictures_follow(bytes, &follow));
        if (!follow) return RF_OK;
    }
    *kind = found;
    if (found) return RF_OK;
    if (file) return refuse_film(input->path, rf_bytes_data(bytes), ahead);
    if (ahead == 0)
        return rf_fail(RF_ERR_FORMAT, "%s: nothing comes from it, expected pictures or a film", input->path);
    rf_image none = {0};
    rf_status status = rf_image_decode(rf_bytes_data(bytes), ahead, input->path, NULL, &none);
    rf_image_free(&none);
    RF_TRY(refuse_film(input->path, rf_bytes_data(bytes), ahead));
    return status;
}

/* Opens an input: a stream, or the frame itself is filled. *filled tells which. */
static rf_status open_input(rf_frame_source *s, const rf_input *input, rf_frame *frame, bool *filled) {
    *filled = true;
    rf_bytes *bytes = NULL;
    const rf_stream_kind *kind = NULL;
    rf_status status = rf_bytes_open(input->path, &s->stop, &bytes);
    if (status == RF_OK) status = find_kind(s, input, bytes, &kind);
    if (status == RF_OK && kind) {
        const char *base = rf_path_base(input->relative), *dot = strrchr(base, '.');
        size_t n = dot && dot > base ? (size_t)(dot - input->relative) : strlen(input->relative);
        s->kind = kind;
        s->stream = (rf_stream){.bytes = bytes, .name = input->path, .planes = s->settings->raw_planes};
        *filled = false;
        s->stem = rf_strndup(input->relative, n);
        return s->stem ? RF_OK : RF_ERR_NOMEM;
    }
    rf_bytes_close(bytes);
    frame->name = rf_strdup(input->path);
    frame->relative = rf_strdup(input->relative);
    if (!frame->name || !frame->relative) return RF_ERR_NOMEM;
    if (status == RF_OK) return take_picture(input, frame);
    bool only_stdin = s->inputs.n == 1 && strcmp(input->path, "-") == 0; /* then it is a mistake in the call */
    if (only_stdin || !rf_picture_is_to_blame(status)) return status;
    rf_frame_blame(frame, status);
    return RF_OK;
}

/* An input that was found to be a mistake before. */
static rf_status take_error(const rf_input *input, rf_frame *frame) {
    rf_fail(input->status, "%s", input->error);
    rf_frame_blame(frame, input->status);
    if (!input->path) return RF_OK;
    frame->name = rf_strdup(input->path);
    frame->relative = rf_strdup(input->relative);
    return frame->name && frame->relative ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_frame_source_next(rf_frame_source *s, rf_frame *frame, bool *more) {
    *more = true;
    rf_frame_clear(frame);
    for (;;) {
        if (s->kind) {
            bool another;
            rf_status status = next_frame(s, frame, &another);
            if (status == RF_OK && another) return RF_OK;
            const rf_input *input = &s->inputs.items[s->next - 1];
            bool none = status == RF_OK && s->stream.number == 1;
            if (none) status = rf_fail(RF_ERR_FORMAT, "%s: there is no frame in it", input->path);
            close_stream(s);
            if (status == RF_OK) continue;
            if (!rf_picture_is_to_blame(status) || status == RF_ERR_NOMEM) return status;
            rf_frame_clear(frame); /* what a stream cannot go on after ends the stream, not the others */
            frame->name = rf_strdup(input->path);
            frame->relative = rf_strdup(input->relative);
            rf_frame_blame(frame, status);
            return frame->name && frame->relative ? RF_OK : RF_ERR_NOMEM;
        }
        if (s->next == s->inputs.n) {
            *more = false;
            return RF_OK;
        }
        const rf_input *input = &s->inputs.items[s->next++];
        bool filled;
        if (input->status != RF_OK) return take_error(input, frame);
        RF_TRY(open_input(s, input, frame, &filled));
        if (filled) return RF_OK;
    }
}
