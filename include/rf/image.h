/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in memory: the caller's own pixels in place, or files read by librf. */
#ifndef RF_IMAGE_H
#define RF_IMAGE_H

#include <stddef.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a function of librf gives: 0, or what went wrong. rf_last_error says it in a sentence. */
enum {
    RF_DONE = 0,
    RF_ERROR_ARGUMENT = 1,  /* an argument, option or name that cannot be */
    RF_ERROR_FORMAT = 2,    /* bytes that are not what they should be: no picture, no model, truncated */
    RF_ERROR_FILE = 3,      /* the system refused: no such file, no permission */
    RF_ERROR_MEMORY = 4,    /* an allocation failed; what was passed in is as it was */
    RF_ERROR_NOT_FINITE = 5 /* NaN or infinity among a model's weights */
};

/* This thread's last error in one sentence: what, where, what was expected; "" before the first. Belongs to the thread
 * and is valid until its next error. Never fails. Thread safe: every thread has its own. */
RF_API const char *rf_last_error(void);

/* How the bytes of a pixel follow each other, 8 bits a channel. The alpha of RGBA and BGRA is not looked at. */
enum { RF_PIXELS_RGB = 0, RF_PIXELS_BGR = 1, RF_PIXELS_GREY = 2, RF_PIXELS_RGBA = 3, RF_PIXELS_BGRA = 4 };

/* Pixels: row y begins at pixels + y * stride. `pixels` is the first, upper row; a negative stride goes through memory
 * upwards. Stride 0: rows without padding. width and height: 1 to 1000000, 400 million pixels in all. Who filled the
 * struct owns the pixels: those from rf_picture_load, _decode and _align are given back with rf_picture_free. */
typedef struct rf_picture {
    unsigned char *pixels;
    int width, height;
    ptrdiff_t stride; /* bytes from one row to the next */
    int format;       /* RF_PIXELS_RGB ... */
} rf_picture;

/* Reads a JPEG or PNG file, told by its content, as RGB without padding, upright as its EXIF orientation says.
 * Overwrites *out without freeing what it held; on failure its pixels are NULL. RF_ERROR_FILE, RF_ERROR_FORMAT (not a
 * picture, truncated, damaged, over 400 million pixels), RF_ERROR_MEMORY, RF_ERROR_ARGUMENT (NULL). Thread safe. */
RF_API int rf_picture_load(const char *path, rf_picture *out);
/* The same of `bytes` bytes of a file in memory, which belong to the caller and are not needed afterwards. */
RF_API int rf_picture_decode(const void *data, size_t bytes, rf_picture *out);

/* The face with five points (x0 y0 .. x4 y4 in pixels of the picture: left eye, right eye, nose, left and right corner
 * of the mouth, left as seen in the picture) turned upright, as networks that recognise faces expect it: a side x side
 * picture in RGB whose points lie nearest to ArcFace's template (of 112 pixels, enlarged by side / 112), by a
 * similarity transform; bilinear, black outside the picture. side: 1 to 4096. n_points must be 5. *out as by
 * rf_picture_load. RF_ERROR_ARGUMENT (NULL, sizes, points that are not finite or all in one place), RF_ERROR_MEMORY.
 * Thread safe; runs in the calling thread alone. */
RF_API int rf_picture_align(const rf_picture *picture, const float *points, int n_points, int side, rf_picture *out);

/* Frees the pixels of a picture that one of the three functions above made, and empties it; NULL and an empty one are
 * allowed. Never fails. Thread safe. */
RF_API void rf_picture_free(rf_picture *picture);

#ifdef __cplusplus
}
#endif

#endif
