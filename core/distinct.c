/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/below.h"
#include "core/file.h"
#include "core/mem.h"

enum { FIRST_SLOTS = 256 };

typedef struct slot {
    char *name;
    unsigned long next; /* the number to try when the name is wanted again */
} slot;

/* Open addressing by a hash that ignores case, so that twins meet. */
struct rf_distinct {
    slot *slots;
    size_t n, n_slots;
};

rf_distinct *rf_distinct_new(void) {
    rf_distinct *d = rf_alloc(1, sizeof *d);
    if (d && !(d->slots = rf_alloc(FIRST_SLOTS, sizeof *d->slots))) {
        rf_free(d);
        return NULL;
    }
    if (d) d->n_slots = FIRST_SLOTS;
    return d;
}

void rf_distinct_free(rf_distinct *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n_slots; i++) rf_free(d->slots[i].name);
    rf_free(d->slots);
    rf_free(d);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t hash(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)lower(*name)) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

static bool same_but_case(const char *a, const char *b) {
    for (; *a && lower(*a) == lower(*b); a++) b++;
    return !*a && !*b;
}

/* The slot of a name, or the free one where it belongs; *twin: a name that differs in case only, met on the way. */
static slot *find(const rf_distinct *d, const char *name, const char **twin) {
    size_t at = hash(name) & (d->n_slots - 1);
    for (; d->slots[at].name && strcmp(d->slots[at].name, name) != 0; at = (at + 1) & (d->n_slots - 1))
        if (twin && !*twin && same_but_case(d->slots[at].name, name)) *twin = d->slots[at].name;
    return &d->slots[at];
}

static rf_status grow(rf_distinct *d) {
    rf_distinct larger = {.n = d->n, .n_slots = 2 * d->n_slots};
    larger.slots = rf_alloc(larger.n_slots, sizeof *larger.slots);
    if (!larger.slots) return RF_ERR_NOMEM;
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].name) *find(&larger, d->slots[i].name, NULL) = d->slots[i];
    rf_free(d->slots);
    *d = larger;
    return RF_OK;
}

/* "dir/stem-NUMBER.suffix". */
static char *numbered(const char *name, unsigned long number) {
    const char *base = rf_path_base(name), *dot = strrchr(base, '.');
    size_t stem = dot && dot > base ? (size_t)(dot - name) : strlen(name), bytes = strlen(name) + 32;
    char *text = rf_alloc(bytes, 1);
    if (text) snprintf(text, bytes, "%.*s-%lu%s", (int)stem, name, number, name + stem);
    return text;
}

rf_status rf_distinct_take(rf_distinct *d, const char *wanted, char **name, const char **twin) {
    if (2 * d->n >= d->n_slots) RF_TRY(grow(d));
    const char *near = NULL;
    slot *first = find(d, wanted, &near), *at = first;
    char *taken = rf_strdup(wanted);
    if (first->name && first->next < 2) first->next = 2;
    while (taken && at->name) {
        rf_free(taken);
        near = NULL;
        taken = numbered(wanted, first->next++);
        at = taken ? find(d, taken, &near) : NULL;
    }
    char *copy = taken ? rf_strdup(taken) : NULL;
    if (!copy) {
        rf_free(taken);
        return RF_ERR_NOMEM;
    }
    at->name = copy;
    d->n++;
    *name = taken;
    if (twin) *twin = near;
    return RF_OK;
}
