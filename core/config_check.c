/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config_impl.h"

rf_status rf_config_check_length(const char *place, const char *key, const rf_real_list *list, int expected) {
    if (list->n == expected) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %s has %d numbers, expected %d", place, key, list->n, expected);
}

rf_status rf_config_check_filled(const char *place, const char *key, const rf_real_list *list) {
    if (list->n > 0) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: %s is empty, expected at least one number", place, key);
}

rf_status rf_config_check_ascending(const char *place, const char *key, const rf_real_list *list) {
    for (int i = 1; i < list->n; i++)
        if (!(list->v[i] > list->v[i - 1]))
            return rf_fail(RF_ERR_USER, "%s: %s must ascend, but %.15g follows %.15g", place, key, list->v[i],
                           list->v[i - 1]);
    return RF_OK;
}
