/* SPDX-License-Identifier: Apache-2.0 */
/* RetinaFace's label.txt, read by data/dataset_label.c and written by data/dataset.c. */
#include "data/convert.h"

static rf_status label_read(const rf_source *source, rf_intake *intake) {
    return rf_intake_dataset(intake, rf_dataset_formats[RF_DATASET_label], source);
}

static rf_status label_write(const rf_converted *set, const char *path) {
    return rf_dataset_write_label(set->dataset, path);
}

static bool label_sniff(const char *text, size_t bytes) {
    return rf_dataset_formats[RF_DATASET_label]->sniff(text, bytes);
}

static const rf_convert_layout layouts[] = {{"train", "train/label.txt", "train/images"},
                                            {"val", "val/label.txt", "val/images"},
                                            {"test", "test/label.txt", "test/images"},
                                            {"train", "label.txt", "images"},
                                            {0}};

const rf_converter rf_converter_label = {"label",
                                         "RetinaFace's label.txt: x y w h and five landmarks a face",
                                         "# photo.jpg\n10 20 30 40\n",
                                         "label.txt",
                                         "label.txt",
                                         false,
                                         layouts,
                                         label_read,
                                         label_write,
                                         "label.txt",
                                         label_sniff,
                                         true,
                                         NULL};
