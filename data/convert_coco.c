/* SPDX-License-Identifier: Apache-2.0 */
/* COCO JSON (cocodataset.org/#format-data): "images", "annotations", "categories". Landmarks come from keypoints whose
 * names (categories[].keypoints) mean the five, or from COCO-WholeBody's face_kpts (the 68 points of iBUG; the face's
 * box is then face_box). The text is walked three times, since any section may come first and polygons would make a
 * tree of it many times as large as the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_walk.h"
#include "core/mem.h"
#include "data/coco_ids.h"
#include "data/convert_impl.h"
#include "data/ibug.h"
#include "data/sniff.h"

enum { NAME_BYTES = 2048, KEY_BYTES = 32, KEYPOINTS_MAX = 256, CATEGORIES_MAX = 4096, ID_BYTES = 256 };
static const size_t no_index = (size_t)-1; /* of an image whose id another has, too */

typedef struct category {
    rf_coco_id id;
    int number;                /* in the intake */
    int points[RF_POINTS_MAX]; /* which keypoint each point is, -1: none */
    size_t n_keypoints;
    bool image_left; /* our own files say what "left" means */
} category;

typedef struct coco {
    const rf_source *source;
    rf_intake *intake;
    category *categories;
    size_t n_categories;
    rf_coco_ids ids;         /* of the images, sorted once all are read */
    size_t n_others, others; /* objects whose keypoints are not those that are taken; of the first so many */
    int others_line;
} coco;

typedef rf_status (*item_fn)(coco *c, rf_json_walk *walk);

/* The ids of an entry, where they can be read: its own as text, and that of its image. */
static void identify(rf_json_walk walk, char own[ID_BYTES], rf_coco_id *image, bool *has_image) {
    char key[KEY_BYTES];
    bool more;
    *own = 0;
    *has_image = false;
    if (rf_walk_enter(&walk, '{') != RF_OK) return;
    while (rf_walk_member(&walk, key, sizeof key, &more) == RF_OK && more) {
        rf_coco_id id;
        char text[RF_COCO_ID_BYTES];
        rf_json_walk begin = walk;
        bool is_id = strcmp(key, "id") == 0, is_image = strcmp(key, "image_id") == 0;
        if ((is_id || is_image) && rf_coco_id_read(&walk, &id) == RF_OK) {
            if (is_id) snprintf(own, ID_BYTES, "id %.100s of ", rf_coco_id_text(&id, text));
            if (is_image) *image = id;
            *has_image |= is_image;
            continue;
        }
        walk = begin;
        if (rf_walk_skip_broken(&walk) != RF_OK) return;
    }
}

/* One entry that cannot be read costs that entry: `walk` goes on behind it. */
static rf_status skip_entry(coco *c, const char *section, rf_json_walk begin, rf_json_walk *walk) {
    char why[512], own[ID_BYTES];
    rf_coco_id id;
    bool has_image;
    size_t image = no_index;
    rf_convert_reason reason = RF_CONVERT_WRONG_KIND;
    snprintf(why, sizeof why, "%s", rf_error_message());
    *walk = begin;
    RF_TRY(rf_walk_skip_broken(walk));
    identify(begin, own, &id, &has_image);
    if (has_image && !rf_coco_ids_find(&c->ids, &id, &image)) image = no_index;
    if (strcmp(section, "images") == 0) reason = RF_CONVERT_WRONG_IMAGE;
    if (strcmp(section, "annotations") == 0) reason = RF_CONVERT_WRONG_FACE;
    rf_fail(RF_ERR_FORMAT, "%s (%s\"%s\")", why, own, section);
    return rf_intake_skip(c->intake, RF_ERR_FORMAT, reason, image == no_index ? RF_NO_IMAGE : (long long)image,
                          begin.line);
}

/* Broken entries of the sections are told when these are read, and harm the others no more than there. */
static bool is_section(const char *key) {
    return strcmp(key, "images") == 0 || strcmp(key, "annotations") == 0 || strcmp(key, "categories") == 0;
}

