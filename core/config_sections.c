/* SPDX-License-Identifier: Apache-2.0 */
/* Sections and their keys as one list, and where their values are. */
#include <string.h>

#include "core/config_impl.h"
#include "core/mem.h"

enum { ALIGNMENT = 16 };

static size_t rounded(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Where the struct of a section without a member begins in the room: they lie one after the other. */
static size_t place_of(const rf_section *section) {
    size_t at = 0;
    for (int i = 0; i < rf_section_count() && rf_section_at(i) != section; i++)
        if (!rf_section_at(i)->has_member) at += rounded(rf_section_at(i)->bytes);
    return at;
}

static size_t offset_of(const rf_section *section) {
    return section->has_member ? section->offset : rf_config_room_offset + place_of(section);
}

rf_status rf_config_check_section(const void *entry) {
    const rf_section *section = entry;
    size_t used = place_of(section);
    if (used + rounded(section->bytes) > rf_config_room_bytes)
        return rf_fail(RF_ERR_USER, "the section \"%s\" has %zu bytes of settings, and there is room for %zu more",
                       section->name, section->bytes, rf_config_room_bytes - used);
    void *values = rf_alloc(1, section->bytes);
    if (!values) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    for (size_t i = 0; i < section->n_keys && status == RF_OK; i++)
        status = rf_config_set_value((char *)values + section->keys[i].offset, &section->keys[i],
                                     section->keys[i].initial, "the default of a key");
    rf_free(values);
    return status;
}

static const rf_section *find(const char *name) {
    for (int i = 0; i < rf_section_count(); i++)
        if (strcmp(rf_section_at(i)->name, name) == 0) return rf_section_at(i);
    return NULL;
}

const char *rf_section_doc(const char *section) {
    const rf_section *found = find(section);
    return found ? found->doc : NULL;
}

const void *rf_config_section(const rf_config *config, const rf_section *section) {
    for (int i = 0; i < rf_section_count(); i++)
        if (rf_section_at(i) == section) return (const char *)config + offset_of(section);
    return NULL;
}

size_t rf_config_key_count(void) {
    size_t n = 0;
    for (int i = 0; i < rf_section_count(); i++) n += rf_section_at(i)->n_keys;
    return n;
}

const rf_key *rf_config_key(size_t k) {
    int i = 0;
    while (k >= rf_section_at(i)->n_keys) k -= rf_section_at(i++)->n_keys;
    return &rf_section_at(i)->keys[k];
}

const rf_key *rf_config_find_key(const char *section, const char *name) {
    const rf_section *found = find(section);
    for (size_t i = 0; found && i < found->n_keys; i++)
        if (strcmp(found->keys[i].name, name) == 0) return &found->keys[i];
    return NULL;
}

const char *rf_config_word(const rf_key *key, int i) {
    if (key->word) return key->word(i);
    for (int k = 0; key->words && key->words[k]; k++)
        if (k == i) return key->words[k];
    return NULL;
}

void *rf_config_member(rf_config *config, const rf_key *key) {
    return (char *)config + offset_of(find(key->section)) + key->offset;
}

void rf_config_settle(rf_config *config) {
    for (int i = 0; i < rf_section_count(); i++)
        if (rf_section_at(i)->settle) rf_section_at(i)->settle(config);
}

rf_status rf_config_is_default(const rf_config *config, const rf_key *key, bool *is) {
    char *initial, *now;
    RF_TRY(rf_config_default_text(key, &initial));
    rf_status status = rf_config_value_text(config, key, &now);
    if (status == RF_OK) {
        *is = strcmp(initial, now) == 0;
        rf_free(now);
    }
    rf_free(initial);
    return status;
}

/* What a section sets that nobody reads. */
static rf_status check_unused(const char *place, const rf_config *config, const rf_section *section) {
    bool same = true;
    for (size_t i = 0; i < section->n_keys; i++) {
        const rf_key *key = &section->keys[i];
        RF_TRY(rf_config_is_default(config, key, &same));
        if (same) continue;
        return rf_fail(RF_ERR_USER, "%s: %s.%s is set, but with the other settings nothing reads [%s]: leave it out",
                       place, key->section, key->name, key->section);
    }
    return RF_OK;
}

rf_status rf_config_check(const char *place, const rf_config *config) {
    for (int i = 0; i < rf_section_count(); i++) {
        const rf_section *section = rf_section_at(i);
        if (section->is_used && !section->is_used(config)) RF_TRY(check_unused(place, config, section));
        if (section->check) RF_TRY(section->check(place, config));
    }
    return RF_OK;
}
