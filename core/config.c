/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/config_impl.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"

enum { PLACE_BYTES = 400, MAX_FILE_BYTES = 1 << 20 };

void rf_config_defaults(rf_config *config) {
    memset((void *)config, 0, rf_config_bytes);
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i);
        rf_status status = rf_config_set(config, key, key->initial, "default");
        assert(status == RF_OK);
        (void)status;
    }
}

static void entry_place(char *place, const char *name, const rf_config_entry *entry) {
    if (entry->line)
        snprintf(place, PLACE_BYTES, "%s:%d", name, entry->line);
    else
        snprintf(place, PLACE_BYTES, "--set %s.%s=%s", entry->section, entry->key, entry->value);
}

static rf_status unknown_section(const char *place, const char *section) {
    size_t n = (size_t)rf_section_count();
    if (!*section) return rf_fail(RF_ERR_USER, "%s: expected a [section] before the first key", place);
    const char **names = rf_alloc(n, sizeof *names), *near = NULL;
    for (size_t i = 0; names && i < n; i++) names[i] = rf_section_name((int)i);
    if (names) near = rf_nearest_name(section, names, n);
    rf_free(names);
    if (near) return rf_fail(RF_ERR_USER, "%s: unknown section [%s]; did you mean [%s]?", place, section, near);
    return rf_fail(RF_ERR_USER, "%s: unknown section [%s]; the sections are listed in docs/configuration.md", place,
                   section);
}

/* A near name of the same section comes first, then the same name of another section. */
static rf_status unknown_key(const char *place, const char *section, const char *name) {
    size_t n = 0, count = rf_config_key_count();
    const char **names = rf_alloc(count, sizeof *names), *near = NULL;
    for (size_t i = 0; names && i < count; i++)
        if (strcmp(rf_config_key(i)->section, section) == 0) names[n++] = rf_config_key(i)->name;
    if (names) near = rf_nearest_name(name, names, n);
    rf_free(names);
    if (near)
        return rf_fail(RF_ERR_USER, "%s: unknown key '%s' in [%s]; did you mean '%s'?", place, name, section, near);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rf_config_key(i)->name, name) == 0)
            return rf_fail(RF_ERR_USER, "%s: unknown key '%s' in [%s]; it belongs in [%s]", place, name, section,
                           rf_config_key(i)->section);
    return rf_fail(RF_ERR_USER, "%s: unknown key '%s' in [%s]; the keys are listed in docs/configuration.md", place,
                   name, section);
}

/* Names must be known, and a file may set a key only once (an override may repeat it: the last one wins). */
static rf_status check_entries(const char *name, const rf_config_entries *entries) {
    char place[PLACE_BYTES];
    for (size_t i = 0; i < entries->count; i++) {
        const rf_config_entry *entry = &entries->items[i];
        entry_place(place, name, entry);
        if (!rf_section_doc(entry->section)) return unknown_section(place, entry->section);
        if (!rf_config_find_key(entry->section, entry->key)) return unknown_key(place, entry->section, entry->key);
        for (size_t k = 0; entry->line && k < i; k++) {
            const rf_config_entry *before = &entries->items[k];
            if (strcmp(before->section, entry->section) == 0 && strcmp(before->key, entry->key) == 0)
                return rf_fail(RF_ERR_USER, "%s: '%s' in [%s] was already set in line %d; keep one of them", place,
                               entry->key, entry->section, before->line);
        }
    }
    return RF_OK;
}

static rf_status apply_presets(rf_config *config) {
    char place[PLACE_BYTES];
    for (size_t k = 0; k < rf_config_key_count(); k++) {
        const rf_key *key = rf_config_key(k);
        if (!(key->flags & RF_KEY_IS_PRESET)) continue;
        const rf_preset *preset = rf_preset_at(*(const int *)rf_config_member(config, key));
        snprintf(place, sizeof place, "preset %s", preset->name);
        for (size_t i = 0; i < preset->count; i++) {
            const rf_preset_value *v = &preset->values[i];
            const rf_key *of = rf_config_find_key(v->section, v->key);
            if (!of) return rf_fail(RF_ERR_USER, "%s: there is no key %s.%s", place, v->section, v->key);
            RF_TRY(rf_config_set(config, of, v->value, place));
        }
    }
    return RF_OK;
}