/* Calls fn for every element of a member of the root object and skips the other members. */
static rf_status visit(coco *c, const char *section, bool needed, item_fn fn) {
    rf_json_walk walk = rf_walk_begin(c->source->path, c->source->text, c->source->bytes);
    char key[KEY_BYTES];
    bool more, found = false, item;
    RF_TRY(rf_walk_enter(&walk, '{'));
    for (;;) {
        RF_TRY(rf_walk_member(&walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, section) != 0) {
            RF_TRY(is_section(key) ? rf_walk_skip_broken(&walk) : rf_walk_skip(&walk));
            continue;
        }
        if (found) return rf_fail(RF_ERR_FORMAT, "%s:%d: a second \"%s\"", walk.path, walk.line, section);
        found = true;
        RF_TRY(rf_walk_enter(&walk, '['));
        for (;;) {
            RF_TRY(rf_walk_item(&walk, &item));
            if (!item) break;
            rf_json_walk begin = walk;
            rf_status status = fn(c, &walk);
            if (status == RF_ERR_FORMAT) status = skip_entry(c, section, begin, &walk);
            RF_TRY(status);
        }
    }
    RF_TRY(rf_walk_finish(&walk));
    if (found || !needed) return RF_OK;
    return rf_fail(RF_ERR_FORMAT, "%s: there is no list \"%s\"; COCO files have images, annotations and categories",
                   walk.path, section);
}

static rf_status missing(const rf_json_walk *walk, int line, const char *what) {
    return rf_fail(RF_ERR_FORMAT, "%s:%d: %s", walk->path, line, what);
}

static rf_status read_keypoint_names(const rf_point_scheme *scheme, rf_json_walk *walk, category *cat) {
    char name[NAME_BYTES];
    bool more;
    RF_TRY(rf_walk_enter(walk, '['));
    for (size_t i = 0;; i++) {
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(rf_walk_string(walk, name, sizeof name));
        int point = scheme->n && !scheme->names ? (int)i : rf_scheme_find(scheme, name, strlen(name));
        if (point >= rf_scheme_count(scheme)) point = -1;
        if (point >= 0 && cat->points[point] < 0 && i < KEYPOINTS_MAX) cat->points[point] = (int)i;
        cat->n_keypoints = i + 1;
    }
}

static rf_status read_category(coco *c, rf_json_walk *walk) {
    char key[KEY_BYTES], name[NAME_BYTES] = "", left[KEY_BYTES];
    bool more, has_id = false;
    category cat = {.number = 0};
    for (int k = 0; k < RF_POINTS_MAX; k++) cat.points[k] = -1;
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "id") == 0) {
            RF_TRY(rf_coco_id_read(walk, &cat.id));
            has_id = true;
        } else if (strcmp(key, "name") == 0) {
            RF_TRY(rf_walk_string(walk, name, sizeof name));
        } else if (strcmp(key, "keypoints") == 0 && rf_walk_kind(walk) == '[') {
            RF_TRY(read_keypoint_names(&c->intake->scheme, walk, &cat));
        } else if (strcmp(key, "left") == 0 && rf_walk_kind(walk) == '"') {
            RF_TRY(rf_walk_string(walk, left, sizeof left));
            cat.image_left = strcmp(left, "image") == 0;
        } else {
            RF_TRY(rf_walk_skip_broken(walk));
        }
    }
    if (!has_id || !*name) return missing(walk, line, "a category without an id or a name");
    for (size_t i = 0; i < c->n_categories; i++)
        if (rf_coco_id_same(&c->categories[i].id, &cat.id) &&
            strcmp(c->intake->categories[c->categories[i].number], name) != 0)
            return rf_fail(RF_ERR_FORMAT, "%s:%d: the category \"%.40s\" has the id of \"%.40s\", which keeps it",
                           walk->path, line, name, c->intake->categories[c->categories[i].number]);
    if (c->n_categories == CATEGORIES_MAX)
        return rf_fail(RF_ERR_FORMAT, "%s:%d: more than %d categories", walk->path, line, CATEGORIES_MAX);
    RF_TRY(rf_intake_category(c->intake, name, &cat.number));
    category *grown = rf_realloc(c->categories, c->n_categories, c->n_categories + 1, sizeof *grown);
    if (!grown) return RF_ERR_NOMEM;
    c->categories = grown;
    c->categories[c->n_categories++] = cat;
    return RF_OK;
}

