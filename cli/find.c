/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/name.h"
#include "core/text.h"

/* What is looked for. */
typedef struct kind {
    const char *what, *suffix, *folder, *variable;
} kind;

static const kind models = {"model", ".safetensors", "models", "RF_MODELS"};
static const kind configs = {"configuration", ".ini", "configs", "RF_CONFIGS"};

/* Suffixes of weights that rf reads (layers/weights.h). */
static const char *const weight_suffixes[] = {".safetensors", ".pth", ".pt", ".tar", ".params"};

/* Every text that was given out, so that it lives until the program ends. */
static rf_text_list kept;

/* Takes `text` over; NULL when memory is out, for the text or for its place. */
static const char *keep(char *text) {
    if (!text || rf_text_list_add(&kept, text) == RF_OK) return text;
    rf_free(text);
    return NULL;
}

static bool has_suffix(const char *word, const char *suffix) {
    size_t n = strlen(word), m = strlen(suffix);
    return n > m && strcmp(word + n - m, suffix) == 0;
}

/* "FOLDER/NAME" or "FOLDER/NAME.suffix", whichever is a file. */
static rf_status try_in(const char *folder, const char *word, const kind *k, const char **found) {
    for (int with = 0; with < 2 && !*found; with++) {
        char *name = NULL;
        rf_text t = {0};
        if (with && has_suffix(word, k->suffix)) break;
        rf_text_printf(&t, "%s%s%s%s", strcmp(folder, ".") ? folder : "", strcmp(folder, ".") ? "/" : "", word,
                       with ? k->suffix : "");
        RF_TRY(rf_text_finish(&t, &name, NULL));
        if (!rf_file_exists(name) || rf_dir_exists(name))
            rf_free(name);
        else if (!(*found = keep(name)))
            return RF_ERR_NOMEM;
    }
    return RF_OK;
}

/* Of this program's file, without the last `levels` names; "" when unknown. */
static void program_folder(int levels, char *out, size_t bytes) {
    ssize_t n = readlink("/proc/self/exe", out, bytes - 1);
    out[n > 0 ? n : 0] = 0;
    for (int i = 0; i < levels; i++) {
        char *slash = strrchr(out, '/');
        if (!slash) slash = out;
        *slash = 0;
    }
}

