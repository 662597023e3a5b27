/* SPDX-License-Identifier: Apache-2.0 */
/* What rf-train, rf-eval and rf-detect share: a model file with its configuration, ready to find faces. */
#ifndef RF_CLI_MODEL_H
#define RF_CLI_MODEL_H

#include "cli/args.h"
#include "cli/pictures.h"
#include "core/safetensors.h"
#include "data/dataset.h"
#include "eval/finder.h"
#include "eval/wider_ap.h"
#include "train/trainer.h"

typedef struct rf_model {
    rf_config config;
    rf_params *params;
    rf_finder *finder;
} rf_model;

/* Opens weights (safetensors, checkpoint, .pth, .params). The configuration: config_path (a file, or a name that
 * cli/find.h finds) when given, else the one that the file carries, else that of the public model that its names tell
 * (layers/names.def); then the overrides. Every array of the network must be in the file; what it holds beyond is told
 * on stderr. rf_model_close in every case. */
rf_status rf_model_open(const char *path, const char *config_path, const char *const *overrides, size_t n_overrides,
                        rf_model *model);
void rf_model_close(rf_model *model);
/* The configuration alone, of a file that was read. */
rf_status rf_model_config(const char *path, const rf_st_file *file, const char *config_path,
                          const char *const *overrides, size_t n, rf_config *config);

/* The training or validation set of [data]; for a missing folder the message says what was looked for. A data.root that
 * is one set (label.txt beside images/) is the training set, and there is none for validation. */
rf_status rf_open_training_set(const rf_config *config, rf_dataset **out);
/* *out NULL when data.val is empty. */
rf_status rf_open_validation_set(const rf_config *config, rf_dataset **out);

/* What a data.exif (auto, yes or no) means for an opened set. Of a configuration that names the set, or when a user
 * gave it on the command line, it is `chosen` and holds, with a note where LABEL.set.ini says otherwise; that of a
 * model that was trained on another set holds only where no such file is. */
rf_status rf_apply_exif(rf_dataset *dataset, rf_exif_rule rule, bool chosen);

/* Gives an opened set the labels of data.classes, with a note where the kinds that it has become one. */
rf_status rf_apply_classes(rf_dataset *dataset, const rf_config *config);

/* Whether a file with vertices lies beside the annotations. */
bool rf_has_meshes(const rf_dataset *dataset);

/* The official ground truth in a folder, restricted to the images of a list (NULL or "": all). */
rf_status rf_open_ground_truth(const char *dir, const char *list_path, rf_wider_gt **out);

/* Says on stderr how many images only one of both has: those that the data set lacks count as images without
 * detections, those that the ground truth lacks are left out. RF_ERR_USER when they have none in common. */
rf_status rf_check_ground_truth(const rf_wider_gt *gt, const rf_dataset *dataset);

/* Official average precision of the faces found in a data set; images are matched by name, those the data set does not
 * have count as images without detections. */
rf_status rf_score_wider(const rf_wider_gt *gt, const rf_dataset *dataset, const rf_face_list *lists,
                         rf_wider_result *out);

#endif
