/* SPDX-License-Identifier: Apache-2.0 */
/* WIDER FACE's own wider_face_*_bbx_gt.txt, read by data/dataset_wider.c. */
#include "data/convert.h"

static rf_status wider_read(const rf_source *source, rf_intake *intake) {
    return rf_intake_dataset(intake, rf_dataset_formats[RF_DATASET_wider], source);
}

static bool wider_sniff(const char *text, size_t bytes) {
    return rf_dataset_formats[RF_DATASET_wider]->sniff(text, bytes);
}

static const rf_convert_layout layouts[] = {
    {"train", "wider_face_split/wider_face_train_bbx_gt.txt", "WIDER_train/images"},
    {"val", "wider_face_split/wider_face_val_bbx_gt.txt", "WIDER_val/images"},
    {"train", "wider_face_train_bbx_gt.txt", "../WIDER_train/images"},
    {"val", "wider_face_val_bbx_gt.txt", "../WIDER_val/images"},
    {0}};

const rf_converter rf_converter_wider = {"wider",
                                         "WIDER FACE's wider_face_*_bbx_gt.txt",
                                         "photo.jpg\n1\n10 20 30 40 0 0 0 0 0 0\n",
                                         "wider_face_train_bbx_gt.txt",
                                         "_bbx_gt.txt",
                                         false,
                                         layouts,
                                         wider_read,
                                         NULL,
                                         NULL,
                                         wider_sniff,
                                         true,
                                         NULL};
