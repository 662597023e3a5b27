/* SPDX-License-Identifier: Apache-2.0 */
/* From the kinds that a data set has to those that a network is to tell apart. */
#include <string.h>

#include "data/dataset.h"

static rf_status unknown_class(const rf_dataset *d, const rf_classes *wanted, int label) {
    char names[RF_CLASSES_TEXT];
    size_t n = 0;
    int line = 0;
    for (size_t f = 0; f < d->n_faces; f++) {
        if (d->faces[f].label != label) continue;
        if (n++ == 0) line = d->face_lines[f];
    }
    return rf_fail(
        RF_ERR_USER,
        "%s:%d: a \"%s\" (%zu in all), but data.classes is %s; add the kind there, or leave it out or rename "
        "it with rf data convert --classes",
        d->annotation_path, line, d->classes.name[label], n, rf_classes_text(wanted, names));
}

static rf_status no_classes(const rf_dataset *d, const rf_classes *wanted) {
    char names[RF_CLASSES_TEXT];
    return rf_fail(
        RF_ERR_USER,
        "%s: no kinds of objects are told (the file %s beside it names them), but data.classes is %s; rf data "
        "convert --classes keeps those of other formats",
        d->annotation_path, "LABEL.set.ini", rf_classes_text(wanted, names));
}

/* Whether a kind has faces. */
static bool has_faces(const rf_dataset *d, int label) {
    for (size_t f = 0; f < d->n_faces; f++)
        if (d->faces[f].label == label) return true;
    return false;
}

rf_status rf_dataset_use_classes(rf_dataset *d, const rf_classes *wanted, bool *merged) {
    int to[RF_CLASSES_MAX] = {0};
    bool one = wanted->n == 1 && rf_classes_find(&d->classes, wanted->name[0]) < 0; /* what is there is that */
    if (merged) *merged = one && d->classes.n > 1;
    if (wanted->n > 1 && d->classes.n == 0 && d->n_faces) return no_classes(d, wanted);
    for (int k = 0; k < d->classes.n; k++) {
        to[k] = one ? 0 : rf_classes_find(wanted, d->classes.name[k]);
        if (to[k] < 0 && has_faces(d, k)) return unknown_class(d, wanted, k);
    }
    for (size_t f = 0; f < d->n_faces; f++) d->faces[f].label = (uint8_t)to[d->faces[f].label];
    d->classes = *wanted;
    return RF_OK;
}
