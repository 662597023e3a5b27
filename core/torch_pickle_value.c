/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/mem.h"
#include "core/torch_pickle_impl.h"

void rf_pickle_free(rf_pickle *pickle) {
    if (!pickle) return;
    rf_free(pickle->values);
    rf_free(pickle->cells);
    rf_free(pickle->stack);
    rf_free(pickle->memo);
    rf_free(pickle);
}

size_t rf_pickle_count(const rf_pickle *pickle) {
    return pickle->n_values;
}

const rf_pickle_value *rf_pickle_at(const rf_pickle *pickle, size_t index) {
    return &pickle->values[index];
}

const rf_pickle_value *rf_pickle_root(const rf_pickle *pickle) {
    return &pickle->values[pickle->root];
}

const rf_pickle_value *rf_pickle_next(const rf_pickle *pickle, size_t *at) {
    if (*at == 0) return NULL;
    const rf_pickle_cell *here = &pickle->cells[*at - 1];
    *at = here->next;
    return &pickle->values[here->value];
}

const rf_pickle_value *rf_pickle_item(const rf_pickle *pickle, const rf_pickle_value *value, size_t index) {
    size_t at = value->first;
    const rf_pickle_value *item = NULL;
    for (size_t i = 0; i <= index; i++) {
        item = rf_pickle_next(pickle, &at);
        if (!item) return NULL;
    }
    return item;
}

bool rf_pickle_is(const rf_pickle_value *value, const char *word) {
    return value && (value->type == RF_PICKLE_TEXT || value->type == RF_PICKLE_CLASS) && value->bytes == strlen(word) &&
           memcmp(value->text, word, value->bytes) == 0;
}

const rf_pickle_value *rf_pickle_get(const rf_pickle *pickle, const rf_pickle_value *dict, const char *key) {
    const rf_pickle_value *k, *v;
    size_t at = dict->first;
    if (dict->type != RF_PICKLE_DICT) return NULL;
    while ((k = rf_pickle_next(pickle, &at)) && (v = rf_pickle_next(pickle, &at)))
        if (rf_pickle_is(k, key)) return v;
    return NULL;
}
