/* SPDX-License-Identifier: Apache-2.0 */
/* label.txt and wider_face_*_bbx_gt.txt. Byte 0 chooses the format; what follows a byte 1 is the list of images to
 * keep. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/dataset.h"
#include "tests/fuzz/harness.h"

static void check(const rf_dataset *d) {
    size_t faces = 0;
    assert(d->n_samples > 0);
    for (size_t i = 0; i < d->n_samples; i++) {
        assert(d->samples[i].first_face == faces && d->samples[i].line > 0);
        harness_touch(d->samples[i].name, strlen(d->samples[i].name));
        faces += d->samples[i].n_faces;
    }
    assert(faces == d->n_faces);
    for (size_t i = 0; i < d->n_faces; i++) {
        const rf_face *f = &d->faces[i];
        assert(d->face_lines[i] > 0 && f->box[2] >= f->box[0] && f->box[3] >= f->box[1]);
        for (int k = 0; k < 4; k++) assert(isfinite(f->box[k]));
        for (int k = 0; k < 2 * f->n_points; k++) assert(isfinite(f->points[k]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"auto", "label", "wider", "auto"};
    if (size < 1) return 0;
    const char *format = formats[*data & 3];
    data++;
    size--;
    const uint8_t *cut = memchr(data, 1, size);
    const char *annotation = harness_file(0, data, cut ? (size_t)(cut - data) : size);
    const char *list = cut ? harness_file(1, cut + 1, size - (size_t)(cut + 1 - data)) : NULL;
    rf_dataset *dataset;
    harness_begin();
    rf_status status = rf_dataset_open(format, annotation, "images", list, &dataset);
    harness_end(status);
    assert((status == RF_OK) == (dataset != NULL));
    if (dataset) check(dataset);
    rf_dataset_free(dataset);
    return 0;
}
