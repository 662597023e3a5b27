/* SPDX-License-Identifier: Apache-2.0 */
/* What was meant by an option that a program does not have. */
#include <stdio.h>
#include <string.h>

#include "cli/args_impl.h"
#include "cli/say.h"
#include "settings/settings.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/text.h"

size_t rf_args_count(const rf_program *program) {
    size_t n = 0;
    while (program->options && program->options[n].name) n++;
    return n;
}

const rf_option *rf_args_find(const rf_program *program, const char *name, size_t length) {
    for (size_t i = 0; i < rf_args_count(program); i++) {
        const rf_option *o = &program->options[i];
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0) return o;
    }
    return NULL;
}

/* What other programs call it. */
static const char *other_word(const rf_program *program, const char *name) {
    static const char *const words[][2] = {
        {"threshold", "score"}, {"thresh", "score"},        {"conf", "score"},          {"confidence", "score"},
        {"output", "out"},      {"outdir", "out"},          {"output-dir", "out"},      {"weights", "init"},
        {"pretrained", "init"}, {"workers", "threads"},     {"num-workers", "threads"}, {"cfg", "config"},
        {"half", "fp16"},       {"float16", "fp16"},        {"imgsz", "size"},          {"img-size", "size"},
        {"source", "list"},     {"num-threads", "threads"}, {"format", "to"},           {"checkpoint", "model"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i][0]) == 0 && rf_args_find(program, words[i][1], strlen(words[i][1])))
            return words[i][1];
    return NULL;
}

/* Asks for another processor. */
static bool names_device(const char *name) {
    static const char *const words[] = {"gpu", "gpus", "device", "devices", "cuda", "gpu-id", "use-gpu", "cpu"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

/* The key whose name comes nearest to a word, NULL when none is near. */
static const rf_key *near_key(const char *name) {
    const char **names = rf_alloc(rf_config_key_count(), sizeof *names), *near = NULL;
    for (size_t i = 0; names && i < rf_config_key_count(); i++) names[i] = rf_config_key(i)->name;
    if (names) near = rf_nearest_name(name, names, rf_config_key_count());
    rf_free(names);
    for (size_t i = 0; near && i < rf_config_key_count(); i++)
        if (rf_config_key(i)->name == near) return rf_config_key(i);
    return NULL;
}

/* A setting that has no option of its own here has --section.key. */
static void unknown_setting(const rf_program *program, const char *word, char *name) {
    const rf_key *key = NULL;
    for (char *p = name; *p; p++)
        if (*p == '-') *p = '_';
    if (strcmp(name, "data") == 0 || strcmp(name, "dataset") == 0) key = rf_config_find_key("data", "root");
    if (strcmp(name, "batch_size") == 0) key = rf_config_find_key("train", "batch");
    for (size_t i = 0; i < rf_config_key_count(); i++)
        if (strcmp(rf_config_key(i)->name, name) == 0 && (!key || strcmp(rf_config_key(i)->section, "eval") == 0))
            key = rf_config_key(i);
    bool sets = rf_args_find(program, "set", 3) != NULL;
    if (key && sets)
        rf_cli_usage(program->name, "unknown option %s; --set %s.%s=VALUE or --%s.%s VALUE sets it", word, key->section,
                     key->name, key->section, key->name);
    else if (sets && (key = near_key(name)))
        rf_cli_usage(program->name, "unknown option %s, did you mean --%s.%s VALUE", word, key->section, key->name);
    else
        rf_cli_usage(program->name, "unknown option %s", word);
}

/* A letter that stands for nothing: which words begin with it. */
static void unknown_letter(const rf_program *program, const char *word) {
    rf_text t = {0};
    char *text = NULL;
    int n = 0;
    for (size_t i = 0; i < rf_args_count(program); i++) {
        const rf_option *o = &program->options[i];
        if (o->name[0] != word[1]) continue;
        rf_text_printf(&t, n++ ? " or --%s" : "--%s", o->name);
    }
    if (rf_text_finish(&t, &text, NULL) == RF_OK && n)
        rf_cli_usage(program->name, "unknown option %s, did you mean %s", word, text);
    else
        rf_cli_usage(program->name, "unknown option %s", word);
    rf_free(text);
}

bool rf_args_unknown(const rf_program *program, const char *word) {
    const char *names[RF_OPTIONS_MAX + 2] = {"help", "version"};
    size_t n = 2;
    for (size_t i = 0; i < rf_args_count(program) && n < RF_OPTIONS_MAX + 2; i++) names[n++] = program->options[i].name;
    char name[64];
    size_t length = strcspn(word + 2, "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word[1] == '-' ? word + 2 : "");
    const char *near = *name ? other_word(program, name) : NULL;
    if (*name && !near) near = rf_nearest_name(name, names, n);
    if (near)
        rf_cli_usage(program->name, "unknown option %s, did you mean --%s", word, near);
    else if (names_device(name))
        rf_cli_usage(program->name, "unknown option %s: rf computes on the processor (%s): leave it out", word,
                     rf_args_find(program, "threads", 7) ? "--threads N says on how many" : "there is no choice");
    else if (*name)
        unknown_setting(program, word, name);
    else
        unknown_letter(program, word);
    return false;
}
