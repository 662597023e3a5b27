/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data/convert_find.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/image_name.h"

enum { NEARLY_BYTES = 512 };

/* `name` when that is a file below root; the caller frees *out. */
static rf_status try_name(const char *root, const char *name, char **out) {
    char *path = rf_path_join(root, name);
    if (!path) return RF_ERR_NOMEM;
    bool found = rf_file_exists(path);
    rf_free(path);
    if (!found) return RF_OK;
    *out = rf_strdup(name);
    return *out ? RF_OK : RF_ERR_NOMEM;
}

static rf_status try_stem(const char *root, const char *stem, char **out) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ""};
    size_t n = strlen(stem), room = n + 8;
    char *name = rf_alloc(room, 1);
    rf_status status = name ? RF_OK : RF_ERR_NOMEM;
    for (size_t i = 0; status == RF_OK && !*out && i < sizeof suffixes / sizeof *suffixes; i++) {
        memcpy(name, stem, n);
        memcpy(name + n, suffixes[i], strlen(suffixes[i]) + 1);
        status = try_name(root, name, out);
    }
    rf_free(name);
    return status;
}

static bool has_suffix(const char *name) {
    return rf_image_suffix(name, strlen(name)) > 0;
}

rf_status rf_find_exact(const char *root, rf_intake_image *image) {
    char *found = NULL;
    rf_status status = RF_OK;
    image->missing = true;
    if (image->foreign) return RF_OK; /* only by its end, and that is told */
    if (image->literal) status = try_name(root, image->literal, &found);
    if (status == RF_OK && !found && image->name) status = try_name(root, image->name, &found);
    if (status == RF_OK && !found && image->name && !has_suffix(image->name))
        status = try_stem(root, image->name, &found);
    for (int k = 0; k < RF_INTAKE_OTHERS && status == RF_OK && !found && image->others[k]; k++)
        status = has_suffix(image->others[k]) ? try_name(root, image->others[k], &found)
                                              : try_stem(root, image->others[k], &found);
    if (status == RF_OK && !found && image->stem) status = try_stem(root, image->stem, &found);
    if (status != RF_OK) return status;
    image->missing = !found;
    if (!found) return RF_OK;
    rf_free(image->name);
    image->name = found;
    return RF_OK;
}

/* A picture below the root. */
typedef struct entry {
    const char *path, *base;
    size_t stem;          /* bytes of the base without suffix */
    bool taken;           /* an image is called so */
    size_t claims, first; /* images that may mean it by another name, and the first of them */
} entry;

typedef struct index_of {
    char **names;
    size_t n;
    entry *entries; /* sorted by stem without regard to letter case */
} index_of;

