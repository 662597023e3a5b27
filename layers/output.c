/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/output.h"

#include <string.h>

rf_status rf_outputs_add(rf_output_list *list, const rf_output *output) {
    const char *name = output->name ? output->name : "";
    if (list->n == RF_OUTPUTS_MAX)
        return rf_fail(RF_ERR_USER, "the network has more than %d outputs (a name at a stage and level is one)",
                       RF_OUTPUTS_MAX);
    if (!*name || output->width < 1)
        return rf_fail(RF_ERR_USER, "the network's output '%s' has %d numbers a row, expected a name and at least 1",
                       name, output->width);
    if (output->head_stage < 0 || output->head_stage >= RF_NET_STAGES || output->level < 0 ||
        output->level >= RF_NET_LEVELS)
        return rf_fail(RF_ERR_USER,
                       "the network's output '%s' is of stage %d and level %d, expected less than %d and %d", name,
                       output->head_stage, output->level, RF_NET_STAGES, RF_NET_LEVELS);
    if (rf_outputs_find(list, name, output->head_stage, output->level))
        return rf_fail(RF_ERR_USER, "the network has two outputs '%s' at stage %d and level %d", name,
                       output->head_stage + 1, output->level);
    list->v[list->n++] = *output;
    return RF_OK;
}

const rf_output *rf_outputs_find(const rf_output_list *list, const char *name, int head_stage, int level) {
    for (const rf_output *o = list->v; o < list->v + list->n; o++)
        if (o->head_stage == head_stage && o->level == level && strcmp(o->name, name) == 0) return o;
    return NULL;
}

rf_output_rows rf_outputs_rows(const rf_output_list *list, const char *name, int head_stage) {
    rf_output_rows out = {.value = RF_NONE};
    for (int l = 0; l < RF_NET_LEVELS; l++) {
        const rf_output *o = rf_outputs_find(list, name, head_stage, l);
        out.first[l] = o ? (long)o->first : -1;
        if (!o) continue;
        out.value = o->rows;
        out.width = o->width;
        out.count += o->count;
    }
    return out;
}

rf_value rf_outputs_value(const rf_output_list *list, const char *name, int head_stage) {
    return rf_outputs_rows(list, name, head_stage < 0 ? rf_outputs_stages(list) - 1 : head_stage).value;
}

int rf_outputs_stages(const rf_output_list *list) {
    int n = 0;
    for (int i = 0; i < list->n; i++)
        if (list->v[i].head_stage >= n) n = list->v[i].head_stage + 1;
    return n;
}
