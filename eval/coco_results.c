/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/coco_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/coco_ids.h"

enum { KEY_BYTES = 32, NAME_BYTES = 2048, BOX = 4 };

/* A picture by the last part of its name. */
typedef struct named {
    const char *name, *base;
    size_t index;
} named;

typedef struct results {
    const char *path;
    const rf_dataset *dataset;
    rf_prediction_set *set;
    named *names; /* [n_samples] sorted by base, without case */
    rf_coco_ids ids;
    bool by_file;             /* ids come from an annotation */
    bool has_face, has_other; /* a category was chosen; another one came */
    rf_coco_id face;
    rf_coco_id kinds[RF_CLASSES_MAX]; /* the category of each kind of object, with several */
    bool has_kind[RF_CLASSES_MAX];
    size_t found;
} results;

static size_t base_stem(const char *base) {
    return rf_prediction_stem(base, strlen(base));
}

static int compare_bases(const char *a, size_t n, const char *b, size_t m) {
    int order = strncasecmp(a, b, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static int by_base(const void *a, const void *b) {
    const named *p = a, *q = b;
    int order = compare_bases(p->base, base_stem(p->base), q->base, base_stem(q->base));
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

/* Whether the shorter of two names is the end of the longer one, suffixes of images left out. */
static bool names_agree(const char *a, const char *b) {
    size_t n = rf_prediction_stem(a, strlen(a)), m = rf_prediction_stem(b, strlen(b));
    const char *longer = n > m ? a : b, *shorter = n > m ? b : a;
    size_t most = n > m ? n : m, least = n > m ? m : n;
    return strncasecmp(longer + most - least, shorter, least) == 0 &&
           (most == least || longer[most - least - 1] == '/');
}

/* The picture that a file name means, when it is one: the names have the same end. */
static bool find_name(const results *r, const char *given, size_t *index) {
    char name[NAME_BYTES]; /* with the slashes of Windows turned */
    snprintf(name, sizeof name, "%s", given);
    for (char *p = name; *p; p++)
        if (*p == '\\') *p = '/';
    const char *base = rf_path_base(name);
    size_t n = base_stem(base), lo = 0, hi = r->dataset->n_samples, hits = 0;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (compare_bases(r->names[middle].base, base_stem(r->names[middle].base), base, n) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (; lo < r->dataset->n_samples && hits < 2; lo++) {
        const named *e = &r->names[lo];
        if (compare_bases(e->base, base_stem(e->base), base, n) != 0) break;
        if (strcmp(e->name, name) == 0) {
            *index = e->index;
            return true;
        }
        if (!names_agree(e->name, name)) continue;
        *index = e->index;
        hits++;
    }
    return hits == 1;
}

static rf_status index_names(results *r) {
    size_t n = r->dataset->n_samples;
    r->names = rf_alloc(n, sizeof *r->names);
    if (!r->names) return RF_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *name = r->dataset->samples[i].name;
        r->names[i] = (named){name, rf_path_base(name), i};
    }
    qsort(r->names, n, sizeof *r->names, by_base);
    return RF_OK;
}

/* ---- the annotation that knows the ids ---- */

/* One element of "images" or "categories": its id and its file_name or name. */
static rf_status read_entry(rf_json_walk *walk, const char *wanted, rf_coco_id *id, char name[NAME_BYTES]) {
    char key[KEY_BYTES];
    bool more, has_id = false;
    *name = 0;
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "id") == 0) {
            RF_TRY(rf_coco_id_read(walk, id));
            has_id = true;
        } else if (strcmp(key, wanted) == 0 && rf_walk_kind(walk) == '"') {
            RF_TRY(rf_walk_string(walk, name, NAME_BYTES));
        } else {
            RF_TRY(rf_walk_skip(walk));
        }
    }
    if (has_id && *name) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s:%d: an entry without \"id\" or \"%s\"", walk->path, line, wanted);
}

static rf_status read_images(results *r, rf_json_walk *walk) {
    bool more;
    RF_TRY(rf_walk_enter(walk, '['));
    for (;;) {
        rf_coco_id id;
        char name[NAME_BYTES];
        size_t index;
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(read_entry(walk, "file_name", &id, name));
        if (find_name(r, name, &index)) RF_TRY(rf_coco_ids_add(&r->ids, &id, index));
    }
}

/* Several kinds of objects: the category that is called as one of them. */
static void note_kind(results *r, const char *name, const rf_coco_id *id) {
    int label = r->dataset->classes.n > 1 ? rf_classes_find(&r->dataset->classes, name) : -1;
    if (label < 0) return;
    r->kinds[label] = *id;
    r->has_kind[label] = true;
}

static rf_status check_kinds(const results *r, const char *path) {
    for (int k = 0; k < r->dataset->classes.n; k++)
        if (!r->has_kind[k])
            return rf_fail(RF_ERR_FORMAT, "%s: none of its categories is called %s, as a kind of object of %s is", path,
                           r->dataset->classes.name[k], r->dataset->annotation_path);
    return RF_OK;
}

