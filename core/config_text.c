/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/config_impl.h"
#include "core/mem.h"

/* Whether a preset of the configuration sets a key: then its default must be printed, too. */
static bool is_preset(const rf_config *config, const rf_key *key) {
    for (size_t k = 0; k < rf_config_key_count(); k++) {
        const rf_key *chooser = rf_config_key(k);
        if (!(chooser->flags & RF_KEY_IS_PRESET)) continue;
        const rf_preset *preset = rf_preset_at(*(const int *)rf_config_member((rf_config *)config, chooser));
        for (size_t i = 0; i < preset->count; i++)
            if (rf_config_find_key(preset->values[i].section, preset->values[i].key) == key) return true;
    }
    return false;
}

static rf_status is_silent(const rf_config *config, const rf_key *key, bool *silent) {
    RF_TRY(rf_config_is_default(config, key, silent));
    *silent = *silent && !is_preset(config, key);
    return RF_OK;
}

/* Whether a section stands in a printed configuration. One that a program without its plugin does not know, and that
 * does not tell when it is used, stands there only when it says something. */
static rf_status is_printed(const rf_config *config, const rf_section *section, bool *printed) {
    bool same = true;
    *printed = !section->is_used || section->is_used(config);
    if (section->has_member || section->is_used) return RF_OK;
    for (size_t i = 0; i < section->n_keys && same; i++) RF_TRY(is_silent(config, &section->keys[i], &same));
    *printed = !same;
    return RF_OK;
}

static rf_status put_section(rf_text *out, const rf_config *config, const rf_section *section, const char *before) {
    rf_text_printf(out, "%s[%s]\n", before, section->name);
    for (size_t i = 0; i < section->n_keys; i++) {
        const rf_key *key = &section->keys[i];
        bool left_out = false;
        if (key->flags & RF_KEY_IS_MORE) RF_TRY(is_silent(config, key, &left_out));
        if (left_out) continue;
        rf_text_printf(out, "%s = ", key->name);
        RF_TRY(rf_config_put_value(out, config, key));
        rf_text_put(out, "\n");
    }
    return RF_OK;
}

rf_status rf_config_text(const rf_config *config, char **text) {
    rf_status status = RF_OK;
    rf_text out = {0};
    const char *before = "";
    for (int i = 0; i < rf_section_count(); i++) {
        bool printed;
        RF_TRY_GOTO(is_printed(config, rf_section_at(i), &printed));
        if (!printed) continue;
        RF_TRY_GOTO(put_section(&out, config, rf_section_at(i), before));
        before = "\n";
    }
    return rf_text_finish(&out, text, NULL);
fail:
    rf_text_clear(&out);
    return status;
}

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "A configuration is an INI file: `[section]` lines, `key = value` lines, comments "
    "after `#` or `;` at the start of a line\n"
    "or after ` ;` behind a value. Every key has a default, so a file holds only what "
    "differs. `--set section.key=value`\n"
    "overrides the file; the last one wins. From the weakest: the default of a key, the preset, a program's own "
    "default where it\n"
    "differs (`rf-detect` shows faces from 0.5 on), the file or the configuration that a model carries, "
    "`rf-eval --paper`, `--set`,\n"
    "and an option with a name of its own (`--score`). An unknown section or key, a value of the wrong type or out of "
    "range and a key\n"
    "that is set twice are errors that name the line. The resolved configuration is "
    "written beside each run and into its\n"
    "checkpoints.\n"
    "\n"
    "Types: *whole* and *number* are decimal, *yes/no* also takes true/false, on/off "
    "and 1/0, a *list* is numbers separated by\n"
    "commas (at most 32), a *text* has at most 255 bytes.\n";

static void put_type(rf_text *out, const rf_key *key) {
    const char *word;
    switch (key->type) {
    case RF_TYPE_INT:
        rf_text_printf(out, "whole, %.15g to %.15g", key->lo, key->hi);
        break;
    case RF_TYPE_REAL:
        rf_text_printf(out, "number, %.15g to %.15g", key->lo, key->hi);
        break;
    case RF_TYPE_BOOL:
        rf_text_put(out, "yes/no");
        break;
    case RF_TYPE_TEXT:
        rf_text_put(out, "text");
        break;
    case RF_TYPE_LIST:
        rf_text_printf(out, "list, each %.15g to %.15g", key->lo, key->hi);
        break;
    case RF_TYPE_ENUM:
        for (int i = 0; (word = rf_config_word(key, i)); i++) rf_text_printf(out, "%s`%s`", i ? ", " : "", word);
        break;
    }
}

/* A table cell: `|` would end it. */
static void put_cell(rf_text *out, const char *text) {
    for (; *text; text++) rf_text_printf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static rf_status put_key(rf_text *out, const rf_key *key) {
    char *text;
    RF_TRY(rf_config_default_text(key, &text));
    rf_text_printf(out, "| `%s` | ", key->name);
    put_type(out, key);
    rf_text_printf(out, *text ? " | `%s` | " : " | %s | ", text);
    put_cell(out, key->doc);
    rf_text_put(out, " |\n");
    rf_free(text);
    return RF_OK;
}

static void put_preset(rf_text *out, const rf_preset *preset) {
    rf_text_printf(out, "\n### `preset = %s`\n\n%s.\n\n```ini\n", preset->name, preset->doc);
    const char *section = "";
    for (size_t i = 0; i < preset->count; i++) {
        const rf_preset_value *v = &preset->values[i];
        if (strcmp(section, v->section) != 0) {
            rf_text_printf(out, "%s[%s]\n", i ? "\n" : "", v->section);
            section = v->section;
        }
        rf_text_printf(out, "%s = %s\n", v->key, v->value);
    }
    rf_text_put(out, "```\n");
}

rf_status rf_config_reference(char **text) {
    rf_status status = RF_OK;
    rf_text out = {0};
    rf_text_put(&out, introduction);
    for (int i = 0; i < rf_section_count(); i++) {
        const rf_section *section = rf_section_at(i);
        rf_text_printf(&out, "\n## [%s]: %s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", section->name,
                       section->doc);
        for (size_t k = 0; k < section->n_keys; k++) RF_TRY_GOTO(put_key(&out, &section->keys[k]));
    }
    rf_text_put(
        &out,
        "\n## Presets\n\nA preset is applied before every other key, wherever it stands; keys that are set win.\n");
    for (int i = 0; i < rf_preset_count(); i++)
        if (rf_preset_at(i)->count) put_preset(&out, rf_preset_at(i));
    return rf_text_finish(&out, text, NULL);
fail:
    rf_text_clear(&out);
    return status;
}
