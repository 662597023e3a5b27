/* SPDX-License-Identifier: Apache-2.0 */
/* The names of classes in Ultralytics' data.yaml. */
#ifndef RF_DATA_YAML_NAMES_H
#define RF_DATA_YAML_NAMES_H

#include "data/intake.h"

/* Reads the "names:" of a YAML text into the intake's class names: [face, mask], {0: face, 1: mask}, or lines "- face"
 * or "0: face" below. Of YAML no more than that is known; RF_ERR_FORMAT tells file:line. */
rf_status rf_yaml_names(const rf_source *source, rf_intake *intake);

#endif