static int compare_stems(const char *a, size_t n, const char *b, size_t m) {
    int order = strncasecmp(a, b, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static int by_stem(const void *a, const void *b) {
    const entry *p = a, *q = b;
    int order = compare_stems(p->base, p->stem, q->base, q->stem);
    return order ? order : strcmp(p->path, q->path);
}

static size_t stem_of(const char *base) {
    size_t n = strlen(base);
    return n - rf_image_suffix(base, n);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Marks the pictures that images are called by. names: sorted. */
static void mark_taken(index_of *index, const char **names, size_t n) {
    for (size_t i = 0; i < index->n; i++)
        index->entries[i].taken = n > 0 && bsearch(&index->entries[i].path, names, n, sizeof *names, by_text) != NULL;
}

static rf_status make_index(const rf_intake *intake, index_of *index) {
    size_t n = 0;
    const char **found = NULL;
    *index = (index_of){0};
    rf_status status = rf_dir_list(intake->root, rf_image_suffixes, true, &index->names, &index->n);
    if (status == RF_ERR_NOMEM) return status;
    if (status != RF_OK) { /* a folder that cannot be listed has nothing to offer */
        *index = (index_of){0};
        return RF_OK;
    }
    index->entries = rf_alloc(index->n, sizeof *index->entries);
    found = rf_alloc(intake->n_images, sizeof(const char *));
    if (!index->entries || !found) {
        rf_free(found);
        return RF_ERR_NOMEM;
    }
    for (size_t i = 0; i < index->n; i++) {
        const char *base = rf_path_base(index->names[i]);
        index->entries[i] = (entry){.path = index->names[i], .base = base, .stem = stem_of(base)};
    }
    if (index->n) qsort(index->entries, index->n, sizeof *index->entries, by_stem);
    for (size_t i = 0; i < intake->n_images; i++)
        if (!intake->images[i].missing && intake->images[i].same == i) found[n++] = intake->images[i].name;
    if (n) qsort(found, n, sizeof *found, by_text);
    mark_taken(index, found, n);
    rf_free(found);
    return RF_OK;
}

/* The first entry of that stem; index->n when there is none. */
static size_t first_of(const index_of *index, const char *base, size_t stem) {
    size_t lo = 0, hi = index->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const entry *e = &index->entries[mid];
        if (compare_stems(e->base, e->stem, base, stem) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* How many parts of two names are the same, from their ends; letter case does not matter, and the path's suffix neither
 * where `any`. *whole: the shorter name is the end of the longer one. */
static size_t common_parts(const char *path, const char *name, bool any, bool *whole) {
    size_t n = strlen(path), m = strlen(name), k = 0, parts = 0;
    if (any) n -= rf_image_suffix(path, n);
    while (k < n && k < m && tolower((unsigned char)path[n - 1 - k]) == tolower((unsigned char)name[m - 1 - k]))
        parts += path[n - 1 - k++] == '/';
    *whole = (k == n || path[n - 1 - k] == '/') && (k == m || name[m - 1 - k] == '/') && (k == n || k == m);
    return parts + *whole;
}

/* What a search found. */
typedef struct search {
    entry *best;              /* the one that agrees with the name in most parts */
    size_t parts, n;          /* how many parts, and how many pictures agree in so many */
    size_t n_others;          /* pictures with that base in another folder */
    const entry *examples[2]; /* of either */
} search;

static search look(const index_of *index, const char *name, bool any, bool loose) {
    search s = {0};
    const char *base = rf_path_base(name);
    size_t stem = any ? strlen(base) : stem_of(base), seen = 0;
    for (size_t i = first_of(index, base, stem); i < index->n; i++) {
        entry *e = &index->entries[i];
        bool whole;
        if (compare_stems(e->base, e->stem, base, stem) != 0) break;
        if (!any && strcasecmp(e->base, base) != 0) continue;
        if (seen < 2) s.examples[seen++] = e;
        size_t parts = common_parts(e->path, name, any, &whole);
        s.n_others += !whole && !loose;
        if ((!whole && !loose) || (s.best && parts < s.parts)) continue;
        s.n = s.best && parts == s.parts ? s.n + 1 : 1;
        s.best = e;
        s.parts = parts;
    }
    return s;
}

/* %C3%A9 as its bytes; NULL in *out when there is nothing to decode. */
static rf_status decode_percent(const char *name, char **out) {
    *out = NULL;
    bool any = false;
    char *text = rf_strdup(name), *to = text;
    if (!text) return RF_ERR_NOMEM;
    for (const char *p = name; *p; p++, to++) {
        bool coded = *p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]);
        unsigned value = 0;
        if (coded) sscanf(p + 1, "%2x", &value);
        *to = coded ? (char)value : *p;
        if (value < 0x20 && coded) { /* no file is meant to be called so */
            rf_free(text);
            return RF_OK;
        }
        if (coded) p += 2;
        any |= coded;
    }
    *to = 0;
    if (any)
        *out = text;
    else
        rf_free(text);
    return RF_OK;
}

static rf_status tell_nearly(rf_intake_image *image, const search *s) {
    char text[NEARLY_BYTES];
    const char *first = s->examples[0]->path, *second = s->examples[1] ? s->examples[1]->path : NULL;
    if (s->n == 1)
        snprintf(text, sizeof text, "%.200s may be meant, but another image is called so", s->best->path);
    else if (s->n > 1)
        snprintf(text, sizeof text, "it may be %.200s or %.200s", first, second);
    else
        snprintf(text, sizeof text, "%.200s%s%.200s, in another folder", first, second ? " and " : " has that name",
                 second ? second : "");
    rf_free(image->nearly);
    image->nearly = rf_strdup(text);
    return image->nearly ? RF_OK : RF_ERR_NOMEM;
}

/* Looks for one of the names of an image; *out stays NULL when nothing or too much is found. */
static rf_status look_for(const index_of *index, rf_intake_image *image, const char *name, bool any, entry **out) {
    search s = look(index, name, any, image->foreign);
    if (s.n + s.n_others == 0) return RF_OK;
    if (s.n == 1 && !s.best->taken)
        *out = s.best;
    else if (!image->nearly)
        return tell_nearly(image, &s);
    return RF_OK;
}

static rf_status look_for_image(const index_of *index, rf_intake_image *image, entry **out) {
    const char *const names[] = {image->name, image->others[0], image->others[1], image->stem};
    enum { N = sizeof names / sizeof *names };
    for (int i = 0; i < N; i++) {
        bool any = i == N - 1 || (names[i] && !has_suffix(names[i]));
        char *decoded = NULL;
        if (!names[i] || *out) continue;
        RF_TRY(look_for(index, image, names[i], any, out));
        if (*out) return RF_OK;
        RF_TRY(decode_percent(names[i], &decoded));
        rf_status status = decoded ? look_for(index, image, decoded, any, out) : RF_OK;
        rf_free(decoded);
        RF_TRY(status);
    }
    return RF_OK;
}

static const char *called(const rf_intake_image *image) {
    return image->name ? image->name : image->stem;
}

/* Counts the images that mean a picture; the same name in other letters counts once. */
static void claim(const rf_intake *intake, entry *e, size_t image) {
    if (!e->claims) e->first = image;
    e->claims += !e->claims || strcasecmp(called(&intake->images[e->first]), called(&intake->images[image])) != 0;
}

static rf_status take(rf_intake_image *image, const entry *e) {
    if (e->claims > 1) {
        search s = {.best = (entry *)e, .n = 1};
        s.examples[0] = e;
        return image->nearly ? RF_OK : tell_nearly(image, &s);
    }
    char *found = rf_strdup(e->path);
    if (!found) return RF_ERR_NOMEM;
    image->asked = image->name ? image->name : rf_strdup(image->stem);
    image->name = found;
    image->missing = false;
    return image->asked ? RF_OK : RF_ERR_NOMEM;
}

static rf_status find_all(rf_intake *intake, const index_of *index, entry **chosen) {
    for (size_t i = 0; i < intake->n_images; i++) {
        rf_intake_image *image = &intake->images[i];
        if (!image->missing || image->same != i) continue;
        RF_TRY(look_for_image(index, image, &chosen[i]));
        if (chosen[i]) claim(intake, chosen[i], i);
    }
    for (size_t i = 0; i < intake->n_images; i++)
        if (chosen[i]) RF_TRY(take(&intake->images[i], chosen[i]));
    return RF_OK;
}

rf_status rf_find_others(rf_intake *intake) {
    index_of index;
    size_t missing = 0;
    for (size_t i = 0; i < intake->n_images; i++) missing += intake->images[i].missing && intake->images[i].same == i;
    if (!missing) return RF_OK;
    entry **chosen = rf_alloc(intake->n_images, sizeof(entry *));
    if (!chosen) return RF_ERR_NOMEM;
    rf_status status = make_index(intake, &index);
    if (status == RF_OK) status = find_all(intake, &index, chosen);
    rf_names_free(index.names, index.n);
    rf_free(index.entries);
    rf_free(chosen);
    return status;
}
