/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the family slim. */
#ifndef SLIM_H
#define SLIM_H

#include "settings/settings.h"

#include "core/keys_members.h"
#include "tests/extending/family/slim.def"
#include "core/keys_end.h"

extern const rf_section slim_section;

/* Borrowed from the configuration. */
static inline const rf_settings_slim *slim_settings(const rf_config *config) {
    return rf_config_section(config, &slim_section);
}

/* Whether a configuration is of this family. */
bool slim_is_meant(const rf_config *config);

#endif
