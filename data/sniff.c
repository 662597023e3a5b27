/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sniff.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"

enum { FILES_TRIED = 64 };
static const size_t sniff_max_bytes = (size_t)4 << 30;

rf_sniffed rf_sniff_text(const char *text, size_t bytes) {
    rf_sniffed out = {0};
    bool plain = !memchr(text, 0, bytes);
    for (int i = 0; !out.from && i < RF_CONVERTER_COUNT; i++) {
        const rf_converter *c = rf_converters[i];
        if ((plain || c->binary) && c->sniff(text, bytes)) out.from = c;
    }
    for (size_t i = 0; !out.from && !out.foreign && i < rf_foreign_count; i++)
        if (rf_foreigns[i].sniff(text, bytes)) out.foreign = &rf_foreigns[i];
    return out;
}

static bool ends_in(const char *name, const char *suffixes) {
    size_t n = strlen(name);
    for (const char *s = suffixes; *s; s += *s == ',') {
        size_t m = strcspn(s, ",");
        if (m <= n && strncasecmp(name + n - m, s, m) == 0) return true;
        s += m;
    }
    return false;
}

static rf_status sniff_file(const char *folder, const char *name, rf_sniffed *out) {
    uint8_t *text;
    size_t bytes;
    *out = (rf_sniffed){0};
    char *path = rf_path_join(folder, name);
    if (!path) return RF_ERR_NOMEM;
    rf_status status = rf_file_read(path, sniff_max_bytes, &text, &bytes);
    rf_free(path);
    RF_TRY(status);
    *out = rf_sniff_text((const char *)text, bytes);
    rf_free(text);
    snprintf(out->file, sizeof out->file, "%s", name);
    return RF_OK;
}

/* Puts what was recognised in one file into what is known of the folder. */
static void add(rf_sniffed *known, const rf_sniffed *one) {
    if (one->from && !known->from) {
        known->from = one->from;
        snprintf(known->file, sizeof known->file, "%s", one->file);
    } else if (one->from && known->from != one->from && !known->other) {
        known->other = one->from;
        snprintf(known->other_file, sizeof known->other_file, "%s", one->file);
    } else if (one->foreign && !known->from && !known->foreign) {
        known->foreign = one->foreign;
        snprintf(known->file, sizeof known->file, "%s", one->file);
    }
}

/* Looks at the files of a folder (all its names, those of subfolders with them) whose suffix some converter has, from
 * the first on and as many as are worth it. */
static rf_status sniff_names(const char *folder, char **names, size_t n, rf_sniffed *out) {
    size_t tried[RF_CONVERTER_COUNT] = {0};
    for (size_t i = 0; i < n; i++) {
        bool look = false;
        for (int c = 0; c < RF_CONVERTER_COUNT; c++)
            if (ends_in(names[i], rf_converters[c]->suffix)) look |= tried[c]++ < FILES_TRIED;
        if (!look) continue;
        rf_sniffed one;
        rf_status status = sniff_file(folder, names[i], &one);
        if (status == RF_ERR_NOMEM) return status;
        if (status != RF_OK) continue;
        if (one.from && !ends_in(names[i], one.from->suffix)) one.from = NULL; /* the converter would not find it */
        add(out, &one);
    }
    return RF_OK;
}

static rf_status sniff_folder(const char *path, rf_sniffed *out) {
    char **names;
    size_t n;
    RF_TRY(rf_dir_list(path, NULL, true, &names, &n));
    rf_status status = sniff_names(path, names, n, out);
    rf_names_free(names, n);
    return status;
}

rf_status rf_sniff_path(const char *path, rf_sniffed *out) {
    *out = (rf_sniffed){0};
    if (rf_dir_exists(path)) return sniff_folder(path, out);
    rf_status status = sniff_file("", path, out);
    *out->file = 0;
    return status;
}

int rf_converter_title(const rf_converter *c) {
    return (int)strcspn(c->doc, ":;");
}

rf_status rf_sniff_refuse(const char *path, const rf_sniffed *s) {
    const char *holds = *s->file ? " holds " : " is ", *open = *s->file ? " (" : "", *close = *s->file ? ")" : "";
    if (s->from && !s->from->direct)
        return rf_fail(RF_ERR_FORMAT,
                       "%s%s%.*s%s%s%s; make a data set of it with `rf-data convert %s --from %s --out DIR` and name "
                       "that DIR",
                       path, holds, rf_converter_title(s->from), s->from->doc, open, s->file, close, path,
                       s->from->name);
    if (s->foreign && !s->from)
        return rf_fail(RF_ERR_FORMAT, "%s%s%s%s%s%s; %s", path, holds, s->foreign->what, open, s->file, close,
                       s->foreign->advice);
    return RF_OK;
}
