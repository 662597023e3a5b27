/* SPDX-License-Identifier: Apache-2.0 */
#include <glob.h>
#include <string.h>

#include "cli/detect.h"
#include "core/file.h"
#include "core/mem.h"

static rf_status add(rf_inputs *inputs, const char *path, const char *relative, rf_status failed) {
    size_t n = inputs->n;
    if (n == inputs->capacity) {
        size_t grown = n ? 2 * n : 16;
        rf_input *items = rf_realloc(inputs->items, n, grown, sizeof *items);
        if (!items) return RF_ERR_NOMEM;
        inputs->items = items;
        inputs->capacity = grown;
    }
    rf_input *item = &inputs->items[inputs->n++];
    *item = (rf_input){.status = failed};
    if (failed != RF_OK && !(item->error = rf_strdup(rf_error_message()))) return RF_ERR_NOMEM;
    if (path && (!(item->path = rf_strdup(path)) || !(item->relative = rf_strdup(relative)))) return RF_ERR_NOMEM;
    return RF_OK;
}

typedef struct folder_faults {
    rf_inputs *inputs;
    rf_status status;
} folder_faults;

static void pass_folder_over(void *ctx, const char *sentence) {
    folder_faults *f = ctx;
    rf_fail(RF_ERR_IO, "%s", sentence);
    if (f->status == RF_OK) f->status = add(f->inputs, NULL, NULL, RF_ERR_IO);
}

static rf_status add_folder(rf_inputs *inputs, const char *path) {
    char **names = NULL;
    size_t n = 0;
    folder_faults faults = {inputs, RF_OK};
    rf_status status = rf_dir_list_most(path, ".jpg,.jpeg,.png", true, pass_folder_over, &faults, &names, &n);
    if (status == RF_OK && n == 0) status = rf_fail(RF_ERR_USER, "%s holds no .jpg or .png picture", path);
    if (status != RF_OK) return status;
    status = faults.status;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *full = rf_path_join(path, names[i]); /* reads */
        status = full ? add(inputs, full, names[i], RF_OK) : RF_ERR_NOMEM;
        rf_free(full);
    }
    rf_names_free(names, n);
    return status;
}

/* A pattern that the shell left to us; it leads to files and folders in the order of their names. */
static rf_status add_pattern(rf_inputs *inputs, const char *word) {
    glob_t found = {0};
    int failed = glob(word, 0, NULL, &found);
    rf_status status = RF_OK;
    if (failed == GLOB_NOSPACE)
        status = rf_fail(RF_ERR_NOMEM, "out of memory for the files that '%s' leads to", word);
    else if (failed)
        status = rf_fail(RF_ERR_USER, "%s: no file is called like that", word);
    for (size_t i = 0; status == RF_OK && i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        status = rf_dir_exists(path) ? add_folder(inputs, path) : add(inputs, path, rf_path_base(path), RF_OK);
        if (status != RF_OK && status != RF_ERR_NOMEM) status = add(inputs, path, rf_path_base(path), status);
    }
    globfree(&found);
    return status;
}

static rf_status add_word(rf_inputs *inputs, const char *word) {
    if (strcmp(word, "-") == 0) {
        for (size_t i = 0; i < inputs->n; i++)
            if (inputs->items[i].path && strcmp(inputs->items[i].path, word) == 0)
                return rf_fail(RF_ERR_USER, "-: the standard input is named twice, it can be read once");
        return add(inputs, word, "stdin", RF_OK);
    }
    if (rf_dir_exists(word)) return add_folder(inputs, word);
    if (strpbrk(word, "*?[") && !rf_file_exists(word)) return add_pattern(inputs, word);
    RF_TRY(rf_path_check(word));
    return add(inputs, word, rf_path_base(word), RF_OK);
}

static rf_status add_or_blame(rf_inputs *inputs, const char *word, bool only) {
    rf_status status = add_word(inputs, word);
    if (status == RF_OK || only || status == RF_ERR_NOMEM) return status;
    return add(inputs, word, rf_path_base(word), status);
}

/* The whole of a list, from a file or pipe, with a 0 at its end. */
static rf_status read_list(const char *list, char **text, size_t *bytes) {
    static const size_t most = (size_t)1 << 30;
    static const atomic_bool never = false;
    rf_bytes *file = NULL;
    *text = NULL;
    rf_status status = rf_bytes_open(list, &never, &file);
    if (status == RF_OK) status = rf_bytes_want(file, most, bytes);
    if (status == RF_OK && !(*text = rf_alloc(*bytes + 1, 1))) status = RF_ERR_NOMEM;
    if (status == RF_OK && *bytes) memcpy(*text, rf_bytes_data(file), *bytes);
    rf_bytes_close(file);
    return status == RF_OK ? RF_OK : rf_fail_context(status, "--list");
}

/* A path a line, as find(1) and ls(1) print them. */
static rf_status add_list(rf_inputs *inputs, const char *list) {
    char *text = NULL;
    size_t bytes = 0, lines = 0;
    RF_TRY(read_list(list, &text, &bytes));
    rf_status status = RF_OK;
    if (memchr(text, 0, bytes))
        status = rf_fail(RF_ERR_FORMAT, "--list %s: expected a path a line, this is no text", list);
    char *save = NULL;
    for (char *line = status == RF_OK ? strtok_r(text, "\n", &save) : NULL; line && status == RF_OK;
         line = strtok_r(NULL, "\n", &save)) {
        size_t n = strlen(line);
        if (n && line[n - 1] == '\r') line[n - 1] = 0;
        if (!*line) continue;
        lines++;
        status = add_or_blame(inputs, line, false);
    }
    rf_free(text);
    if (status == RF_OK && lines == 0)
        status = rf_fail(RF_ERR_USER, "--list %s: no path is in it, expected one a line", list);
    return status;
}

rf_status rf_inputs_find(const rf_detect_settings *settings, rf_inputs *inputs) {
    bool only = settings->n_words == 1 && !settings->list;
    for (size_t i = 0; i < settings->n_words; i++) {
        if (settings->list && strcmp(settings->list, "-") == 0 && strcmp(settings->words[i], "-") == 0)
            return rf_fail(RF_ERR_USER, "- and --list - are both the standard input, which can be read once");
        RF_TRY(add_or_blame(inputs, settings->words[i], only));
    }
    return settings->list ? add_list(inputs, settings->list) : RF_OK;
}

void rf_inputs_free(rf_inputs *inputs) {
    for (size_t i = 0; i < inputs->n; i++) {
        rf_free(inputs->items[i].path);
        rf_free(inputs->items[i].relative);
        rf_free(inputs->items[i].error);
    }
    rf_free(inputs->items);
    *inputs = (rf_inputs){0};
}
