/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule with settings of its own: polynomial decay (DeepLab, arXiv 1606.00915, section 4.1), with a floor and
 * restarts (ours). */
#include <math.h>

#include "core/plugin.h"
#include "settings/settings.h"
#include "train/schedule.h"

#include "core/keys_words.h"
#include "tests/extending/section/poly.def"
#include "core/keys_end.h"

#include "core/keys_members.h"
#include "tests/extending/section/poly.def"
#include "core/keys_end.h"

#include "core/keys_rows.h"
#include "tests/extending/section/poly.def"
#include "core/keys_end.h"

static const rf_settings_poly *poly_of(const rf_config *config);

static rf_status check(const char *place, const rf_config *config) {
    const rf_real_list *restarts = &poly_of(config)->restarts;
    RF_TRY(rf_config_check_ascending(place, "poly.restarts", restarts));
    if (!restarts->n || restarts->v[restarts->n - 1] < config->schedule.epochs) return RF_OK;
    return rf_fail(RF_ERR_USER, "%s: poly.restarts ends at epoch %.15g, expected numbers below schedule.epochs, %.15g",
                   place, restarts->v[restarts->n - 1], config->schedule.epochs);
}

static const rf_section section = RF_SECTION_OF(poly, .check = check);

static const rf_settings_poly *poly_of(const rf_config *config) {
    return rf_config_section(config, &section);
}

static double factor(const rf_config *config, double epoch) {
    const rf_settings_poly *poly = poly_of(config);
    double begin = poly->from == POLY_FROM_WARMUP ? config->schedule.warmup_epochs : 0, end = config->schedule.epochs;
    for (int i = 0; i < poly->restarts.n; i++) {
        double at = poly->restarts.v[i];
        if (epoch + 1e-6 < at) {
            end = at;
            break;
        }
        begin = at;
    }
    double left = end > begin ? (end - epoch) / (end - begin) : 0;
    return fmax(poly->floor, pow(fmin(fmax(left, 0), 1), poly->power));
}

static const rf_schedule schedule = {"poly", "lr x (1 - share of the way)^poly.power", factor};

rf_status rf_plugin_init(void) {
    RF_TRY(rf_register_section(&section));
    return rf_register_schedule(&schedule);
}
