/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/point_flip.h"

#include <stdlib.h>
#include <string.h>

const rf_point_flip rf_five_flip = {2, {{0, 1}, {3, 4}}};

bool rf_point_flip_known(const rf_config *config) {
    return *config->data.flip_points || config->data.points == RF_POINTS || config->data.points < 2;
}

static rf_status wrong(const char *at, const char *why, const rf_config *config) {
    return rf_fail(
        RF_ERR_USER,
        "data.flip_points: '%.*s' %s; expected pairs of points that change places in a mirror image, counted "
        "from 0 to %ld and separated by commas, for example 0-1,2-3, or none",
        (int)strcspn(at, ","), at, why, config->data.points - 1);
}

/* "3-4" at *at, which then stands behind it. */
static rf_status read_pair(const rf_config *config, const char **at, bool *taken, uint8_t pair[2]) {
    const char *begin = *at, *p = begin;
    for (int side = 0; side < 2; side++) {
        p += strspn(p, " ");
        size_t digits = strspn(p, "0123456789");
        if (!digits || digits > 3) return wrong(begin, "is no pair", config);
        long k = strtol(p, NULL, 10);
        if (k >= config->data.points) return wrong(begin, "names a point that there is not", config);
        if (taken[k]) return wrong(begin, "names a point again", config);
        taken[k] = true;
        pair[side] = (uint8_t)k;
        p += digits;
        p += strspn(p, " ");
        if (side == 0 && *p++ != '-') return wrong(begin, "is no pair", config);
    }
    if (*p && *p != ',') return wrong(begin, "is no pair", config);
    *at = p + (*p == ',');
    return *p && !**at ? wrong(*at, "follows a comma", config) : RF_OK;
}

rf_status rf_point_flip_from_config(const rf_config *config, rf_point_flip *out) {
    const char *at = config->data.flip_points;
    bool taken[RF_POINTS_MAX] = {false};
    *out = (rf_point_flip){0};
    if (!*at && config->data.points == RF_POINTS) *out = rf_five_flip;
    if (strcmp(at, "none") == 0) return RF_OK;
    while (*at) {
        RF_TRY(read_pair(config, &at, taken, out->pairs[out->n_pairs]));
        out->n_pairs++;
    }
    return RF_OK;
}

void rf_points_swap(const rf_point_flip *flip, rf_face *face) {
    for (int i = 0; i < flip->n_pairs; i++) {
        int a = flip->pairs[i][0], b = flip->pairs[i][1];
        if (a >= face->n_points || b >= face->n_points) continue;
        for (int k = 0; k < 2; k++) {
            float saved = face->points[2 * a + k];
            face->points[2 * a + k] = face->points[2 * b + k];
            face->points[2 * b + k] = saved;
        }
        if (!face->visible) continue;
        float saved = face->visible[a];
        face->visible[a] = face->visible[b];
        face->visible[b] = saved;
    }
}
