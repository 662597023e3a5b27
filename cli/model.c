/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model.h"

#include "cli/find.h"
#include "cli/say.h"
#include "cli/terms.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/mesh_table.h"
#include "data/sniff.h"
#include "layers/dense.h"
#include "layers/names.h"
#include "layers/weights.h"
#include "train/checkpoint.h"

rf_status rf_model_config(const char *path, const rf_st_file *file, const char *config_path,
                          const char *const *overrides, size_t n, rf_config *config) {
    if (config_path && !(config_path = rf_find_config(config_path))) return RF_ERR_USER;
    if (config_path) return rf_config_load(config_path, overrides, n, config);
    const char *text = rf_st_meta(file, "rf.config");
    if (text) return rf_config_parse(path, text, overrides, n, config);
    text = rf_names_config(file);
    if (!text)
        return rf_fail(RF_ERR_USER, "%s carries no configuration and is no public model: name one with --config", path);
    return rf_config_parse("the public model's settings", text, overrides, n, config);
}

/* Arrays of a checkpoint's optimiser and of its training weights, "momentum.NAME" and "raw.NAME" after an entry. */
static bool is_of_training(const rf_params *params, const char *name) {
    const char *dot = strchr(name, '.');
    return dot && rf_params_find(params, dot + 1);
}

static void forget_training(const rf_params *params, rf_weights_report *report) {
    size_t kept = 0;
    for (size_t i = 0; i < report->n_unused; i++) {
        if (is_of_training(params, report->unused[i]))
            rf_free(report->unused[i]);
        else
            report->unused[kept++] = report->unused[i];
    }
    report->n_unused = kept;
}

/* A file must fill the whole network; what does not belong to it is told. */
static rf_status judge(const char *path, const rf_model *model, rf_weights_report *report) {
    rf_text text = {0};
    char *sentence = NULL;
    forget_training(model->params, report);
    if (!report->n_missing && !report->n_unused) return RF_OK;
    rf_weights_report_text(report, &text);
    RF_TRY(rf_text_finish(&text, &sentence, NULL));
    rf_status status = RF_OK;
    if (report->n_missing)
        status = rf_fail(RF_ERR_USER, "%s is not a model of this configuration: %s", path, sentence);
    else
        rf_note("note: %s: %s\n", path, sentence);
    rf_free(sentence);
    return status;
}

rf_status rf_model_open(const char *path, const char *config_path, const char *const *overrides, size_t n_overrides,
                        rf_model *model) {
    memset(model, 0, sizeof *model);
    rf_st_file *file = NULL;
    rf_weights_report report = {0};
    rf_status status;
    RF_TRY_GOTO(rf_weights_read(path, &file));
    RF_TRY_GOTO(rf_model_config(path, file, config_path, overrides, n_overrides, &model->config));
    RF_TRY_GOTO(rf_detector_params(&model->config, &model->params));
    RF_TRY_GOTO(rf_weights_apply(path, file, model->params, &report));
    RF_TRY_GOTO(judge(path, model, &report));
    RF_TRY_GOTO(rf_params_fold(model->params, NULL));
    RF_TRY_GOTO(rf_finder_open(&model->config, model->params, &model->finder));
    rf_terms_say(path, &model->config);
fail:
    rf_weights_report_free(&report);
    rf_st_free(file);
    return status;
}

void rf_model_close(rf_model *model) {
    rf_finder_close(model->finder);
    rf_params_free(model->params);
    memset(model, 0, sizeof *model);
}