static rf_status read_image(coco *c, rf_json_walk *walk) {
    char key[KEY_BYTES], name[NAME_BYTES] = "";
    bool more, has_id = false;
    rf_coco_id id = {0};
    double size[2] = {0};
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        if (strcmp(key, "id") == 0) {
            RF_TRY(rf_coco_id_read(walk, &id));
            has_id = true;
        } else if (strcmp(key, "file_name") == 0) {
            RF_TRY(rf_walk_string(walk, name, sizeof name));
        } else if (strcmp(key, "width") == 0 && rf_walk_kind(walk) == '0') {
            RF_TRY(rf_walk_number(walk, &size[0]));
        } else if (strcmp(key, "height") == 0 && rf_walk_kind(walk) == '0') {
            RF_TRY(rf_walk_number(walk, &size[1]));
        } else {
            RF_TRY(rf_walk_skip_broken(walk));
        }
    }
    if (!has_id || !*name) return missing(walk, line, "an image without an id or a file_name");
    RF_TRY(rf_intake_add_image(c->intake, name, strlen(name), NULL, 0, line));
    rf_intake_image *image = &c->intake->images[c->intake->n_images - 1];
    for (int i = 0; i < 2; i++)
        if (size[i] < 0 || size[i] > 1e9) size[i] = 0;
    image->declared_width = (int)size[0];
    image->declared_height = (int)size[1];
    return rf_coco_ids_add(&c->ids, &id, c->intake->n_images - 1);
}

/* Two images of one id: nobody knows whose the annotations are, unless both are the same file. */
static rf_status tell_same_id(const coco *c, const struct rf_coco_entry *first, const struct rf_coco_entry *second) {
    const rf_intake_image *a = &c->intake->images[first->index], *b = &c->intake->images[second->index];
    char number[40];
    snprintf(number, sizeof number, "%.15g", first->number);
    rf_fail(RF_ERR_FORMAT, "%s:%d: the image id %.100s is used twice, by %s and by %s of line %d; both are left out",
            c->source->path, b->line, first->text ? first->text : number, b->name, a->name, a->line);
    return rf_intake_skip(c->intake, RF_ERR_FORMAT, RF_CONVERT_WRONG_IMAGE, RF_NO_IMAGE, b->line);
}

static rf_status sort_ids(coco *c) {
    rf_intake_image *images = c->intake->images;
    char text[RF_COCO_ID_BYTES];
    size_t twice[2];
    if (rf_coco_ids_sort(&c->ids, twice, text)) return RF_OK;
    struct rf_coco_entry *v = c->ids.v;
    for (size_t first = 0, end; first < c->ids.n; first = end) {
        bool same = true;
        end = rf_coco_ids_group(&c->ids, first);
        for (size_t i = first + 1; i < end; i++) {
            if (strcmp(images[v[first].index].name, images[v[i].index].name) == 0) continue;
            same = false;
            RF_TRY(tell_same_id(c, &v[first], &v[i]));
        }
        for (size_t i = first; !same && i < end; i++) {
            images[v[i].index].refused = true;
            v[i].index = no_index;
        }
    }
    return RF_OK;
}

/* One annotation as it stands there. */
typedef struct annotation {
    rf_coco_id image_id, category_id;
    double box[4], face_box[4];
    double keypoints[3 * KEYPOINTS_MAX], face_points[3 * RF_IBUG_POINTS];
    size_t n_box, n_face_box, n_keypoints, n_face_points; /* numbers */
    bool has_image, has_category, crowd, ignore, face_valid;
} annotation;

/* At most `room` numbers; more are skipped, but counted. */
static rf_status read_numbers(rf_json_walk *walk, double *out, size_t room, size_t *n) {
    bool more;
    double value;
    RF_TRY(rf_walk_enter(walk, '['));
    for (*n = 0;; ++*n) {
        RF_TRY(rf_walk_item(walk, &more));
        if (!more) return RF_OK;
        RF_TRY(rf_walk_number(walk, &value));
        if (*n < room) out[*n] = value;
    }
}