/* The folders of a kind in the order of search. */
static rf_status folders_of(const kind *k, rf_text_list *out) {
    RF_TRY(rf_text_list_add(out, "."));
    const char *list = getenv(k->variable);
    while (list && *list) {
        size_t n = strcspn(list, ":");
        const char *folder = n ? keep(strndup(list, n)) : NULL;
        if (n && !folder) return rf_fail(RF_ERR_NOMEM, "out of memory");
        if (n) RF_TRY(rf_text_list_add(out, folder));
        list += n + (list[n] == ':');
    }
    /* PREFIX/bin/rf has PREFIX/share/rf; build/release/rf and build/MACHINE/release/rf have the source tree above. */
    static const struct {
        int levels;
        const char *below;
    } places[] = {{2, "share/rf/"}, {3, ""}, {4, ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char base[4096], *folder = NULL;
        program_folder(places[i].levels, base, sizeof base);
        rf_text t = {0};
        rf_text_printf(&t, "%s/%s%s", base, places[i].below, k->folder);
        RF_TRY(rf_text_finish(&t, &folder, NULL));
        if (!*base || !rf_dir_exists(folder))
            rf_free(folder);
        else if (!keep(folder))
            return RF_ERR_NOMEM;
        else
            RF_TRY(rf_text_list_add(out, folder));
    }
    return RF_OK;
}

/* Bare names of a kind in a folder; a folder that cannot be read has none. */
static rf_status names_in(const char *folder, const kind *k, rf_find_fn *fn, void *ctx) {
    char **names = NULL;
    size_t n = 0;
    if (!rf_dir_exists(folder) || rf_dir_list(folder, k->suffix, false, &names, &n) != RF_OK) return RF_OK;
    rf_status status = RF_OK;
    for (size_t i = 0; i < n; i++) {
        char *path = status == RF_OK ? rf_path_join(folder, names[i]) : NULL;
        if (status == RF_OK && !path) status = RF_ERR_NOMEM;
        if (status == RF_OK) {
            names[i][strlen(names[i]) - strlen(k->suffix)] = 0;
            status = fn(ctx, names[i], path);
        }
        rf_free(path);
        rf_free(names[i]);
    }
    rf_free(names);
    return status;
}

static rf_status collect(void *ctx, const char *name, const char *path) {
    (void)path;
    const char *text = keep(rf_strdup(name));
    return text ? rf_text_list_add(ctx, text) : RF_ERR_NOMEM;
}

/* Says where was looked, and the nearest name or those that there are. */
static rf_status not_found(const char *word, const kind *k, const rf_text_list *folders) {
    rf_text t = {0};
    rf_text_list names = {0};
    char *looked = NULL;
    for (size_t i = 0; i < folders->n; i++) {
        rf_text_printf(&t, "%s%s", i ? ", " : "", folders->v[i]);
        RF_TRY(names_in(folders->v[i], k, collect, &names));
    }
    RF_TRY(rf_text_finish(&t, &looked, NULL));
    char *bare = rf_strndup(word, strlen(word) - (has_suffix(word, k->suffix) ? strlen(k->suffix) : 0));
    const char *near = bare ? rf_nearest_name(bare, names.v, names.n) : NULL;
    rf_free(bare);
    const char *suffix = has_suffix(word, k->suffix) ? "" : k->suffix;
    bool box = k == &models && strcmp(word, RF_FIND_DEFAULT_MODEL) == 0;
    rf_status status = near ? rf_fail(RF_ERR_USER, "there is no %s \"%s\", did you mean \"%s\"? looked for %s%s in %s",
                                      k->what, word, near, word, suffix, looked)
                            : rf_fail(RF_ERR_USER, "there is no %s \"%s\": looked for %s%s in %s; %s%s", k->what, word,
                                      word, suffix, looked,
                                      box ? "name one with --model FILE or RUN, or train one (rf help train)"
                                          : "name a file, or a folder of such files in $",
                                      box ? "" : k->variable);
    rf_free(looked);
    return status;
}

static const char *find_bare(const char *word, const kind *k, bool must) {
    rf_text_list folders = {0};
    const char *found = NULL;
    if (folders_of(k, &folders) != RF_OK) return NULL;
    for (size_t i = 0; i < folders.n && !found; i++)
        if (try_in(folders.v[i], word, k, &found) != RF_OK) return NULL;
    if (!found && must) not_found(word, k, &folders);
    return found;
}

/* The model of a run's folder; NULL when it has none. */
static const char *model_of_run(const char *folder) {
    static const char *const names[] = {"best.safetensors", "last.safetensors"};
    for (int i = 0; i < 2; i++) {
        char *path = rf_path_join(folder, names[i]);
        if (path && rf_file_exists(path)) return keep(path);
        rf_free(path);
    }
    return NULL;
}

static bool is_bare(const char *word) {
    return *word && !strchr(word, '/') && strcmp(word, "-") != 0;
}

static const char *find(const char *word, const kind *k) {
    if (rf_file_exists(word) && !rf_dir_exists(word)) return word;
    if (k == &models && rf_dir_exists(word)) {
        const char *path = model_of_run(word);
        if (!path && is_bare(word)) path = find_bare(word, k, false); /* a folder of pictures that is called the same */
        if (!path)
            rf_fail(RF_ERR_USER,
                    "%s holds no model: expected best.safetensors or last.safetensors, as rf train leaves them", word);
        return path;
    }
    if (!is_bare(word)) return word;
    bool other = strchr(word, '.') && !has_suffix(word, k->suffix); /* "x.pth": who opens it says what is wrong */
    const char *found = find_bare(word, k, !other);
    return found || !other ? found : word;
}

const char *rf_find_model(const char *word) {
    return find(word, &models);
}

const char *rf_find_config(const char *word) {
    return find(word, &configs);
}

bool rf_find_is_model(const char *word) {
    for (size_t i = 0; i < sizeof weight_suffixes / sizeof *weight_suffixes; i++)
        if (has_suffix(word, weight_suffixes[i])) return true;
    if (rf_dir_exists(word))
        return model_of_run(word) != NULL; /* pictures that are called as a model is are pictures */
    return is_bare(word) && !strchr(word, '.') && !rf_file_exists(word) && find_bare(word, &models, false);
}

/* Passes a name on the first time only. */
typedef struct once {
    rf_find_fn *fn;
    void *ctx;
    rf_text_list seen;
} once;

static rf_status pass_once(void *ctx, const char *name, const char *path) {
    once *o = ctx;
    for (size_t i = 0; i < o->seen.n; i++)
        if (strcmp(o->seen.v[i], name) == 0) return RF_OK;
    RF_TRY(collect(&o->seen, name, path));
    return o->fn(o->ctx, name, path);
}

rf_status rf_find_configs(rf_find_fn *fn, void *ctx) {
    rf_text_list folders = {0};
    once o = {.fn = fn, .ctx = ctx};
    RF_TRY(folders_of(&configs, &folders));
    for (size_t i = 0; i < folders.n; i++) RF_TRY(names_in(folders.v[i], &configs, pass_once, &o));
    return RF_OK;
}
