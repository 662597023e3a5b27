/* SPDX-License-Identifier: Apache-2.0 */
/* A registry: things of one kind, known by name. It begins with the entries of a .def file and grows by
 * rf_register_KIND, which a plugin calls (core/plugin.h). An id is the place in this process's table and stands in no
 * file; a name does. All registries close when the first graph is made (autograd/graph.h), so that what a network was
 * checked against never changes under it.
 * Threads: registering is for one thread, before others look anything up. A closed registry is constant: any thread may
 * read it. An entry is borrowed and outlives the process's last look-up: a const struct at file scope. */
#ifndef RF_CORE_REGISTRY_H
#define RF_CORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* Entries are structs whose first member is `const char *name`. */
typedef struct rf_registry {
    const char *what;                      /* one of them, in messages: "backbone" */
    const void *const *built_in;           /* [n_built_in], the .def file's */
    int n_built_in, name_bytes;            /* a registered name is shorter than name_bytes; 0: than 64 */
    bool (*is_whole)(const void *entry);   /* whether it has all that its kind needs */
    rf_status (*check)(const void *entry); /* what else is asked of it, with its own message; NULL: nothing */
    const void **added;                    /* [n_added], in the order they came in */
    int n_added, capacity;
} rf_registry;

/* Entries, and the one of an id in 0..count-1. The first call in a process starts the plugins. */
int rf_registry_count(rf_registry *registry);
const void *rf_registry_at(rf_registry *registry, int id);
/* NULL with RF_ERR_USER's message: the nearest name and all there are. */
const void *rf_registry_find(rf_registry *registry, const char *name);
/* Its id; -1 instead of NULL. */
int rf_registry_id(rf_registry *registry, const char *name);

/* Appends an entry. RF_ERR_USER: a name that is empty, too long, taken or not of letters, digits, '_' and '-'; an entry
 * without what its kind needs; a registry that is closed. */
rf_status rf_registry_add(rf_registry *registry, const void *entry);

/* Nothing is added from now on. */
void rf_registry_close(void);

/* The name of an id; NULL: it is no id. */
const char *rf_registry_name(rf_registry *registry, int id);

/* What a header and a source say of one registry of entries of `type`:
 *   rf_register_KIND, rf_KIND_count, rf_KIND_at, rf_KIND_find, rf_KIND_id, rf_KIND_name.
 * table: a static `const void *const` array of entries; needs: an expression of `e`, true for an entry that has all
 * that its kind needs; then members of rf_registry. */
#define RF_REGISTRY_DECLARE(kind, type)                                                                                \
    rf_status rf_register_##kind(const type *entry);                                                                   \
    int rf_##kind##_count(void);                                                                                       \
    const type *rf_##kind##_at(int id);                                                                                \
    const type *rf_##kind##_find(const char *name);                                                                    \
    int rf_##kind##_id(const char *name);                                                                              \
    const char *rf_##kind##_name(int id);

#define RF_REGISTRY_DEFINE(kind, type, table, needs, ...)                                                              \
    static bool kind##_is_whole(const void *entry) {                                                                   \
        const type *e = entry;                                                                                         \
        return needs;                                                                                                  \
    }                                                                                                                  \
    static rf_registry kind##_registry = {                                                                             \
        .built_in = table, .n_built_in = sizeof table / sizeof *table, .is_whole = kind##_is_whole, __VA_ARGS__};      \
    rf_status rf_register_##kind(const type *entry) {                                                                  \
        return rf_registry_add(&kind##_registry, entry);                                                               \
    }                                                                                                                  \
    int rf_##kind##_count(void) {                                                                                      \
        return rf_registry_count(&kind##_registry);                                                                    \
    }                                                                                                                  \
    const type *rf_##kind##_at(int id) {                                                                               \
        return rf_registry_at(&kind##_registry, id);                                                                   \
    }                                                                                                                  \
    const type *rf_##kind##_find(const char *name) {                                                                   \
        return rf_registry_find(&kind##_registry, name);                                                               \
    }                                                                                                                  \
    int rf_##kind##_id(const char *name) {                                                                             \
        return rf_registry_id(&kind##_registry, name);                                                                 \
    }                                                                                                                  \
    const char *rf_##kind##_name(int id) {                                                                             \
        return rf_registry_name(&kind##_registry, id);                                                                 \
    }

#endif
