/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of outputs for tests, made by hand and read. */
#ifndef RF_TESTS_OUTPUTS_KIT_H
#define RF_TESTS_OUTPUTS_KIT_H

#include "autograd/exec.h"
#include "detect/anchors.h"
#include "layers/output.h"

/* Lists rows [N,anchors,width] that a network would predict under a name, at every level. RF_NONE: nothing. */
void kit_output(rf_output_list *list, const char *name, rf_value rows, const rf_anchor_set *anchors);
/* Puts other rows of the same shape in the place of those of a name and stage. */
void kit_replace(rf_output_list *list, const char *name, int head_stage, rf_value rows);
/* The first row of an output at a level, after a run; NULL: it is not predicted there. */
const rf_real *kit_level(rf_exec *exec, const rf_output_list *list, const char *name, int head_stage, int level);

#endif
