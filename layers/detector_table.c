/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "layers/detector.h"

/* The block a node or parameter belongs to: "body.layer1.0.conv1.conv2d" -> "body.layer1.0", "ssh1.conv3X3.0.weight" ->
 * "ssh1", other names -> two components; the last component (the op, the array) never counts. "stage2." before a name
 * of a cascade's later stage and "head." of whole heads stay. */
static void block_name(const char *name, char out[RF_NAME_BYTES]) {
    bool prefixed = (strncmp(name, "stage", 5) == 0 || strncmp(name, "head.", 5) == 0) && strchr(name, '.');
    const char *part = prefixed ? strchr(name, '.') + 1 : name;
    int keep = strncmp(part, "body.", 5) == 0 ? 3 : strncmp(part, "ssh", 3) == 0 ? 1 : 2;
    size_t end = 0;
    keep += part != name;
    for (size_t i = 0; name[i] && keep > 0; i++)
        if (name[i] == '.') {
            end = i;
            keep--;
        }
    snprintf(out, RF_NAME_BYTES, "%.*s", (int)(end ? end : strlen(name)), name);
}

/* The row called `name`, made at the end when there is none. `rows` has room for one a node and parameter. */
static rf_layer_row *row_of(rf_layer_row *rows, size_t *count, const char *name) {
    for (size_t i = *count; i > 0; i--)
        if (strcmp(rows[i - 1].name, name) == 0) return &rows[i - 1];
    snprintf(rows[*count].name, RF_NAME_BYTES, "%s", name);
    return &rows[(*count)++];
}

static rf_status fill_rows(const rf_graph *graph, const rf_params *params, rf_layer_row **rows, size_t *count) {
    int nodes = rf_graph_node_count(graph);
    char name[RF_NAME_BYTES];
    *count = 0;
    *rows = rf_alloc((size_t)nodes + params->count, sizeof **rows);
    if (!*rows) return RF_ERR_NOMEM;
    for (int i = 0; i < nodes; i++) {
        rf_node_info node = rf_graph_node(graph, i);
        block_name(node.name, name);
        rf_layer_row *row = row_of(*rows, count, name);
        row->mflops += node.flops / 1e6;
        row->shape = rf_graph_shape(graph, node.outputs[0]);
    }
    for (size_t i = 0; i < params->count; i++) {
        const rf_param *p = &params->entries[i];
        if (rf_param_is_state(p)) continue;
        block_name(p->name, name);
        row_of(*rows, count, name)->params += p->count;
    }
    return RF_OK;
}

rf_status rf_detector_table(const rf_config *config, int h, int w, rf_layer_row **rows, size_t *count) {
    rf_status status = RF_ERR_NOMEM;
    rf_params *params = NULL;
    rf_detector detector;
    *rows = NULL;
    rf_graph *graph = rf_graph_new();
    if (!graph) goto fail;
    RF_TRY_GOTO(rf_detector_params(config, &params));
    RF_TRY_GOTO(rf_detector_build(graph, params, config, 1, h, w, RF_TRAIN, &detector));
    RF_TRY_GOTO(fill_rows(graph, params, rows, count));
fail:
    rf_params_free(params);
    rf_graph_free(graph);
    return status;
}