/* Which entries are applied. */
typedef enum pass {
    PRESETS,
    WEAK,
    OTHERS,
} pass;

/* A file that holds nearly every key is a configuration that rf resolved and a checkpoint carried: a default in it was
 * not set by anybody. One of an earlier version lacks the keys that came later; nobody writes three quarters of them by
 * hand. */
static bool is_resolved(const rf_config_entries *entries) {
    size_t n = 0, always = 0;
    for (size_t i = 0; i < entries->count; i++) n += entries->items[i].line > 0;
    for (int i = 0; i < rf_section_count(); i++)
        for (size_t k = 0; rf_section_at(i)->has_member && k < rf_section_at(i)->n_keys; k++)
            always += !(rf_section_at(i)->keys[k].flags & RF_KEY_IS_MORE);
    return n >= always * 3 / 4;
}

/* Whether a weak override stands in the place of the key's default in a resolved configuration. */
static rf_status is_unset(const rf_config_entries *entries, const rf_config_entry *entry, const rf_key *key,
                          bool *unset) {
    *unset = false;
    for (size_t i = 0; entry->line && i < entries->count; i++)
        *unset |= entries->items[i].weak && rf_config_find_key(entries->items[i].section, entries->items[i].key) == key;
    if (!*unset) return RF_OK;
    char *initial;
    RF_TRY(rf_config_default_text(key, &initial));
    *unset = strcmp(initial, entry->value) == 0;
    rf_free(initial);
    return RF_OK;
}

static rf_status apply_entries(const char *name, const rf_config_entries *entries, pass which, rf_config *config) {
    char place[PLACE_BYTES];
    bool resolved = which == OTHERS && is_resolved(entries), unset;
    for (size_t i = 0; i < entries->count; i++) {
        const rf_config_entry *entry = &entries->items[i];
        const rf_key *key = rf_config_find_key(entry->section, entry->key);
        if (which == PRESETS && !(key->flags & RF_KEY_IS_PRESET)) continue;
        if (entry->weak != (which == WEAK)) continue;
        if (resolved) {
            RF_TRY(is_unset(entries, entry, key, &unset));
            if (unset) continue;
        }
        entry_place(place, name, entry);
        RF_TRY(rf_config_set(config, key, entry->value, place));
    }
    return RF_OK;
}

/* A key without its section: RF_ERR_USER with the section where there is such a key, else RF_OK. */
static rf_status name_section(const char *text, size_t length) {
    const rf_key *found = NULL;
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i);
        if (strlen(key->name) != length || memcmp(key->name, text, length) != 0) continue;
        if (found)
            return rf_fail(RF_ERR_USER, "--set %s: expected section.key=value: %s.%s or %s.%s?", text, found->section,
                           found->name, key->section, key->name);
        found = key;
    }
    if (!found) return RF_OK;
    return rf_fail(RF_ERR_USER, "--set %s: expected section.key=value, for example --set %s.%s", text, found->section,
                   text);
}

