/* SPDX-License-Identifier: Apache-2.0 */
/* Makes image files of all kinds in memory, for the codec tests. Failures end the test program. */
#ifndef RF_TESTS_IMAGE_FIXTURES_H
#define RF_TESTS_IMAGE_FIXTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bytes {
    uint8_t *data; /* bytes_free */
    size_t size;
} bytes;
void bytes_free(bytes *b);

typedef enum jpeg_kind { JPEG_RGB, JPEG_GRAY, JPEG_CMYK, JPEG_YCCK } jpeg_kind;

typedef struct jpeg_make {
    jpeg_kind kind;
    int width, height;
    const uint8_t *pixels; /* [height][width][1, 3 or 4] */
    bool progressive, subsample, no_adobe_marker;
    bool scans_apart; /* a scan for each colour, not progressive */
    int restart_rows; /* restart marker after so many rows of blocks */
    int orientation;  /* 0: no EXIF segment */
    bool big_endian;  /* of the EXIF segment */
} jpeg_make;
bytes make_jpeg(const jpeg_make *m);

typedef struct png_make {
    int width, height, depth, colour_type; /* PNG's numbers: 0 gray, 2 RGB, 3 palette, 4 gray+alpha, 6 RGBA */
    const uint8_t *rows;                   /* packed as PNG stores them, 16-bit big-endian */
    size_t row_bytes;
    bool interlaced;
    const uint8_t *palette; /* [n_palette][3] */
    int n_palette;
    const uint8_t *palette_alpha; /* [n_palette], NULL: none */
    int transparent[3];           /* gray or RGB that is transparent, when has_transparent */
    bool has_transparent;
} png_make;
bytes make_png(const png_make *m);

/* The file with an eXIf chunk of this orientation: behind the header, or late, behind the pixels. marked: the contents
 * begin like JPEG's segment, as some programs write them. */
bytes add_png_exif(const bytes *png, int orientation, bool late, bool marked);

/* The smallest PNG header that claims width x height, without pixels. */
bytes make_png_header(uint32_t width, uint32_t height);

#endif