/* A training set has the vertices of its faces, and their mirror images when it is flipped; a validation set may. */
static rf_status read_meshes(const rf_config *config, bool training, rf_dataset *dataset) {
    if (config->model.mesh_vertices == 0 || (!training && !config->eval.mesh)) return RF_OK;
    bool needed = training && config->model.mesh_kind != RF_MESH_KIND_PIXELS;
    if (!needed && !rf_has_meshes(dataset)) return RF_OK;
    RF_TRY(rf_dataset_read_mesh(dataset, (size_t)config->model.mesh_vertices));
    if (!training || !(config->augment.flip > 0)) return RF_OK;
    rf_mesh mesh = {0};
    char *path = NULL;
    RF_TRY(rf_open_mesh(config, &mesh, &path));
    rf_status status = rf_mesh_table_mirror(dataset->mesh, &mesh, path);
    rf_mesh_free(&mesh);
    rf_free(path);
    return status;
}

bool rf_has_meshes(const rf_dataset *dataset) {
    char *path = rf_mesh_table_path(dataset->annotation_path);
    bool has = path && rf_file_exists(path);
    rf_free(path);
    return has;
}

/* Says so when a data set of another program stands where ours is expected. */
static rf_status refuse_others(const char *annotation, const char *root) {
    rf_sniffed sniffed;
    bool there = rf_file_exists(annotation) || rf_dir_exists(annotation);
    if (!there && !rf_dir_exists(root)) return RF_OK;
    if (rf_sniff_path(there ? annotation : root, &sniffed) != RF_OK) return RF_OK;
    return rf_sniff_refuse(there ? annotation : root, &sniffed);
}

rf_status rf_apply_exif(rf_dataset *dataset, rf_exif_rule rule, bool chosen) {
    if (rule == RF_EXIF_UNTOLD || rule == dataset->exif) return RF_OK;
    if (dataset->exif != RF_EXIF_UNTOLD) {
        if (!chosen) return RF_OK;
        char *path = rf_exif_rule_path(dataset->annotation_path);
        if (!path) return RF_ERR_NOMEM;
        rf_note("note: data.exif = %s is used, though %s says exif = %s\n", RF_WORD_OF(RF_EXIF_WORDS, rule), path,
                RF_WORD_OF(RF_EXIF_WORDS, dataset->exif));
        rf_free(path);
    }
    dataset->turned = rule == RF_EXIF_TURNED;
    return RF_OK;
}

rf_status rf_apply_classes(rf_dataset *dataset, const rf_config *config) {
    char names[RF_CLASSES_TEXT];
    rf_classes wanted;
    bool merged;
    RF_TRY(rf_classes_of(config, &wanted));
    rf_classes_text(&dataset->classes, names);
    RF_TRY(rf_dataset_use_classes(dataset, &wanted, &merged));
    if (merged)
        rf_note("note: %s: %s are all taken as %s (data.classes = %s would tell them apart)\n",
                dataset->annotation_path, names, wanted.name[0], names);
    return RF_OK;
}

static rf_status open_set(const rf_config *config, const char *annotation, const char *images, const char *list,
                          const char *what, rf_dataset **out) {
    char *annotation_path = rf_path_join(config->data.root, annotation);
    char *image_dir = rf_path_join(config->data.root, images);
    char *list_path = *list ? rf_path_join(config->data.root, list) : NULL;
    rf_status status = RF_ERR_NOMEM;
    if (!annotation_path || !image_dir || (*list && !list_path)) goto fail;
    if (!rf_file_exists(annotation_path) || !rf_dir_exists(image_dir)) {
        RF_TRY_GOTO(rf_path_hidden(annotation_path));
        RF_TRY_GOTO(rf_path_hidden(image_dir));
        RF_TRY_GOTO(refuse_others(annotation_path, config->data.root));
        status = rf_fail(
            RF_ERR_USER,
            "no %s data: expected annotations in %s and images below %s; name them by --data DIR (data.root) or "
            "data.%s and data.%s_images. `make demo` needs no data set",
            strcmp(what, "train") == 0 ? "training" : "validation", annotation_path, image_dir, what, what);
        goto fail;
    }
    RF_TRY_GOTO(rf_dataset_open(RF_WORD_OF(RF_DATA_FORMAT_WORDS, config->data.format), annotation_path, image_dir,
                                list_path, out));
    status = rf_apply_exif(*out, (rf_exif_rule)config->data.exif, true);
    if (status == RF_OK) status = rf_apply_classes(*out, config);
    if (status == RF_OK) status = read_meshes(config, strcmp(what, "train") == 0, *out);
    if (status != RF_OK) {
        rf_dataset_free(*out);
        *out = NULL;
    }
fail:
    rf_free(annotation_path);
    rf_free(image_dir);
    rf_free(list_path);
    return status;
}

