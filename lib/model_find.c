/* SPDX-License-Identifier: Apache-2.0 */
/* Where models are: paths, runs' folders, folders of models, and share/rf/models of the prefix of this library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "lib/model.h"

enum { PREFIX_ABOVE = 3 /* folders from a library to its prefix, at most: lib/x86_64-linux-gnu */ };
static const char suffix[] = ".safetensors";

/* FOLDER/NAME + ending; *path stays NULL when there is no such file. */
static rf_status try_file(const char *folder, const char *name, const char *ending, char **path) {
    rf_text text = {0};
    char *tried = NULL;
    rf_text_printf(&text, "%s/%s%s", folder, name, ending);
    RF_TRY(rf_text_finish(&text, &tried, NULL));
    if (rf_file_exists(tried) && !rf_dir_exists(tried))
        *path = tried;
    else
        rf_free(tried);
    return RF_OK;
}

static rf_status try_folder(const char *folder, const char *name, char **path) {
    RF_TRY(try_file(folder, name, "", path));
    return *path ? RF_OK : try_file(folder, name, suffix, path);
}

/* share/rf/models above the file that holds this code; *path stays NULL when it is not there. */
static rf_status try_prefix(const char *name, char **path) {
    Dl_info info;
    if (!dladdr((void *)(size_t)&rf_lib_model_find, &info) || !info.dli_fname) return RF_OK;
    char *folder = rf_strdup(info.dli_fname);
    if (!folder) return RF_ERR_NOMEM;
    rf_status status = RF_OK;
    for (int above = 0; above <= PREFIX_ABOVE && status == RF_OK && !*path; above++) {
        char *slash = strrchr(folder, '/');
        if (!slash) break;
        *slash = 0;
        rf_text text = {0};
        char *models = NULL;
        rf_text_printf(&text, "%s/share/rf/models", folder);
        status = rf_text_finish(&text, &models, NULL);
        if (status == RF_OK) status = try_folder(models, name, path);
        rf_free(models);
    }
    rf_free(folder);
    return status;
}

static rf_status try_run(const char *folder, char **path) {
    RF_TRY(try_file(folder, "best", suffix, path));
    return *path ? RF_OK : try_file(folder, "last", suffix, path);
}

static rf_status find_run(const char *folder, char **path) {
    RF_TRY(try_run(folder, path));
    return *path ? RF_OK
                 : rf_fail(RF_ERR_USER,
                           "%s is a folder without best.safetensors or last.safetensors: expected a "
                           "model's file, a run's folder or a name",
                           folder);
}

/* A path of a file or a run's folder; *path stays NULL when there is none of this name. */
static rf_status find_here(const char *name, bool must, char **path) {
    if (rf_dir_exists(name)) return must ? find_run(name, path) : try_run(name, path);
    if (!rf_file_exists(name)) return RF_OK;
    *path = rf_strdup(strcmp(name, "-") ? name : "./-"); /* never the standard input */
    return *path ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_lib_model_find(const char *name, const char *const *folders, char **path) {
    *path = NULL;
    bool bare = !strchr(name, '/');
    RF_TRY(find_here(name, !bare, path));
    if (*path) return RF_OK;
    RF_TRY(rf_path_hidden(name));
    if (!bare) return rf_fail(RF_ERR_IO, "%s: no such file or folder", name);
    for (; folders && *folders; folders++) {
        RF_TRY(try_folder(*folders, name, path));
        if (*path) return RF_OK;
    }
    RF_TRY(try_prefix(name, path));
    if (*path) return RF_OK;
    if (rf_dir_exists(name)) return find_run(name, path); /* says what it lacks */
    return rf_fail(RF_ERR_IO,
                   "there is no model '%s': no file or run's folder here, nor in the folders given, nor among "
                   "the models installed with librf; name a file",
                   name);
}