/* The category called face, else the only one. */
static rf_status read_categories(results *r, rf_json_walk *walk) {
    bool more, called = false;
    size_t n = 0;
    char names[200] = "";
    RF_TRY(rf_walk_enter(walk, '['));
    for (;; n++) {
        rf_coco_id id;
        char name[NAME_BYTES];
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) break;
        RF_TRY(read_entry(walk, "name", &id, name));
        note_kind(r, name, &id);
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%.40s", n ? ", " : "", name);
        if (called || (n && strcasecmp(name, "face") != 0)) continue;
        r->face = id;
        called = strcasecmp(name, "face") == 0;
    }
    if (r->dataset->classes.n > 1) return check_kinds(r, walk->path);
    r->has_face = called || n == 1;
    if (r->has_face || n == 0) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: none of its categories (%s) is called face", walk->path, names);
}

static rf_status read_annotation(results *r, const char *path) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    char key[KEY_BYTES], twice[RF_COCO_ID_BYTES];
    bool more;
    RF_TRY(rf_file_read(path, 0, &text, &bytes));
    rf_json_walk walk = rf_walk_begin(path, (const char *)text, bytes);
    rf_status status = rf_walk_enter(&walk, '{');
    for (;;) {
        RF_TRY_GOTO(status);
        RF_TRY_GOTO(rf_walk_member(&walk, key, sizeof key, &more));
        if (!more) break;
        bool images = strcmp(key, "images") == 0, categories = strcmp(key, "categories") == 0;
        status = images ? read_images(r, &walk) : categories ? read_categories(r, &walk) : rf_walk_skip(&walk);
    }
    size_t first[2];
    if (!rf_coco_ids_sort(&r->ids, first, twice))
        status = rf_fail(RF_ERR_FORMAT, "%s: two images have the id %s: %s and %s", path, twice,
                         r->dataset->samples[first[0]].name, r->dataset->samples[first[1]].name);
    else if (r->ids.n == 0)
        status = rf_fail(RF_ERR_FORMAT, "%s: none of its images is in %s; are these the ids of another set?", path,
                         r->dataset->annotation_path);
fail:
    rf_free(text);
    return status;
}

/* Without an annotation: file names that are numbers. */
static rf_status number_names(results *r) {
    size_t first[2];
    char twice[RF_COCO_ID_BYTES];
    for (size_t i = 0; i < r->dataset->n_samples; i++) {
        const char *base = rf_path_base(r->dataset->samples[i].name);
        size_t n = base_stem(base);
        if (n == 0 || n > 15 || strspn(base, "0123456789") < n) continue;
        rf_coco_id id = {.number = strtod(base, NULL)};
        RF_TRY(rf_coco_ids_add(&r->ids, &id, i));
    }
    if (rf_coco_ids_sort(&r->ids, first, twice)) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: two pictures have the number %s, %s and %s; add --ids FILE, the COCO annotation",
                   r->dataset->annotation_path, twice, r->dataset->samples[first[0]].name,
                   r->dataset->samples[first[1]].name);
}

/* ---- the results ---- */

typedef struct row {
    rf_coco_id image, category;
    bool has_image, has_category, has_score;
    double v[BOX + 1]; /* x y w h score */
    int n, line;       /* numbers of the box; where it begins */
} row;

static rf_status read_box(rf_json_walk *walk, row *out) {
    bool more;
    RF_TRY(rf_walk_enter(walk, '['));
    for (;;) {
        double value;
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        if (rf_walk_kind(walk) != '0') {
            RF_TRY(rf_walk_skip(walk));
            value = NAN;
        } else {
            RF_TRY(rf_walk_number(walk, &value));
        }
        if (out->n < BOX) out->v[out->n] = value;
        out->n++;
    }
}

static rf_status read_row(rf_json_walk *walk, row *out) {
    char key[KEY_BYTES];
    bool more;
    *out = (row){0};
    RF_TRY(rf_walk_enter(walk, '{'));
    out->line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) return RF_OK;
        char kind = rf_walk_kind(walk);
        bool id = kind == '0' || kind == '"';
        if (strcmp(key, "image_id") == 0 && id) {
            RF_TRY(rf_coco_id_read(walk, &out->image));
            out->has_image = true;
        } else if (strcmp(key, "category_id") == 0 && id) {
            RF_TRY(rf_coco_id_read(walk, &out->category));
            out->has_category = true;
        } else if (strcmp(key, "bbox") == 0 && kind == '[') {
            RF_TRY(read_box(walk, out));
        } else if (strcmp(key, "score") == 0 && kind == '0') {
            RF_TRY(rf_walk_number(walk, &out->v[BOX]));
            out->has_score = true;
        } else {
            RF_TRY(rf_walk_skip(walk));
        }
    }
}

