/* SPDX-License-Identifier: Apache-2.0 */
/* Files below the folders that the user named. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/detect.h"
#include "cli/output.h"
#include "cli/say.h"
#include "core/file.h"
#include "core/mem.h"

bool rf_is_picture_name(const char *path) {
    const char *dot = strrchr(rf_path_base(path), '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

/* Whether a file cannot be made because of its own name; on a full disk the next one fails, too. */
static bool is_in_the_way(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 ? S_ISDIR(info.st_mode) : errno == ENAMETOOLONG || errno == ENOTDIR;
}

/* The path of a file that may be written. */
static rf_status make_path(const char *out, const char *source, const char *file, char **path, bool *own) {
    *path = NULL;
    rf_status status = rf_below_make(out, file, path);
    if (status != RF_OK) {
        *own = status == RF_ERR_USER || (rf_below_path(out, file, path) == RF_OK && is_in_the_way(*path));
        return status;
    }
    if (rf_output_is_input(*path, source))
        return rf_fail(RF_ERR_USER, "--out %s would overwrite %s itself: choose another folder", out, source);
    return RF_OK;
}

rf_status rf_detect_save(const char *out, const char *source, const char *file, const rf_image *image, bool *own) {
    char *path;
    *own = false;
    rf_status status = make_path(out, source, file, &path, own);
    if (status == RF_OK) {
        status = rf_image_save(path, image, 0);
        *own = status != RF_OK && (status != RF_ERR_IO || is_in_the_way(path));
    }
    rf_free(path);
    return status;
}

rf_status rf_detect_save_bytes(const char *out, const char *source, const char *file, const uint8_t *bytes, size_t n,
                               bool *own) {
    char *path;
    *own = false;
    rf_status status = make_path(out, source, file, &path, own);
    if (status == RF_OK) {
        status = rf_file_write_atomic(path, bytes, n);
        *own = status != RF_OK && is_in_the_way(path);
    }
    rf_free(path);
    return status;
}

static rf_status check_word(const rf_detect_settings *s, const char *word) {
    static const char drawn[] = "--out %s would overwrite %s itself: choose another folder";
    RF_TRY(rf_output_not_input("--json", s->json, "a picture to look at", word));
    RF_TRY(rf_output_not_input("--label", s->label, "what is looked at", word));
    if (rf_output_is_input(s->out, word)) return rf_fail(RF_ERR_USER, drawn, s->out, word);
    char *same = s->out ? rf_path_join(s->out, rf_path_base(word)) : NULL; /* reads */
    bool is_same = same && !rf_dir_exists(same) && rf_output_is_input(same, word);
    rf_free(same);
    return is_same ? rf_fail(RF_ERR_USER, drawn, s->out, word) : RF_OK;
}

rf_status rf_detect_check_outputs(const rf_detect_settings *s, const char *model, const char *config) {
    RF_TRY(rf_output_not_input("--json", s->json, "the model", model));
    RF_TRY(rf_output_not_input("--json", s->json, "the configuration", config));
    if (s->json && rf_is_picture_name(s->json) && rf_file_exists(s->json))
        return rf_fail(RF_ERR_USER, "--json %s is a picture: choose another name", s->json);
    if (s->out && s->json && strcmp(s->out, s->json) == 0)
        return rf_fail(RF_ERR_USER, "--out and --json are both %s: one is a folder, the other a file", s->out);
    if (s->out && s->label && strcmp(s->out, s->label) == 0)
        return rf_fail(RF_ERR_USER, "--out and --label are both %s: choose two folders", s->out);
    for (size_t i = 0; i < s->n_words; i++) RF_TRY(check_word(s, s->words[i]));
    return RF_OK;
}
