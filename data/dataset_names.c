/* SPDX-License-Identifier: Apache-2.0 */
/* Image names alone, one a line, as WIDER FACE's wider_face_test_filelist.txt: images to find faces in, without any
 * annotation. */
#include <string.h>
#include <strings.h>

#include "data/annotation.h"
#include "data/dataset.h"

/* With the suffix of an image: without it a list cannot be told from other texts. */
static bool is_image_name(const rf_line_reader *reader) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i]);
        if (reader->length > n && strncasecmp(reader->line + reader->length - n, suffixes[i], n) == 0)
            return reader->line[0] != '#';
    }
    return false;
}

static bool names_sniff(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    if (!rf_lines_next(&reader) || !is_image_name(&reader)) return false;
    return !rf_lines_next(&reader) || is_image_name(&reader);
}

static rf_status names_parse(const char *path, const char *text, size_t bytes, rf_dataset *out) {
    rf_line_reader reader = rf_lines_begin(path, text, bytes);
    while (rf_lines_next(&reader)) {
        if (!is_image_name(&reader)) {
            rf_fail(RF_ERR_FORMAT, "%s:%d: \"%.*s\" is not the name of an image (.jpg, .jpeg, .png)", path,
                    reader.number, (int)(reader.length < 60 ? reader.length : 60), reader.line);
            RF_TRY(rf_dataset_bad(out, RF_ERR_FORMAT, RF_REMARK_IMAGE, reader.number));
            continue;
        }
        RF_TRY(rf_dataset_add_sample(out, reader.line, reader.length, reader.number));
    }
    return RF_OK;
}

const rf_dataset_format rf_dataset_format_names = {"names", "names of images, one a line, without annotations",
                                                   "0--Parade/photo.jpg\n", names_sniff, names_parse};
