/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/classes.h"
#include "core/config_impl.h"

static rf_status check_length(const char *name, const char *key, const rf_real_list *list, int expected) {
    if (list->n == expected) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %s has %d numbers, expected %d", name, key, list->n, expected);
}

static rf_status check_filled(const char *name, const char *key, const rf_real_list *list) {
    if (list->n > 0) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %s is empty, expected at least one number", name, key);
}

static rf_status check_ascending(const char *name, const char *key, const rf_real_list *list) {
    for (int i = 1; i < list->n; i++)
        if (!(list->v[i] > list->v[i - 1]))
            return rf_fail(RF_ERR_USER, "%s: %s must ascend, but %.15g follows %.15g", name, key, list->v[i],
                           list->v[i - 1]);
    return RF_OK;
}

int rf_config_cell_anchors(const rf_config *config) {
    return config->anchors.sizes.n / config->model.strides.n * config->anchors.aspect.n *
           (config->anchors.dense ? 2 : 1);
}

static rf_status check_tile(const char *name, const rf_config *config) {
    enum { LEAST = 256 };
    if (config->eval.tile == 0) return RF_OK;
    if (config->eval.tile < LEAST)
        return rf_fail(RF_ERR_USER, "%s: eval.tile is %ld, expected 0 (off) or a side of at least %d pixels", name,
                       config->eval.tile, LEAST);
    if (config->eval.max_pixels * 1e6 < LEAST * LEAST)
        return rf_fail(RF_ERR_USER, "%s: eval.max_pixels is %.15g, expected at least %.3g for tiles (eval.tile)", name,
                       config->eval.max_pixels, LEAST * LEAST * 1e-6 + 5e-5);
    if (config->eval.schedule == RF_EVAL_SCHEDULE_SRN)
        return rf_fail(RF_ERR_USER, "%s: eval.tile goes with eval.scales and not with eval.schedule = srn", name);
    return RF_OK;
}

static rf_status check_classes(const char *name, const rf_config *config) {
    rf_classes classes;
    const char *merge = config->eval.merge_classes;
    rf_status status = rf_classes_parse("data.classes", config->data.classes, &classes);
    if (status != RF_OK) return rf_fail_context(status, "%s", name);
    if (strcmp(merge, "each") == 0 || strcmp(merge, "across") == 0) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: eval.merge_classes is \"%s\", expected each or across", name, merge);
}

rf_status rf_config_check(const char *name, const rf_config *config) {
    RF_TRY(check_tile(name, config));
    RF_TRY(check_classes(name, config));
    RF_TRY(check_filled(name, "model.strides", &config->model.strides));
    RF_TRY(check_ascending(name, "model.strides", &config->model.strides));
    RF_TRY(check_filled(name, "anchors.sizes", &config->anchors.sizes));
    RF_TRY(check_filled(name, "anchors.aspect", &config->anchors.aspect));
    RF_TRY(check_length(name, "input.mean", &config->input.mean, 3));
    RF_TRY(check_length(name, "input.std", &config->input.std, 3));
    RF_TRY(check_ascending(name, "schedule.steps", &config->schedule.steps));
    RF_TRY(check_filled(name, "augment.crop_set", &config->augment.crop_set));
    RF_TRY(check_filled(name, "eval.scales", &config->eval.scales));
    if (config->anchors.sizes.n % config->model.strides.n)
        return rf_fail(RF_ERR_USER,
                       "%s: anchors.sizes has %d numbers for the %d levels of model.strides, expected the "
                       "same number for every level",
                       name, config->anchors.sizes.n, config->model.strides.n);
    if (config->model.channels % 4)
        return rf_fail(RF_ERR_USER, "%s: model.channels is %ld, expected a multiple of 4", name,
                       config->model.channels);
    if (config->match.negative_iou > config->match.positive_iou)
        return rf_fail(RF_ERR_USER, "%s: match.negative_iou is %.15g, expected at most positive_iou, which is %.15g",
                       name, config->match.negative_iou, config->match.positive_iou);
    return RF_OK;
}
