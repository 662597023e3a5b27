/* SPDX-License-Identifier: Apache-2.0 */
#include "data/class_map.h"

#include <stdio.h>
#include <string.h>

static rf_status add_entry(rf_class_map *map, const char *what, const char *from, size_t n_from, const char *to,
                           size_t n_to) {
    int label;
    RF_TRY(rf_classes_add(&map->classes, what, to, n_to, &label));
    if (n_from == 0 || n_from >= RF_CLASS_MAP_BYTES)
        return rf_fail(RF_ERR_USER, "%s: a name before = is empty or longer than %d bytes; expected NAME or OLD=NEW",
                       what, RF_CLASS_MAP_BYTES - 1);
    if (map->n == RF_CLASS_MAP_MAX)
        return rf_fail(RF_ERR_USER, "%s: more than %d kinds of objects", what, RF_CLASS_MAP_MAX);
    char *name = map->from[map->n].name;
    snprintf(name, RF_CLASS_MAP_BYTES, "%.*s", (int)n_from, from);
    for (int i = 0; i < map->n; i++)
        if (strcmp(map->from[i].name, name) == 0)
            return rf_fail(RF_ERR_USER, "%s: \"%s\" comes twice; each kind of the annotation becomes one", what, name);
    map->from[map->n++].label = label;
    return RF_OK;
}

rf_status rf_class_map_parse(const char *what, const char *text, rf_class_map *out) {
    static const char blanks[] = " \t";
    memset(out, 0, sizeof *out);
    for (const char *p = text;; p++) {
        const char *begin = p + strspn(p, blanks), *end = begin + strcspn(begin, ",");
        p = end;
        while (end > begin && strchr(blanks, end[-1])) end--;
        const char *equal = memchr(begin, '=', (size_t)(end - begin)), *from_end = equal ? equal : end,
                   *to = equal ? equal + 1 : begin;
        while (from_end > begin && strchr(blanks, from_end[-1])) from_end--;
        while (to < end && strchr(blanks, *to)) to++;
        RF_TRY(add_entry(out, what, begin, (size_t)(from_end - begin), to, (size_t)(end - to)));
        if (!*p) return RF_OK;
    }
}
