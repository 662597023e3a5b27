/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <stdbool.h>
#include <string.h>

#include "cli/args.h"
#include "settings/settings.h"

/* "rf-data synth" is completed as "data synth", the front door as "". */
static const char *path_of(const rf_program *program) {
    return program->name[2] ? program->name + 3 : "";
}

static bool begins(const char *word, size_t n, const char *with) {
    size_t length = strlen(with);
    return n >= length && memcmp(word, with, length) == 0;
}

/* Words for one alternative of n bytes: "@dir", "@file", "@model", "@key" are kinds, all else stands for itself. */
static const char *kind_of(const char *word, size_t n) {
    static const char *const folders[] = {"DIR", "ROOT", "RUN"};
    static const char *const files[] = {"FILE",  "INI",     "PATH",       "WEIGHTS", "IMAGE",
                                        "VIDEO", "RESULTS", "ANNOTATION", "INPUT"};
    if (begins(word, n, "SECTION.KEY=")) return "@key";
    if (begins(word, n, "NAME=RUN")) return "@dir";
    if (begins(word, n, "MODEL")) return "@model";
    if (begins(word, n, "CONFIG")) return "@config";
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (begins(word, n, folders[i])) return "@dir";
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (begins(word, n, files[i])) return "@file";
    return NULL;
}

/* What may follow an option, separated by blanks. */
static void put_values(rf_text *out, const char *value) {
    const char *between = "";
    for (const char *word = value; *word;) {
        size_t n = strcspn(word, "|");
        const char *kind = kind_of(word, n);
        bool itself = n && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") >= n;
        if (kind)
            rf_text_printf(out, "%s%s", between, kind);
        else if (itself)
            rf_text_printf(out, "%s%.*s", between, (int)n, word);
        if (kind || itself) between = " ";
        word += n + (word[n] == '|');
    }
}

static bool is_switch(const rf_option *o) {
    return o->kind == RF_OPT_FLAG || o->kind == RF_OPT_TOGGLE;
}

/* Whether switching off is something to offer: the default is on, or decided elsewhere. */
static bool has_no(const rf_option *o) {
    return o->kind == RF_OPT_TOGGLE || (o->kind == RF_OPT_FLAG && strstr(o->doc, "--no-"));
}

static void put_options(void *ctx, const rf_program *program, const rf_command *commands) {
    rf_text *out = ctx;
    rf_text_printf(out, "    '%s') REPLY='--help%s", path_of(program), commands ? " --version" : "");
    for (const rf_option *o = program->options; o && o->name; o++) {
        rf_text_printf(out, " --%s", o->name);
        if (has_no(o)) rf_text_printf(out, " --no-%s", o->name);
    }
    rf_text_put(out, "' ;;\n");
}

static void put_commands(void *ctx, const rf_program *program, const rf_command *commands) {
    rf_text *out = ctx;
    if (!commands) return;
    rf_text_printf(out, "    '%s') REPLY='", path_of(program));
    for (const rf_command *c = commands; c->name; c++) rf_text_printf(out, c == commands ? "%s" : " %s", c->name);
    rf_text_put(out, "' ;;\n");
}

/* Options without a value have no row. */
static void put_option_values(void *ctx, const rf_program *program, const rf_command *commands) {
    rf_text *out = ctx;
    (void)commands;
    for (const rf_option *o = program->options; o && o->name; o++) {
        if (is_switch(o)) continue;
        rf_text_printf(out, "    '%s --%s'", path_of(program), o->name);
        if (o->letter) rf_text_printf(out, " | '%s -%c'", path_of(program), o->letter);
        rf_text_put(out, ") REPLY='");
        put_values(out, o->value);
        rf_text_put(out, "' ;;\n");
    }
}

/* What the words without an option are, from the synopsis: each of its words counts. */
static void put_words(void *ctx, const rf_program *program, const rf_command *commands) {
    rf_text *out = ctx;
    if (commands || !program->max_positional) return;
    bool commands_only = strncmp(program->synopsis, "[COMMAND", 8) == 0;
    rf_text_printf(out, "    '%s') REPLY='%s", path_of(program), commands_only ? "" : "@file");
    if (commands_only) rf_text_put(out, "@command");
    if (strstr(program->synopsis, "CONFIG")) rf_text_put(out, " @config");
    if (strstr(program->synopsis, "MODEL")) rf_text_put(out, " @model");
    rf_text_put(out, "' ;;\n");
}

static void put_table(rf_text *out, const char *name, int (*entry)(int argc, char **argv), rf_args_visit_fn *rows) {
    rf_text_printf(out, "\n%s() {\n    case \"$1\" in\n", name);
    rf_args_visit(entry, rows, out);
    rf_text_put(out, "    *) REPLY='' ; return 1 ;;\n    esac\n}\n");
}

static void put_keys(rf_text *out) {
    rf_text_put(out, "\n_rf_keys='");
    for (size_t i = 0; i < rf_config_key_count(); i++)
        rf_text_printf(out, i ? " %s.%s" : "%s.%s", rf_config_key(i)->section, rf_config_key(i)->name);
    rf_text_put(out, "'\n\n_rf_key_values() {\n    case \"$1\" in\n");
    for (size_t i = 0; i < rf_config_key_count(); i++) {
        const rf_key *key = rf_config_key(i);
        const char *word;
        if (key->type != RF_TYPE_BOOL && key->type != RF_TYPE_ENUM) continue;
        rf_text_printf(out, "    '%s.%s') REPLY='%s", key->section, key->name,
                       key->type == RF_TYPE_BOOL ? "yes no" : "");
        for (int k = 0; (word = rf_config_word(key, k)); k++) rf_text_printf(out, k ? " %s" : "%s", word);
        rf_text_put(out, "' ;;\n");
    }
    rf_text_put(out, "    *) REPLY='' ; return 1 ;;\n    esac\n}\n\n");
}

rf_status rf_completion_text(const char *shell, int (*entry)(int argc, char **argv), rf_text *out) {
    for (const rf_completion_script *s = rf_completion_scripts; s->name; s++) {
        size_t n = strlen(s->name), length = strlen(shell);
        if (n <= length || s->name[n - length - 1] != '.' || strcmp(s->name + n - length, shell) != 0) continue;
        if (strcmp(shell, "zsh") == 0)
            rf_text_put(out, "#compdef rf rf-train rf-eval rf-detect rf-export rf-data rf-bench\n");
        rf_text_printf(out, "# SPDX-License-Identifier: Apache-2.0\n# Made by rf help --completion %s (rf %s).\n",
                       shell, RF_VERSION);
        put_table(out, "_rf_commands", entry, put_commands);
        put_table(out, "_rf_options", entry, put_options);
        put_table(out, "_rf_option_values", entry, put_option_values);
        put_table(out, "_rf_words", entry, put_words);
        put_keys(out);
        rf_text_put(out, s->text);
        return RF_OK;
    }
    return rf_fail(RF_ERR_USER, "--completion %s: expected bash or zsh", shell);
}
