/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/outputs_kit.h"

void kit_output(rf_output_list *list, const char *name, rf_value rows, const rf_anchor_set *anchors) {
    int widths[][2] = {{'c', 2}, {'l', 4}, {'p', 10}, {'b', 1}, {'v', 5}}, width = 0;
    const char *kind = strncmp(name, "head_", 5) == 0 ? name + 5 : name;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i][0] == *kind) width = widths[i][1];
    for (int l = 0; l < anchors->n_levels && rows != RF_NONE; l++) {
        size_t first = anchors->levels[l].first, count = rf_anchor_level_end(anchors, l) - first;
        rf_output one = {
            .name = name, .width = width, .level = l, .map = RF_NONE, .rows = rows, .first = first, .count = count};
        if (rf_outputs_add(list, &one) != RF_OK) abort();
    }
}

void kit_replace(rf_output_list *list, const char *name, int head_stage, rf_value rows) {
    for (rf_output *o = list->v; o < list->v + list->n; o++)
        if (o->head_stage == head_stage && strcmp(o->name, name) == 0) o->rows = rows;
}

const rf_real *kit_level(rf_exec *exec, const rf_output_list *list, const char *name, int head_stage, int level) {
    const rf_output *o = rf_outputs_find(list, name, head_stage, level);
    return o ? rf_exec_data(exec, o->rows) + o->first * (size_t)o->width : NULL;
}
