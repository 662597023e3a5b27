/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry.h"

#include <stdatomic.h>
#include <string.h>

#include "core/mem.h"
#include "core/name.h"
#include "core/plugin.h"

enum { NAME_BYTES = 64 };

static atomic_bool closed;

static const char *name_of(const void *entry) {
    return *(const char *const *)entry;
}

static const void *entry_at(const rf_registry *r, int id) {
    return id < r->n_built_in ? r->built_in[id] : r->added[id - r->n_built_in];
}

static int count_of(const rf_registry *r) {
    return r->n_built_in + r->n_added;
}

static const void *find(const rf_registry *r, const char *name) {
    for (int i = 0; i < count_of(r); i++)
        if (strcmp(name_of(entry_at(r, i)), name) == 0) return entry_at(r, i);
    return NULL;
}

int rf_registry_count(rf_registry *r) {
    rf_plugin_start();
    return count_of(r);
}

const void *rf_registry_at(rf_registry *r, int id) {
    rf_plugin_start();
    return entry_at(r, id);
}

const void *rf_registry_find(rf_registry *r, const char *name) {
    rf_plugin_start();
    const void *found = find(r, name);
    if (found) return found;
    size_t n = (size_t)count_of(r);
    const char **names = rf_alloc(n, sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < n; i++) names[i] = name_of(entry_at(r, (int)i));
    rf_name_find(r->what, name, names, n);
    rf_free(names);
    return NULL;
}

int rf_registry_id(rf_registry *r, const char *name) {
    const void *found = rf_registry_find(r, name);
    int id = found ? 0 : -1;
    while (found && entry_at(r, id) != found) id++;
    return id;
}

static rf_status check_name(const rf_registry *r, const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    int limit = r->name_bytes ? r->name_bytes : NAME_BYTES;
    if (!name || !*name || strlen(name) >= (size_t)limit || strspn(name, letters) != strlen(name))
        return rf_fail(RF_ERR_USER, "a %s registers as \"%s\", expected 1 to %d letters, digits, '_' and '-'", r->what,
                       name ? name : "", limit - 1);
    if (find(r, name))
        return rf_fail(RF_ERR_USER, "a second %s registers as \"%s\": give it a name of its own", r->what, name);
    return RF_OK;
}

static rf_status reserve(rf_registry *r) {
    if (r->n_added < r->capacity) return RF_OK;
    int wanted = r->capacity ? 2 * r->capacity : 8;
    const void **more = rf_realloc(r->added, (size_t)r->capacity, (size_t)wanted, sizeof *more);
    if (!more) return RF_ERR_NOMEM;
    r->added = more;
    r->capacity = wanted;
    return RF_OK;
}

rf_status rf_registry_add(rf_registry *r, const void *entry) {
    RF_TRY(check_name(r, name_of(entry)));
    if (atomic_load(&closed))
        return rf_fail(RF_ERR_USER, "the %s \"%s\" registers after the first graph was made: do it in rf_plugin_init",
                       r->what, name_of(entry));
    if (!r->is_whole(entry))
        return rf_fail(RF_ERR_USER, "the %s \"%s\" lacks something that its header asks for", r->what, name_of(entry));
    if (r->check) RF_TRY(r->check(entry));
    RF_TRY(reserve(r));
    r->added[r->n_added++] = entry;
    return RF_OK;
}

void rf_registry_close(void) {
    if (atomic_load(&closed)) return;
    rf_plugin_start();
    atomic_store(&closed, true);
}

const char *rf_registry_name(rf_registry *r, int id) {
    rf_plugin_start();
    return id >= 0 && id < count_of(r) ? name_of(entry_at(r, id)) : NULL;
}
