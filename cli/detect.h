/* SPDX-License-Identifier: Apache-2.0 */
/* What rf-detect is made of: a source gives one picture or frame after the other (cli/detect_source.c), the network
 * finds its faces, and sinks take both (cli/detect_sinks.c). A new kind of stream is a file with an rf_stream_kind and
 * a line in the table of cli/detect_stream.c; a new use of the faces is a file with an rf_sink_kind and a line in the
 * table of cli/detect_sinks.c. */
#ifndef RF_CLI_DETECT_H
#define RF_CLI_DETECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/below.h"
#include "settings/classes.h"
#include "core/parallel.h"
#include "data/image.h"
#include "data/planes.h"
#include "detect/faces.h"
#include "eval/finder.h"
#include "layers/output_kind.h"

/* What the command line asks for. Texts are borrowed. */
typedef struct rf_detect_settings {
    const char *out, *json, *label, *crop; /* NULL: not asked for */
    const char *list, *raw;
    rf_extras extras;   /* what else the model says of a face; known when the sinks start */
    rf_classes classes; /* data.classes of the model, n = 0: it is empty. Known when the sinks start */
    bool draw, blur;
    bool exif;                /* pictures are turned as EXIF says */
    long align;               /* side of aligned faces, 0: none */
    double margin;            /* around a crop, in shares of the face's longer side */
    rf_planes raw_planes;     /* the frames of --raw */
    const char *const *words; /* files, folders, patterns, "-" */
    size_t n_words;
} rf_detect_settings;

/* ---- frames ---- */

typedef enum rf_coding { RF_CODED_JPEG, RF_CODED_PNG, RF_CODED_PLANES } rf_coding;

/* A picture, or a frame of a stream. Everything in it belongs to it. */
typedef struct rf_frame {
    char *name;     /* of the file or the stream, "-" for the standard input; NULL: no picture, `error` alone counts */
    char *relative; /* below an output folder: "sub/a.jpg", "frame-000001.jpg" */
    size_t number;  /* in its stream, from 1; 0: a file that is one picture */
    double time;    /* seconds since the stream's start; negative: not known */
    double share;   /* of the file that has been read, 0 to 1; negative: not known */
    rf_coding coding;
    rf_planes planes; /* of RF_CODED_PLANES: how `bytes` hold the frame */
    char *header;     /* what a Y4M stream begins with; NULL: nothing */
    uint8_t *bytes;   /* as read: a JPEG, a PNG or planes */
    size_t n_bytes, capacity;
    rf_image image;   /* empty with an error */
    rf_status status; /* not RF_OK: the frame cannot be used, and `error` tells why */
    char *error;
} rf_frame;

/* "photo.jpg" or "- frame 12", for messages. Gives `text`. */
enum { RF_FRAME_TITLE = 1200 };
const char *rf_frame_title(const rf_frame *frame, char text[RF_FRAME_TITLE]);
/* Forgets what it holds but keeps the memory for the next one. */
void rf_frame_clear(rf_frame *frame);
void rf_frame_free(rf_frame *frame);
/* Keeps this thread's message as the frame's error. */
void rf_frame_blame(rf_frame *frame, rf_status status);
/* Copies to frame->bytes. RF_ERR_NOMEM. */
rf_status rf_frame_put_bytes(rf_frame *frame, const uint8_t *bytes, size_t n);
/* The frame's bytes with the picture as it is now, in the frame's own coding (rf_free them). `changed` false: as they
 * were read. Samples of planes whose colour did not change stay as they are, bit by bit. */
rf_status rf_frame_encode(const rf_frame *frame, bool changed, uint8_t **bytes, size_t *n);

/* ---- streams ---- */

/* Bytes of a file, pipe or device, of which a part is in memory. */
typedef struct rf_bytes rf_bytes;
/* "-" is the standard input. Never waits. `stop` (borrowed) ends every wait when it becomes true. RF_ERR_IO,
 * RF_ERR_USER.
 */
rf_status rf_bytes_open(const char *path, const atomic_bool *stop, rf_bytes **out);
void rf_bytes_close(rf_bytes *bytes);
/* Waits until n bytes lie ahead or the input has ended: how many do. RF_ERR_INTERRUPTED after a signal. */
rf_status rf_bytes_want(rf_bytes *bytes, size_t n, size_t *ahead);
/* What lies ahead; valid until the next call. */
const uint8_t *rf_bytes_data(const rf_bytes *bytes);
/* Goes on by n bytes, at most those ahead. */
void rf_bytes_skip(rf_bytes *bytes, size_t n);
bool rf_bytes_is_file(const rf_bytes *bytes);
double rf_bytes_share(const rf_bytes *bytes); /* of the file that was passed; negative: not known */

typedef struct rf_stream {
    rf_bytes *bytes;
    const char *name;
    size_t number;    /* of the frame that comes next, from 1 */
    rf_planes planes; /* Y4M, raw */
    double rate;      /* frames a second; 0: not known */
    char *header;     /* Y4M */
} rf_stream;

/* A kind of stream. `next` reads a frame's bytes (or says what is wrong with it in frame->status and goes on behind it)
 * and sets *more to false at the end; what it returns ends the program. */
typedef struct rf_stream_kind {
    const char *name;
    const char *suffix; /* of a frame's picture: ".jpg" */
    bool (*is)(const uint8_t *head, size_t n);
    rf_status (*next)(rf_stream *stream, rf_frame *frame, bool *more);
} rf_stream_kind;

extern const rf_stream_kind rf_stream_pictures, rf_stream_y4m, rf_stream_raw;

