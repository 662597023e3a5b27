/* SPDX-License-Identifier: Apache-2.0 */
/* SCRFD's labelv2.txt (deepinsight/insightface, detection/scrfd): "# name width height" begins an image, every further
 * line is a face by its corners x1 y1 x2 y2; five times x y v follow (v as in label.txt), or one number, 1 for a face
 * to ignore. What stands behind the landmarks (blur) is skipped. */
#include <string.h>

#include "data/annotation.h"
#include "data/convert.h"
#include "data/image_name.h"
#include "data/sniff.h"

enum { N_BOX = 4, N_FLAG = 5 };

/* The size behind the name, which may hold blanks; false when there is none. */
static bool split_head(const char *line, size_t length, size_t *name, size_t *name_bytes, double size[2]) {
    size_t begin = 1, end = length;
    while (begin < length && (line[begin] == ' ' || line[begin] == '\t')) begin++;
    for (int k = 1; k >= 0; k--) {
        char word[24];
        size_t stop = end;
        while (stop > begin && (line[stop - 1] == ' ' || line[stop - 1] == '\t')) stop--;
        size_t at = stop;
        while (at > begin && line[at - 1] != ' ' && line[at - 1] != '\t') at--;
        if (stop == at || stop - at >= sizeof word || at == begin) return false;
        memcpy(word, line + at, stop - at);
        word[stop - at] = 0;
        if (!rf_number_parse(word, &size[k]) || size[k] < 1 || size[k] > 1e6) return false;
        end = at;
    }
    while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) end--;
    *name = begin;
    *name_bytes = end - begin;
    return end > begin;
}

static rf_status read_image(const rf_line_reader *reader, rf_intake *intake) {
    size_t name, bytes;
    double size[2];
    if (!split_head(reader->line, reader->length, &name, &bytes, size))
        return rf_fail(RF_ERR_FORMAT, "%s:%d: expected \"# folder/image.jpg width height\"", reader->path,
                       reader->number);
    RF_TRY(rf_intake_add_image(intake, reader->line + name, bytes, NULL, 0, reader->number));
    rf_intake_image *image = &intake->images[intake->n_images - 1];
    image->declared_width = (int)size[0];
    image->declared_height = (int)size[1];
    return RF_OK;
}

static rf_status read_face(const rf_line_reader *reader, rf_intake *intake) {
    double v[RF_ROW_MAX], points[3 * RF_POINTS_MAX];
    int n, wanted = rf_scheme_count(&intake->scheme), least = N_BOX + 3 * wanted;
    rf_intake_face face = {.image = intake->n_images - 1, .category = -1};
    RF_TRY(rf_line_numbers(reader, v, &n));
    if (n != N_BOX && n != N_FLAG && n < least)
        return rf_fail(
            RF_ERR_FORMAT,
            "%s:%d: %d numbers; a face has %d (x1 y1 x2 y2), %d (and 1: to ignore) or %d (and %d times x y v)",
            reader->path, reader->number, n, N_BOX, N_FLAG, least, wanted);
    for (int k = 0; n >= least && k < wanted; k++) {
        const double *p = v + N_BOX + 3 * k;
        points[3 * k] = p[0];
        points[3 * k + 1] = p[1];
        points[3 * k + 2] = p[0] < 0 || p[1] < 0 || p[2] < 0 ? 0 : p[2] > 0 ? 1 : 2;
    }
    const double box[4] = {v[0], v[1], v[2] - v[0], v[3] - v[1]};
    RF_TRY(rf_intake_fill(intake, box, n >= least ? points : NULL, wanted, reader->number, &face));
    face.face.ignore = n == N_FLAG && v[4] == 1;
    return rf_intake_add_face(intake, &face);
}

static rf_status labelv2_read(const rf_source *source, rf_intake *intake) {
    rf_line_reader reader = rf_lines_begin(source->path, source->text, source->bytes);
    bool usable = false, any = false;
    intake->form = RF_BOX_CORNERS;
    while (rf_lines_next(&reader)) {
        rf_status status = RF_OK;
        if (reader.line[0] == '#') {
            status = read_image(&reader, intake);
            usable = status == RF_OK;
            any = true;
            status = rf_intake_skip(intake, status, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, reader.number);
        } else if (usable) {
            status = read_face(&reader, intake);
            status =
                rf_intake_skip(intake, status, RF_CONVERT_WRONG_FACE, (long long)intake->n_images - 1, reader.number);
        } else if (!any) {
            return rf_fail(RF_ERR_FORMAT, "%s:%d: a face before the first \"# folder/image.jpg width height\"",
                           source->path, reader.number);
        }
        RF_TRY(status);
    }
    return RF_OK;
}

/* label.txt has no size behind the name. */
static bool labelv2_sniff(const char *text, size_t bytes) {
    rf_line_reader reader = rf_lines_begin("", text, bytes);
    size_t name, n;
    double size[2];
    return rf_lines_next(&reader) && reader.line[0] == '#' && split_head(reader.line, reader.length, &name, &n, size) &&
           rf_image_suffix(reader.line + name, n) > 0;
}

static const rf_convert_layout layouts[] = {{"train", "train/labelv2.txt", "train/images"},
                                            {"val", "val/labelv2.txt", "val/images"},
                                            {"test", "test/labelv2.txt", "test/images"},
                                            {"train", "labelv2.txt", "images"},
                                            {0}};

const rf_converter rf_converter_labelv2 = {"labelv2",
                                           "SCRFD's labelv2.txt: \"# image width height\", then x1 y1 x2 y2 and points",
                                           "# photo.jpg 100 80\n10 20 40 60\n",
                                           "labelv2.txt",
                                           "labelv2.txt",
                                           false,
                                           layouts,
                                           labelv2_read,
                                           NULL,
                                           NULL,
                                           labelv2_sniff,
                                           false,
                                           NULL};