/* Whether data.root is one set as `rf-detect --label` and converters without parts write it, label.txt beside images/,
 * and not a folder of parts: asked for where the settings are the defaults. */
static bool is_one_set(const rf_config *config, const char *annotation, const char *usual) {
    if (strcmp(annotation, usual) != 0) return false;
    char *part = rf_path_join(config->data.root, usual), *flat = rf_path_join(config->data.root, "label.txt");
    bool one = part && flat && !rf_file_exists(part) && rf_file_exists(flat);
    rf_free(part);
    rf_free(flat);
    return one;
}

rf_status rf_open_training_set(const rf_config *config, rf_dataset **out) {
    if (is_one_set(config, config->data.train, "train/label.txt"))
        return open_set(config, "label.txt", "images", "", "train", out);
    return open_set(config, config->data.train, config->data.train_images, "", "train", out);
}

rf_status rf_open_validation_set(const rf_config *config, rf_dataset **out) {
    *out = NULL;
    if (!*config->data.val) return RF_OK;
    if (is_one_set(config, config->data.val, "val/label.txt")) {
        rf_note("note: %s has no validation set (val/label.txt): nothing is evaluated while training\n",
                config->data.root);
        return RF_OK;
    }
    return open_set(config, config->data.val, config->data.val_images, config->data.val_list, "val", out);
}

rf_status rf_open_ground_truth(const char *dir, const char *list_path, rf_wider_gt **out) {
    RF_TRY(rf_wider_gt_read(dir, out));
    rf_status status = list_path && *list_path ? rf_wider_gt_restrict(*out, list_path) : RF_OK;
    if (status == RF_OK) return RF_OK;
    rf_wider_gt_free(*out);
    *out = NULL;
    return status;
}

rf_status rf_check_ground_truth(const rf_wider_gt *gt, const rf_dataset *dataset) {
    size_t found = 0;
    for (size_t i = 0; i < dataset->n_samples; i++)
        found += rf_wider_gt_find(gt, dataset->samples[i].name) < gt->n_images;
    if (found == 0 && dataset->n_samples)
        return rf_fail(RF_ERR_USER,
                       "none of the %zu images of %s (the first is %s) is among the %zu of the ground truth: name the "
                       "annotations of its own images",
                       dataset->n_samples, dataset->annotation_path, dataset->samples[0].name, gt->n_images);
    if (found < gt->n_images)
        rf_note("%zu of the %zu images of the ground truth are not in %s: their faces count as missed\n",
                gt->n_images - found, gt->n_images, dataset->annotation_path);
    if (found < dataset->n_samples)
        rf_note("%zu of the %zu images of %s are not in the ground truth: they are left out\n",
                dataset->n_samples - found, dataset->n_samples, dataset->annotation_path);
    return RF_OK;
}

rf_status rf_score_wider(const rf_wider_gt *gt, const rf_dataset *dataset, const rf_face_list *lists,
                         rf_wider_result *out) {
    rf_face_list *ordered = rf_alloc(gt->n_images, sizeof *ordered);
    if (!ordered) return RF_ERR_NOMEM;
    for (size_t i = 0; i < dataset->n_samples; i++) {
        size_t at = rf_wider_gt_find(gt, dataset->samples[i].name);
        if (at < gt->n_images) ordered[at] = lists[i];
    }
    rf_status status = rf_wider_ap(gt, &(rf_wider_input){.detections = ordered}, out);
    rf_free(ordered); /* the faces belong to `lists` */
    return status;
}
