/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/convert_inputs.h"

#include <stdio.h>
#include <string.h>

#include "cli/convert_roots.h"
#include "cli/sets.h"
#include "core/file.h"
#include "core/mem.h"

enum { LAYOUTS_TOLD = 6 }; /* of those that were looked for */

void rf_convert_inputs_free(rf_convert_inputs *inputs) {
    for (size_t i = 0; i < inputs->n; i++) {
        rf_names_free(inputs->v[i].files, inputs->v[i].n_files);
        rf_free(inputs->v[i].folder);
        rf_free(inputs->v[i].root);
        rf_free(inputs->v[i].part);
    }
    *inputs = (rf_convert_inputs){0};
}

static rf_status new_input(rf_convert_inputs *inputs, const char *part, rf_convert_input **out) {
    if (inputs->n == RF_CONVERT_INPUTS) return rf_fail(RF_ERR_USER, "more than %d parts at once", RF_CONVERT_INPUTS);
    *out = &inputs->v[inputs->n++];
    **out = (rf_convert_input){.part = rf_strdup(part)};
    return (*out)->part ? RF_OK : RF_ERR_NOMEM;
}

/* Takes the string over. */
static rf_status add_file(rf_convert_input *input, char *path) {
    char **grown = path ? rf_realloc(input->files, input->n_files, input->n_files + 1, sizeof *grown) : NULL;
    if (!grown) {
        rf_free(path);
        return RF_ERR_NOMEM;
    }
    input->files = grown;
    input->files[input->n_files++] = path;
    return RF_OK;
}

/* All files below a folder that have the converter's suffix. */
static rf_status list_files(const rf_converter *from, const char *folder, char ***files, size_t *n) {
    RF_TRY(rf_dir_list(folder, from->suffix, true, files, n));
    for (size_t i = 0; i < *n; i++) {
        char *full = rf_path_join(folder, (*files)[i]);
        if (!full) {
            rf_names_free(*files, *n);
            return RF_ERR_NOMEM;
        }
        rf_free((*files)[i]);
        (*files)[i] = full;
    }
    return RF_OK;
}

/* Adds what stands at `path`, a file or a folder; nothing when there is nothing. */
static rf_status take_path(const rf_converter *from, const char *path, rf_convert_input *input) {
    if (rf_file_exists(path)) return add_file(input, rf_strdup(path));
    char **files;
    size_t n;
    if (!rf_dir_exists(path)) return rf_path_hidden(path);
    RF_TRY(list_files(from, path, &files, &n));
    if (!input->n_files) {
        input->files = files;
        input->n_files = n;
        input->folder = rf_strdup(path);
        return input->folder ? RF_OK : RF_ERR_NOMEM;
    }
    char **grown = rf_realloc(input->files, input->n_files, input->n_files + n, sizeof *grown);
    if (!grown) {
        rf_names_free(files, n);
        return RF_ERR_NOMEM;
    }
    input->files = grown;
    for (size_t i = 0; i < n; i++) input->files[input->n_files++] = files[i];
    rf_free(files);
    return RF_OK;
}

/* A part of which nothing came is dropped again. */
static void drop_empty(rf_convert_inputs *inputs) {
    rf_convert_input *last = &inputs->v[inputs->n - 1];
    if (last->n_files) return;
    rf_names_free(last->files, 0);
    rf_free(last->folder);
    rf_free(last->root);
    rf_free(last->part);
    inputs->n--;
}

static bool has_part(const rf_convert_inputs *inputs, size_t first, const char *part) {
    for (size_t i = first; i < inputs->n; i++)
        if (strcmp(inputs->v[i].part, part) == 0) return true;
    return false;
}

/* One row of the layouts below `folder`, when it is there, as `part`. */
static rf_status take_layout(const rf_converter *from, const rf_convert_layout *row, const char *part,
                             const char *folder, const char *root, rf_convert_inputs *inputs) {
    rf_convert_input *input = NULL;
    rf_status status = RF_ERR_NOMEM;
    char *annotations = rf_path_join(folder, row->annotations);
    char *images = root ? rf_strdup(root) : rf_path_join(folder, row->images);
    if (!annotations || !images) goto fail;
    status = RF_OK;
    if (!rf_dir_exists(images)) {
        status = rf_path_hidden(images);
        goto fail;
    }
    RF_TRY_GOTO(new_input(inputs, part, &input));
    input->root = images;
    images = NULL;
    RF_TRY_GOTO(take_path(from, annotations, input));
    drop_empty(inputs);
fail:
    rf_free(annotations);
    rf_free(images);
    return status;
}