static rf_status read_member(rf_json_walk *walk, const char *key, annotation *a) {
    const struct {
        const char *key;
        double *to;
        size_t room, *n;
    } lists[] = {{"bbox", a->box, 4, &a->n_box},
                 {"keypoints", a->keypoints, 3 * (size_t)KEYPOINTS_MAX, &a->n_keypoints},
                 {"face_box", a->face_box, 4, &a->n_face_box},
                 {"face_kpts", a->face_points, 3 * (size_t)RF_IBUG_POINTS, &a->n_face_points}};
    const struct {
        const char *key;
        bool *to;
    } flags[] = {{"iscrowd", &a->crowd}, {"ignore", &a->ignore}, {"face_valid", &a->face_valid}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(key, lists[i].key) == 0 && rf_walk_kind(walk) == '[')
            return read_numbers(walk, lists[i].to, lists[i].room, lists[i].n);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(key, flags[i].key) == 0) return rf_walk_flag(walk, flags[i].to);
    if (strcmp(key, "image_id") == 0) {
        a->has_image = true;
        return rf_coco_id_read(walk, &a->image_id);
    }
    if (strcmp(key, "category_id") == 0) {
        a->has_category = true;
        return rf_coco_id_read(walk, &a->category_id);
    }
    return rf_walk_skip_broken(walk);
}

/* The points (x y v) of an annotation; false when it has none. The third number of iBUG's points is a confidence. */
static bool take_points(const annotation *a, const category *cat, const rf_point_scheme *scheme,
                        double out[3 * RF_POINTS_MAX], bool *named) {
    int wanted = rf_scheme_count(scheme);
    memset(out, 0, 3 * RF_POINTS_MAX * sizeof *out);
    *named = false;
    if (a->n_face_box) {
        if (a->n_face_points != 3 * RF_IBUG_POINTS) return false;
        double all[3 * RF_IBUG_POINTS];
        for (int i = 0; i < 3 * RF_IBUG_POINTS; i++)
            all[i] = i % 3 == 2 && a->face_points[i] > 0 ? 2 : a->face_points[i];
        if (scheme->n)
            memcpy(out, all, sizeof all);
        else
            rf_ibug_five(all, out);
        return !scheme->n || scheme->n == RF_IBUG_POINTS;
    }
    int have = 0;
    for (int k = 0; cat && k < wanted; k++) {
        int at = cat->points[k];
        if (at < 0 || 3 * (size_t)at + 2 >= a->n_keypoints) continue;
        memcpy(out + 3 * k, a->keypoints + 3 * at, 3 * sizeof *out);
        have++;
    }
    if (have) {
        *named = !cat->image_left && have == wanted && !scheme->n;
        return have == wanted; /* a person's eyes and nose alone are not a face's five */
    }
    size_t numbers = 3 * (size_t)wanted;
    if (a->n_keypoints != numbers || (cat && cat->n_keypoints)) return false;
    memcpy(out, a->keypoints, numbers * sizeof *out); /* without names the order is ours */
    return true;
}

static rf_status category_of(coco *c, const annotation *a, const category **cat, int *number) {
    char name[RF_COCO_ID_BYTES];
    for (size_t i = 0; i < c->n_categories; i++) {
        if (!a->has_category || !rf_coco_id_same(&c->categories[i].id, &a->category_id)) continue;
        *cat = &c->categories[i];
        *number = (*cat)->number;
        return RF_OK;
    }
    *cat = NULL;
    const char *text = a->has_category ? rf_coco_id_text(&a->category_id, name) : "unknown";
    return rf_intake_category(c->intake, text, number);
}

/* Keypoints that somebody set, of an object that is taken as without. */
static void note_others(coco *c, const annotation *a, int line) {
    bool set = false;
    for (size_t i = 2; i < a->n_keypoints && i < 3 * KEYPOINTS_MAX; i += 3) set |= a->keypoints[i] > 0;
    if (!set || a->n_face_box || c->n_others++) return;
    c->others = a->n_keypoints / 3;
    c->others_line = line;
}

static rf_status tell_others(const coco *c) {
    if (!c->n_others) return RF_OK;
    return rf_intake_tell(c->intake, RF_CONVERT_OTHER_POINTS, c->n_others, c->others_line,
                          "%zu objects have other keypoints (the first %zu) than the %s; they are taken as without, "
                          "--keypoints says what is taken",
                          c->n_others, c->others, c->intake->scheme.n ? "wanted ones" : "five of a face");
}

