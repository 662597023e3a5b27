/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/term.h"

#include <stdio.h>
#include <string.h>

const rf_term *rf_terms_find(const rf_term_list *list, const char *name) {
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->v[i].name, name) == 0) return &list->v[i];
    return NULL;
}

rf_value rf_terms_value(const rf_term_list *list, const char *name) {
    const rf_term *term = rf_terms_find(list, name);
    return term ? term->value : RF_NONE;
}

rf_status rf_terms_add(rf_term_list *list, rf_graph *graph, const char *name, rf_value value, double weight,
                       unsigned flags, int part) {
    if (list->n == RF_TERMS_MAX) return rf_fail(RF_ERR_USER, "the loss has more than %d terms", RF_TERMS_MAX);
    if (!*name || strlen(name) >= RF_TERM_NAME)
        return rf_fail(RF_ERR_USER, "the loss has a term '%s', expected a name of 1 to %d characters", name,
                       RF_TERM_NAME - 1);
    if (rf_terms_find(list, name)) return rf_fail(RF_ERR_USER, "the loss has two terms of the name '%s'", name);
    if (part < 0 || part > RF_TERM_PARTS)
        return rf_fail(RF_ERR_USER, "the loss's term '%s' is of part %d, expected at most %d", name, part,
                       RF_TERM_PARTS);
    rf_term *term = &list->v[list->n++];
    *term = (rf_term){.value = value, .weight = weight, .flags = flags, .part = part};
    snprintf(term->name, sizeof term->name, "%s", name);
    rf_graph_keep(graph, value);
    return RF_OK;
}

rf_value rf_terms_total(const rf_term_list *list, rf_graph *graph) {
    rf_value total = RF_NONE;
    for (int i = 0; i < list->n; i++) {
        const rf_term *term = &list->v[i];
        if (!(term->flags & RF_TERM_SUM) || term->value == RF_NONE) continue;
        rf_value part = term->value;
        if (term->weight != 1) part = rf_apply1(graph, "scale", part, "factor=%.17g", term->weight);
        total = total == RF_NONE ? part : rf_apply2(graph, "add", total, part, "%s", "");
    }
    rf_graph_keep(graph, total);
    return total;
}
