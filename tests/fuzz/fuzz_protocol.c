/* SPDX-License-Identifier: Apache-2.0 */
/* What the protocols of other data sets read. Byte 0 chooses FDDB's ellipses, MAFA's annotation, or for three images
 * detections in FDDB's layout, COCO's results, or the annotation that has the ids of such, or the pictures' sizes. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "eval/coco_results.h"
#include "eval/fddb_file.h"
#include "tests/fuzz/harness.h"

enum { IMAGES = 3 };
enum { ELLIPSES, MAFA, FDDB, RESULTS, IDS, SIZES, KINDS };

static void read_truth(const char *format, const char *path) {
    rf_dataset *dataset;
    harness_begin();
    rf_status status = rf_dataset_open(format, path, "images", NULL, &dataset);
    harness_end(status);
    assert((status == RF_OK) == (dataset != NULL));
    for (size_t i = 0; dataset && i < dataset->n_faces; i++) {
        const rf_face *f = &dataset->faces[i];
        for (int k = 0; k < 4; k++) assert(isfinite(f->box[k]));
        assert(f->box[2] >= f->box[0] && f->box[3] >= f->box[1]);
        if (dataset->ellipses) assert(dataset->ellipses[i].major >= 0 && dataset->ellipses[i].minor >= 0);
    }
    rf_dataset_free(dataset);
}

static void read_detections(const char *path, int kind) {
    static char names[IMAGES][16] = {"a/b.jpg", "a/7.jpg", "d.png"}, truth[] = "truth.txt";
    rf_sample samples[IMAGES] = {{.name = names[0]}, {.name = names[1]}, {.name = names[2]}};
    rf_dataset dataset = {.samples = samples, .n_samples = IMAGES, .annotation_path = truth};
    rf_prediction_set set;
    harness_begin();
    static const char results[] = "[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1}]";
    int sizes[IMAGES][2] = {{0}};
    size_t known;
    rf_status status = kind == SIZES  ? rf_fddb_read_sizes(path, &dataset, sizes, &known)
                       : kind == FDDB ? rf_fddb_read(path, &dataset, &set)
                       : kind == RESULTS
                           ? rf_coco_results_read(path, NULL, &dataset, &set)
                           : rf_coco_results_read(harness_file(1, results, sizeof results - 1), path, &dataset, &set);
    harness_end(status);
    if (kind == SIZES) {
        for (int i = 0; i < IMAGES; i++) assert(sizes[i][0] >= 0 && sizes[i][1] >= 0);
        return;
    }
    assert(status != RF_OK || kind != FDDB || set.notes.n[RF_NOTE_unnamed] < IMAGES);
    for (size_t i = 0; i < set.n; i++) {
        const rf_face_list *list = &set.lists[i];
        for (size_t k = 0; k < list->n; k++) harness_touch(&list->items[k], sizeof list->items[k]);
        for (size_t k = 0; k < list->n; k++)
            for (int c = 0; c < 4; c++) assert(isfinite(list->items[k].box[c]) && isfinite(set.scores[i][k]));
        if (set.ellipses[i]) harness_touch(set.ellipses[i], list->n * sizeof *set.ellipses[i]);
    }
    rf_prediction_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const char *path = harness_file(0, data + 1, size - 1);
    int kind = *data % KINDS;
    if (kind >= FDDB)
        read_detections(path, kind);
    else
        read_truth(kind == MAFA ? "mafa" : "fddb", path);
    return 0;
}