static rf_status take_folder(const rf_converter *from, const char *folder, const char *part, const char *root,
                             rf_convert_inputs *inputs, bool *found) {
    size_t first = inputs->n;
    for (const rf_convert_layout *row = from->layouts; row->part; row++) {
        const char *own = *row->part ? row->part : part ? part : "train";
        bool asked = !part || strcmp(part, own) == 0,
             taken = *row->part ? has_part(inputs, first, own) : inputs->n > first;
        if (asked && !taken) RF_TRY(take_layout(from, row, own, folder, root, inputs));
    }
    *found = inputs->n > first;
    return RF_OK;
}

/* WIDER FACE's own files have folders of their own. */
static char *guess_root(const rf_converter *from, const char *path) {
    bool own = from->direct && !rf_dir_exists(path);
    return own ? rf_sets_guess_images(path) : rf_convert_guess_root(path);
}

static rf_status check_plain(const rf_converter *from, const char *path, size_t before, const rf_convert_input *input) {
    if (input->n_files > before) return RF_OK;
    RF_TRY(rf_path_check(path));
    char list[512] = "";
    size_t rows = 0;
    for (const rf_convert_layout *row = from->layouts; row->part && rows < LAYOUTS_TOLD; row++, rows++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s, ", row->annotations);
    return rf_fail(RF_ERR_USER, "%s: no annotations found; looked for %sand files *%s", path, list, from->suffix);
}

/* Files beside the annotations that are read with them: in the input's own folder, the one above it and the one that
 * was named; the first of each name. */
static rf_status add_companions(const rf_converter *from, const char *named, rf_convert_input *input) {
    const char *first = input->n_files ? input->files[0] : named;
    size_t n = (size_t)(rf_path_base(first) - first);
    char *own = n > 1 ? rf_strndup(first, n - 1) : rf_strdup(n ? "/" : "."),
         *above = own ? rf_path_join(own, "..") : NULL;
    char *twice = own ? rf_path_join(own, "../..") : NULL;
    rf_status status = own && above && twice ? RF_OK : RF_ERR_NOMEM;
    const char *const folders[] = {rf_dir_exists(named) ? named : own, own, above, twice};
    for (const char *p = from->companions; status == RF_OK && p && *p; p += *p == ',') {
        char name[64];
        size_t length = strcspn(p, ",");
        bool found = false;
        snprintf(name, sizeof name, "%.*s", (int)length, p);
        p += length;
        for (size_t i = 0; i < input->n_files; i++) found |= strcmp(rf_path_base(input->files[i]), name) == 0;
        for (size_t i = 0; status == RF_OK && !found && i < sizeof folders / sizeof *folders; i++) {
            char *path = rf_path_join(folders[i], name);
            found = path && rf_file_exists(path);
            if (found)
                status = add_file(input, path);
            else
                rf_free(path);
        }
    }
    rf_free(own);
    rf_free(above);
    rf_free(twice);
    return status;
}

rf_status rf_convert_inputs_find(const rf_converter *from, const char *const *paths, size_t n, const char *part,
                                 const char *root, rf_convert_inputs *out) {
    rf_convert_input plain = {0}, *input = NULL;
    rf_status status = RF_OK;
    *out = (rf_convert_inputs){0};
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        size_t before = plain.n_files;
        if (rf_dir_exists(paths[i])) RF_TRY_GOTO(take_folder(from, paths[i], part, root, out, &found));
        if (found) continue;
        RF_TRY_GOTO(take_path(from, paths[i], &plain));
        RF_TRY_GOTO(check_plain(from, paths[i], before, &plain));
        if (plain.root) continue;
        plain.root = root ? rf_strdup(root) : guess_root(from, paths[i]);
        status = plain.root ? RF_OK : RF_ERR_NOMEM;
        if (status != RF_OK) goto fail;
    }
    if (plain.n_files) {
        RF_TRY_GOTO(new_input(out, part ? part : "train", &input));
        plain.part = input->part;
        *input = plain;
        plain = (rf_convert_input){0};
    }
    for (size_t i = 0; from->companions && i < out->n; i++)
        RF_TRY_GOTO(add_companions(from, out->v[i].folder && n == 1 ? paths[0] : out->v[i].files[0], &out->v[i]));
fail:
    rf_names_free(plain.files, plain.n_files);
    rf_free(plain.folder);
    rf_free(plain.root);
    return status;
}