/* "section.key=value" with blanks allowed around the three; a '?' in front makes it weak. */
static rf_status add_override(const char *text, rf_config_entries *entries) {
    static const char blanks[] = " \t";
    bool weak = *text == '?';
    text += weak;
    const char *equals = strchr(text, '='), *dot = strchr(text, '.');
    if (equals && (!dot || dot > equals)) RF_TRY(name_section(text, (size_t)(equals - text)));
    if (!equals || !dot || dot > equals)
        return rf_fail(RF_ERR_USER, "--set %s: expected section.key=value, for example --set train.batch=16", text);
    const char *from[3] = {text, dot + 1, equals + 1}, *to[3] = {dot, equals, text + strlen(text)};
    char *parts[3] = {NULL};
    rf_status status = RF_OK;
    for (int i = 0; i < 3; i++) {
        while (from[i] < to[i] && strchr(blanks, *from[i])) from[i]++;
        while (to[i] > from[i] && strchr(blanks, to[i][-1])) to[i]--;
        parts[i] = rf_strndup(from[i], (size_t)(to[i] - from[i]));
        if (!parts[i]) status = RF_ERR_NOMEM;
    }
    if (status == RF_OK) status = rf_config_entries_add(entries, parts[0], parts[1], parts[2], 0);
    if (status == RF_OK) entries->items[entries->count - 1].weak = weak;
    for (int i = 0; i < 3; i++) rf_free(parts[i]);
    return status;
}

rf_status rf_config_parse(const char *name, const char *text, const char *const *overrides, size_t n_overrides,
                          rf_config *config) {
    rf_config_entries entries = {0};
    rf_config *result = rf_alloc(1, rf_config_bytes);
    rf_status status = result ? RF_OK : RF_ERR_NOMEM;
    if (!result) goto fail;
    rf_config_defaults(result);
    RF_TRY_GOTO(rf_config_read_ini(name, text, &entries));
    for (size_t i = 0; i < n_overrides; i++) RF_TRY_GOTO(add_override(overrides[i], &entries));
    RF_TRY_GOTO(check_entries(name, &entries));
    RF_TRY_GOTO(apply_entries(name, &entries, PRESETS, result));
    RF_TRY_GOTO(apply_presets(result));
    RF_TRY_GOTO(apply_entries(name, &entries, WEAK, result));
    RF_TRY_GOTO(apply_entries(name, &entries, OTHERS, result));
    rf_config_settle(result);
    RF_TRY_GOTO(rf_config_check(name, result));
    memcpy((void *)config, (void *)result, rf_config_bytes);
fail:
    rf_free(result);
    rf_config_entries_free(&entries);
    return status;
}

/* Somebody names a run, or its weights, instead of its configuration. */
static rf_status refuse_other(const char *path) {
    static const char *const weights[] = {".safetensors", ".pth", ".pt", ".params", ".onnx"};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        size_t k = strlen(weights[i]);
        if (n > k && strcmp(path + n - k, weights[i]) == 0 && rf_file_exists(path))
            return rf_fail(RF_ERR_USER,
                           "%s is a model, expected a configuration (INI), for example config.ini of a run", path);
    }
    if (!rf_dir_exists(path)) return RF_OK;
    char *inner = rf_path_join(path, "config.ini");
    if (!inner) return RF_ERR_NOMEM;
    rf_status status = rf_file_exists(inner)
                           ? rf_fail(RF_ERR_IO, "%s is a folder, expected a configuration: name %s", path, inner)
                           : rf_fail(RF_ERR_IO, "%s is a folder, expected a configuration (INI)", path);
    rf_free(inner);
    return status;
}

rf_status rf_config_load(const char *path, const char *const *overrides, size_t n_overrides, rf_config *config) {
    if (!path) return rf_config_parse("configuration", "", overrides, n_overrides, config);
    uint8_t *text;
    size_t bytes;
    RF_TRY(refuse_other(path));
    rf_status status = rf_file_read(path, MAX_FILE_BYTES, &text, &bytes);
    if (status != RF_OK) return rf_fail_context(status, "the configuration");
    if (memchr(text, 0, bytes))
        status = rf_fail(RF_ERR_FORMAT, "%s: this is no text file (it has a zero byte), expected an INI file", path);
    else
        status = rf_config_parse(path, (const char *)text, overrides, n_overrides, config);
    rf_free(text);
    return status;
}