/* The label of a row; false: it is of another category, which is noted, or refused where nothing tells the face. */
static rf_status find_label(results *r, const row *in, int line, uint8_t *label, bool *own) {
    char text[RF_COCO_ID_BYTES], other[RF_COCO_ID_BYTES];
    int n = r->dataset->classes.n;
    *own = false;
    if (n > 1 && !r->by_file)
        return rf_fail(RF_ERR_FORMAT,
                       "%s: %s has several kinds of objects; which category is which? Add --ids FILE, the COCO "
                       "annotation with their names",
                       r->path, r->dataset->annotation_path);
    for (int k = 0; n > 1 && k < n; k++) {
        if (!in->has_category || !rf_coco_id_same(&in->category, &r->kinds[k])) continue;
        *label = (uint8_t)k;
        *own = true;
        return RF_OK;
    }
    if (n < 2 && in->has_category && !r->has_face) {
        r->face = in->category;
        r->has_face = true;
    }
    *own = n < 2 && (!in->has_category || rf_coco_id_same(&in->category, &r->face));
    if (*own) return RF_OK;
    if (!r->by_file)
        return rf_fail(RF_ERR_FORMAT,
                       "%s:%d: categories %s and %s; which of them is the face? Add --ids FILE, the COCO annotation "
                       "with their names",
                       r->path, line, rf_coco_id_text(&r->face, other), rf_coco_id_text(&in->category, text));
    rf_prediction_notes_add(&r->set->notes, RF_NOTE_other_categories, "%s:%d", r->path, line);
    return RF_OK;
}

static bool find_image(const results *r, const rf_coco_id *id, size_t *index) {
    if (rf_coco_ids_find(&r->ids, id, index)) return true;
    return !r->by_file && id->text[0] && find_name(r, id->text, index);
}

static rf_status take_row(results *r, const row *in, int line) {
    rf_prediction_notes *notes = &r->set->notes;
    char text[RF_COCO_ID_BYTES];
    uint8_t label = 0;
    bool own;
    size_t image;
    rf_face face;
    if (!in->has_image || in->n != BOX || !in->has_score) {
        rf_prediction_notes_add(notes, RF_NOTE_bad_rows, "%s:%d", r->path, line);
        return RF_OK;
    }
    RF_TRY(find_label(r, in, line, &label, &own));
    if (!own) return RF_OK;
    if (!find_image(r, &in->image, &image)) {
        rf_prediction_notes_add(notes, RF_NOTE_strays, "%s:%d: image_id %s", r->path, line,
                                rf_coco_id_text(&in->image, text));
        return RF_OK;
    }
    r->found++;
    if (!rf_prediction_face(in->v, r->path, line, notes, &face)) return RF_OK;
    face.label = label;
    return rf_prediction_set_add(r->set, image, &face, in->v[BOX], NULL);
}

static rf_status read_results(results *r) {
    uint8_t *text = NULL;
    size_t bytes = 0;
    bool more;
    RF_TRY(rf_file_read(r->path, 0, &text, &bytes));
    rf_json_walk walk = rf_walk_begin(r->path, (const char *)text, bytes);
    rf_status status =
        rf_walk_kind(&walk) == '[' ? rf_walk_enter(&walk, '[') : rf_walk_expected(&walk, "an array of results");
    for (;;) {
        row next;
        RF_TRY_GOTO(status);
        RF_TRY_GOTO(rf_walk_item(&walk, &more));
        if (!more) break;
        RF_TRY_GOTO(read_row(&walk, &next));
        status = take_row(r, &next, next.line);
    }
    status = rf_walk_finish(&walk);
    r->set->notes.files = 1;
    for (size_t i = 0; i < r->set->n; i++) {
        r->set->matlab_rows[i] = r->set->lists[i].n;
        if (!r->set->lists[i].n)
            rf_prediction_notes_add(&r->set->notes, RF_NOTE_unnamed, "%s", r->dataset->samples[i].name);
    }
fail:
    rf_free(text);
    return status;
}

bool rf_coco_results_sniff(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    int c = fgetc(file);
    while (c == 0xef || c == 0xbb || c == 0xbf || c == ' ' || c == '\t' || c == '\r' || c == '\n') c = fgetc(file);
    fclose(file);
    return c == '[' || c == '{';
}

rf_status rf_coco_results_read(const char *path, const char *ids, const rf_dataset *dataset, rf_prediction_set *set) {
    results r = {.path = path, .dataset = dataset, .set = set, .by_file = ids != NULL};
    RF_TRY(rf_prediction_set_make(dataset->n_samples, set));
    rf_status status = index_names(&r);
    if (status == RF_OK) status = ids ? read_annotation(&r, ids) : number_names(&r);
    if (status == RF_OK) status = read_results(&r);
    if (status == RF_OK) status = rf_prediction_notes_check(path, &set->notes);
    if (status == RF_OK && dataset->n_samples && r.found == 0)
        status = rf_fail(RF_ERR_FORMAT, "%s: not one row is of a picture of %s%s%s", path, dataset->annotation_path,
                         set->notes.n[RF_NOTE_strays] ? "; the first is " : "", set->notes.first[RF_NOTE_strays]);
    if (status == RF_ERR_FORMAT && !ids && r.found == 0 && set->notes.n[RF_NOTE_strays])
        status =
            rf_fail_context(status, "image_ids mean nothing here, add --ids FILE, the COCO annotation that has them");
    if (status != RF_OK) rf_prediction_set_free(set);
    rf_coco_ids_free(&r.ids);
    rf_free(r.names);
    return status;
}