/* Whether a JPEG or PNG begins here. */
bool rf_picture_begins(const uint8_t *data, size_t n);
/* Whether another picture follows the first one, which is whole. */
rf_status rf_pictures_follow(rf_bytes *bytes, bool *follow);
/* The kind of a stream by its first bytes; NULL: none of them. */
const rf_stream_kind *rf_stream_sniff(const uint8_t *head, size_t n);

/* ---- the source ---- */

typedef struct rf_frame_source rf_frame_source;
/* settings is borrowed. RF_ERR_USER when there is nothing but a mistake. */
rf_status rf_frame_source_open(const rf_detect_settings *settings, rf_frame_source **out);
void rf_frame_source_close(rf_frame_source *source);
/* Reads the next frame; *more false: there is none. By one thread at a time. */
rf_status rf_frame_source_next(rf_frame_source *source, rf_frame *frame, bool *more);
/* Decodes a frame that was read; that a picture is broken stays in the frame, as what was wrong before does. By any
 * number of threads, each with frames of its own. */
rf_status rf_frame_decode(rf_frame *frame, const rf_detect_settings *settings);
/* From another thread: a rf_frame_source_next that waits for input ends with RF_ERR_INTERRUPTED. */
void rf_frame_source_stop(rf_frame_source *source);
/* Files to look at; a stream counts as one. */
size_t rf_frame_source_files(const rf_frame_source *source);

/* What the words of the command line, and --list, lead to. */
typedef struct rf_input {
    char *path, *relative;
    rf_status status; /* not RF_OK: cannot be used, `error` tells why; path NULL: a folder below one */
    char *error;
} rf_input;
typedef struct rf_inputs {
    rf_input *items;
    size_t n, capacity;
} rf_inputs;
/* A mistake that leaves nothing to do is returned; every other one is an item. rf_inputs_free in every case. */
rf_status rf_inputs_find(const rf_detect_settings *settings, rf_inputs *inputs);
void rf_inputs_free(rf_inputs *inputs);

/* ---- looking ---- */

/* A finder and the threads that it works with; NULL: those of the process. */
typedef struct rf_finder_slot {
    rf_finder *finder;
    rf_pool *pool;
} rf_finder_slot;

/* What became of a frame. Everything is the caller's until the next one is asked for. */
typedef struct rf_found {
    rf_frame *frame;
    rf_face_list *faces; /* of a frame with status RF_OK, when it could be looked at */
    rf_finder_view view;
    rf_status status; /* of the looking; `error` says more */
    char *error;
} rf_found;

/* Threads that take frames from the source, n at once (one a finder), some of them ahead of the caller. What they find
 * comes in the order of the source, the same bytes with any n. source, settings and finders are borrowed. */
typedef struct rf_workers rf_workers;
rf_status rf_workers_start(rf_frame_source *source, const rf_detect_settings *settings, rf_finder_slot *finders,
                           size_t n, rf_workers **out);
/* The next frame; NULL at the end. */
rf_status rf_workers_next(rf_workers *workers, rf_found **found);
/* Ends the threads, whatever they wait for. NULL is allowed. */
void rf_workers_stop(rf_workers *workers);

/* ---- sinks ---- */

/* A frame and what was found in it, on its way through the sinks in the order of their table. */
typedef struct rf_seen {
    rf_frame *frame;
    const rf_face_list *faces; /* NULL: the frame could not be used */
    rf_finder_view view;
    char *file;                 /* below --out: the name of its picture; NULL: none */
    bool blurred, drawn, saved; /* what was painted on the image; it was saved under `file` */
    char **aligned, **cropped;  /* [faces->n] names below --out, NULL: none */
    char *labelled;             /* name below images/ of --label */
    char *error;                /* rf_free; what was wrong with this one, in the JSON; NULL: nothing */
} rf_seen;

/* This thread's message is the fault of one frame only: told, counted, and kept for the JSON. what: "not drawn". */
void rf_seen_blame(rf_seen *seen, const char *what);

/* What the sinks share. */
typedef struct rf_sink_shared {
    const rf_detect_settings *settings;
    rf_distinct *names; /* below --out */
} rf_sink_shared;

/* open checks what was asked for before the work and writes nothing; *state stays NULL when the sink was not asked for.
 * start (NULL: nothing) comes when there is something to do. take returns what ends the program; what is wrong with one
 * frame goes to rf_seen_blame. close frees the state; `complete` tells whether all went well. */
typedef struct rf_sink_kind {
    const char *name;
    rf_status (*open)(rf_sink_shared *shared, void **state);
    rf_status (*start)(void *state);
    rf_status (*take)(void *state, rf_seen *seen);
    rf_status (*close)(void *state, bool complete);
} rf_sink_kind;

extern const rf_sink_kind rf_sink_label, rf_sink_faces, rf_sink_blur, rf_sink_draw, rf_sink_pictures, rf_sink_json;

typedef struct rf_sinks rf_sinks;
rf_status rf_sinks_open(const rf_detect_settings *settings, rf_sinks **out);
rf_status rf_sinks_start(rf_sinks *sinks);
/* Frees what the sinks put into it, but the error. */
rf_status rf_sinks_take(rf_sinks *sinks, rf_seen *seen);
/* NULL is allowed. */
rf_status rf_sinks_close(rf_sinks *sinks, bool complete);

/* Saves below a folder; *own: the failure is this picture's alone. source: what must not be overwritten. */
rf_status rf_detect_save(const char *out, const char *source, const char *file, const rf_image *image, bool *own);
/* The same for bytes. */
rf_status rf_detect_save_bytes(const char *out, const char *source, const char *file, const uint8_t *bytes, size_t n,
                               bool *own);
bool rf_is_picture_name(const char *path);

/* Nothing that is read is written over: the model, the configuration, a picture. */
rf_status rf_detect_check_outputs(const rf_detect_settings *settings, const char *model, const char *config);

#endif