static rf_status read_annotation(coco *c, rf_json_walk *walk) {
    char key[KEY_BYTES];
    bool more, named;
    annotation a = {.face_valid = true};
    RF_TRY(rf_walk_enter(walk, '{'));
    int line = walk->line;
    for (;;) {
        RF_TRY(rf_walk_member(walk, key, sizeof key, &more));
        if (!more) break;
        RF_TRY(read_member(walk, key, &a));
    }
    if (!a.has_image) return missing(walk, line, "an annotation without an image_id");
    if (a.n_face_box && !a.face_valid) return RF_OK; /* a person whose face is not to be seen */
    if (a.n_face_box ? a.n_face_box != 4 : a.n_box != 4)
        return missing(walk, line, "an annotation needs a bbox of four numbers, [x, y, width, height]");
    size_t image;
    if (!rf_coco_ids_find(&c->ids, &a.image_id, &image) || image == no_index) {
        c->intake->n_dangling++;
        return RF_OK;
    }
    const category *cat;
    double points[3 * RF_POINTS_MAX];
    rf_intake_face face = {.image = image};
    RF_TRY(category_of(c, &a, &cat, &face.category));
    bool has_points = take_points(&a, cat, &c->intake->scheme, points, &named);
    RF_TRY(rf_intake_fill(c->intake, a.n_face_box ? a.face_box : a.box, has_points ? points : NULL,
                          rf_scheme_count(&c->intake->scheme), line, &face));
    if (!has_points) note_others(c, &a, line);
    face.face.ignore = a.crowd || a.ignore;
    if (a.n_face_box) c->intake->face_boxes = true;
    if (has_points && named) c->intake->named_points = true;
    return rf_intake_add_face(c->intake, &face);
}

static rf_status coco_read(const rf_source *source, rf_intake *intake) {
    coco c = {.source = source, .intake = intake};
    rf_status status;
    intake->form = RF_BOX_SIZES;
    RF_TRY_GOTO(visit(&c, "categories", false, read_category));
    RF_TRY_GOTO(visit(&c, "images", true, read_image));
    RF_TRY_GOTO(sort_ids(&c));
    RF_TRY_GOTO(visit(&c, "annotations", true, read_annotation));
    status = tell_others(&c);
fail:
    rf_free(c.categories);
    rf_coco_ids_free(&c.ids);
    return status;
}

static bool coco_sniff(const char *text, size_t bytes) {
    static const char *const keys[] = {"images", "annotations", NULL};
    return rf_sniff_keys(text, bytes, 0, keys) == 3;
}

/* COCO's own folders, and what others make of them. */
#define COCO_OWN(part, file, images)                                                                                   \
    {part, "annotations/" file ".json", images}, {part, "annotations/" file ".json", "images/" images},                \
        {part, "annotations/" file ".json", "images"}, {                                                               \
        part, "annotations/" file ".json", ""                                                                          \
    }
static const rf_convert_layout layouts[] = {{"train", "train/coco.json", "train/images"},
                                            {"val", "val/coco.json", "val/images"},
                                            {"test", "test/coco.json", "test/images"},
                                            {"train", "train/_annotations.coco.json", "train"},
                                            {"val", "valid/_annotations.coco.json", "valid"},
                                            {"test", "test/_annotations.coco.json", "test"},
                                            COCO_OWN("train", "instances_train2017", "train2017"),
                                            COCO_OWN("val", "instances_val2017", "val2017"),
                                            COCO_OWN("train", "instances_train2014", "train2014"),
                                            COCO_OWN("val", "instances_val2014", "val2014"),
                                            COCO_OWN("train", "coco_wholebody_train_v1.0", "train2017"),
                                            COCO_OWN("val", "coco_wholebody_val_v1.0", "val2017"),
                                            COCO_OWN("train", "instances_train", "train"),
                                            COCO_OWN("val", "instances_val", "val"),
                                            COCO_OWN("test", "instances_test", "test"),
                                            COCO_OWN("train", "instances_default", "default"),
                                            {0}};
static const char example[] =
    "{\"images\": [{\"id\": 1, \"file_name\": \"photo.jpg\", \"width\": 100, \"height\": 80}],\n"
    " \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"iscrowd\": 0,\n"
    "                  \"bbox\": [10, 20, 30, 40]}],\n"
    " \"categories\": [{\"id\": 1, \"name\": \"face\"}]}\n";

const rf_converter rf_converter_coco = {"coco",        "COCO JSON; five keypoints by name, COCO-WholeBody's faces",
                                        example,       "annotations.json",
                                        ".json",       false,
                                        layouts,       coco_read,
                                        rf_coco_write, "coco.json",
                                        coco_sniff,    false,
                                        NULL};
