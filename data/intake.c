/* SPDX-License-Identifier: Apache-2.0 */
#include "data/intake.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/file.h"
#include "core/mem.h"
#include "data/annotation.h"
#include "data/doubts.h"

enum { NAME_BYTES = 2048, CATEGORIES_MAX = 4096 };

void rf_intake_clear_image(rf_intake_image *image) {
    rf_free(image->name);
    rf_free(image->literal);
    for (int k = 0; k < RF_INTAKE_OTHERS; k++) rf_free(image->others[k]);
    rf_free(image->asked);
    rf_free(image->nearly);
    rf_free(image->stem);
    rf_free(image->fault);
    *image = (rf_intake_image){0};
}

void rf_intake_free(rf_intake *intake) {
    for (size_t i = 0; i < intake->n_images; i++) rf_intake_clear_image(&intake->images[i]);
    for (size_t i = 0; i < intake->n_notes; i++) rf_free(intake->notes[i].text);
    rf_free(intake->notes);
    free(intake->real_root);
    rf_names_free(intake->files, intake->n_files);
    rf_names_free(intake->categories, intake->n_categories);
    rf_names_free(intake->class_names, intake->n_class_names);
    rf_free(intake->images);
    rf_free(intake->faces);
    rf_face_store_free(&intake->points);
    *intake = (rf_intake){0};
}

/* Makes room for one more element; the capacity follows from the length: 0, 16, 32, 64, ... */
static rf_status make_room(void *array_pointer, size_t n, size_t size) {
    void **array = array_pointer;
    if (n != 0 && (n < 16 || (n & (n - 1)) != 0)) return RF_OK;
    void *grown = rf_realloc(*array, n, n == 0 ? 16 : 2 * n, size);
    if (!grown) return RF_ERR_NOMEM;
    *array = grown;
    return RF_OK;
}

static rf_status add_text(char ***list, size_t *n, const char *text, size_t bytes) {
    RF_TRY(make_room(list, *n, sizeof **list));
    char *copy = rf_strndup(text, bytes);
    if (!copy) return RF_ERR_NOMEM;
    (*list)[(*n)++] = copy;
    return RF_OK;
}

rf_status rf_intake_file(rf_intake *intake, const char *path) {
    return add_text(&intake->files, &intake->n_files, path, strlen(path));
}

static const char *current_file(const rf_intake *intake) {
    return intake->n_files ? intake->files[intake->n_files - 1] : "?";
}

static rf_status wrong_name(const rf_intake *intake, int line, const char *name, size_t n, const char *why) {
    return rf_fail(RF_ERR_FORMAT, "%s:%d: the image name \"%.*s\" %s", current_file(intake), line,
                   (int)(n < 200 ? n : 200), name, why);
}

/* Length of what makes a name absolute, "C:/", "//", "/" or "https://"; 0: it is not. */
static size_t absolute_prefix(const char *name) {
    size_t n = 0;
    while (isalnum((unsigned char)name[n])) n++;
    if (n > 1 && strncmp(name + n, "://", 3) == 0) return n + 3;
    size_t drive = isalpha((unsigned char)name[0]) && name[1] == ':' ? 2 : 0;
    return name[drive] == '/' ? drive + strspn(name + drive, "/") : 0;
}

/* Drops "./", doubled slashes and "x/../", in place; *climbs tells that ".." led further than the name's begin. */
static void tidy(char *name, bool *climbs) {
    char *to = name;
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, "/");
        const char *next = p + n + strspn(p + n, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            *climbs |= to == name;
            while (to > name && *--to != '/') continue;
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            if (to > name) *to++ = '/';
            memmove(to, p, n);
            to += n;
        }
        p = next;
    }
    *to = 0;
}

/* What follows "root/" in a name, NULL when it is elsewhere. */
static const char *below(const char *name, const char *root) {
    size_t n = root ? strlen(root) : 0;
    while (n > 1 && root[n - 1] == '/') n--;
    return n > 0 && strncmp(name, root, n) == 0 && name[n] == '/' ? name + n : NULL;
}

typedef struct cleaned {
    char *name, *literal;
    bool foreign;
} cleaned;

static void free_cleaned(cleaned *c) {
    rf_free(c->name);
    rf_free(c->literal);
}

static rf_status clean_name(const rf_intake *intake, const char *given, size_t n, int line, cleaned *out) {
    char name[NAME_BYTES];
    bool climbs = false;
    if (n >= sizeof name) return wrong_name(intake, line, given, n, "is too long");
    memcpy(name, given, n);
    name[n] = 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return wrong_name(intake, line, "...", 3, "holds a control character; rename the image");
    bool windows = strchr(name, '\\') != NULL, plain = !strstr(name, "..");
    for (char *p = name; *p; p++)
        if (*p == '\\') *p = '/';
    const char *start = name;
    size_t prefix = absolute_prefix(name);
    if (prefix) {
        start = below(name, intake->root);
        if (!start) start = below(name, intake->real_root);
        out->foreign = !start;
        if (!start) start = name + prefix;
    }
    memmove(name, start, strlen(start) + 1);
    tidy(name, &climbs);
    out->foreign |= climbs;
    size_t length = strlen(name);
    if (length == 0) return wrong_name(intake, line, given, n, "names no file");
    if (*name == ' ' || name[length - 1] == ' ')
        return wrong_name(intake, line, given, n,
                          "begins or ends with a blank, which label.txt cannot hold; rename the image");
    out->name = rf_strdup(name);
    if (!out->name) return RF_ERR_NOMEM;
    if (!windows || !plain || prefix) return RF_OK;
    out->literal = rf_strndup(given, n);
    return out->literal ? RF_OK : RF_ERR_NOMEM;
}

rf_status rf_intake_add_image(rf_intake *intake, const char *name, size_t name_bytes, const char *stem,
                              size_t stem_bytes, int line) {
    RF_TRY(make_room(&intake->images, intake->n_images, sizeof *intake->images));
    rf_intake_image *image = &intake->images[intake->n_images];
    *image =
        (rf_intake_image){.file = intake->n_files ? intake->n_files - 1 : 0, .line = line, .same = intake->n_images};
    rf_status status = RF_OK;
    cleaned of_name = {0}, of_stem = {0};
    if (name_bytes || !stem_bytes) status = clean_name(intake, name, name_bytes, line, &of_name);
    if (status == RF_OK && stem_bytes) status = clean_name(intake, stem, stem_bytes, line, &of_stem);
    rf_free(of_stem.literal);
    if (status != RF_OK) {
        free_cleaned(&of_name);
        rf_free(of_stem.name);
        return status;
    }
    image->name = of_name.name;
    image->literal = of_name.literal;
    image->stem = of_stem.name;
    image->foreign = of_name.foreign || of_stem.foreign;
    intake->n_images++;
    return RF_OK;
}

rf_status rf_intake_also(rf_intake *intake, const char *name) {
    rf_intake_image *image = &intake->images[intake->n_images - 1];
    cleaned of_name = {0};
    int k = 0;
    while (k < RF_INTAKE_OTHERS && image->others[k]) k++;
    if (k == RF_INTAKE_OTHERS) return RF_OK;
    rf_status status = clean_name(intake, name, strlen(name), image->line, &of_name);
    rf_free(of_name.literal);
    image->others[k] = status == RF_OK ? of_name.name : NULL;
    if (status == RF_OK) return RF_OK;
    rf_free(of_name.name);
    return status == RF_ERR_FORMAT ? RF_OK : status;
}

rf_status rf_intake_add_face(rf_intake *intake, const rf_intake_face *face) {
    RF_TRY(make_room(&intake->faces, intake->n_faces, sizeof *intake->faces));
    intake->faces[intake->n_faces++] = *face;
    return RF_OK;
}

rf_status rf_intake_category(rf_intake *intake, const char *name, int *out) {
    for (size_t i = 0; i < intake->n_categories; i++) {
        if (strcmp(intake->categories[i], name) != 0) continue;
        *out = (int)i;
        return RF_OK;
    }
    if (intake->n_categories == CATEGORIES_MAX)
        return rf_fail(RF_ERR_USER, "%s: more than %d kinds of objects; is the right column read as the kind?",
                       current_file(intake), CATEGORIES_MAX);
    *out = (int)intake->n_categories;
    return add_text(&intake->categories, &intake->n_categories, name, strlen(name));
}

rf_status rf_intake_class_name(rf_intake *intake, const char *name, size_t bytes) {
    return add_text(&intake->class_names, &intake->n_class_names, name, bytes);
}

static const struct {
    const char *name;
    int point;
} point_names[] = {
    {"lefteye", 0},
    {"eyeleft", 0},
    {"leye", 0},
    {"lefteyecenter", 0},
    {"lefteyecentre", 0},
    {"righteye", 1},
    {"eyeright", 1},
    {"reye", 1},
    {"righteyecenter", 1},
    {"righteyecentre", 1},
    {"nose", 2},
    {"nosetip", 2},
    {"noseend", 2},
    {"mouthleft", 3},
    {"leftmouth", 3},
    {"mouthleftcorner", 3},
    {"leftmouthcorner", 3},
    {"lmouth", 3},
    {"mouthcornerleft", 3},
    {"leftlip", 3},
    {"mouthl", 3},
    {"mouthright", 4},
    {"rightmouth", 4},
    {"mouthrightcorner", 4},
    {"rightmouthcorner", 4},
    {"rmouth", 4},
    {"mouthcornerright", 4},
    {"rightlip", 4},
    {"mouthr", 4},
};

int rf_point_by_name(const char *name, size_t bytes) {
    char word[32];
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (!isalnum((unsigned char)name[i])) continue;
        if (n == sizeof word - 1) return -1;
        word[n++] = (char)tolower((unsigned char)name[i]);
    }
    word[n] = 0;
    for (size_t i = 0; i < sizeof point_names / sizeof *point_names; i++)
        if (strcmp(word, point_names[i].name) == 0) return point_names[i].point;
    return -1;
}

int rf_scheme_count(const rf_point_scheme *scheme) {
    return scheme->n ? scheme->n : RF_POINTS;
}

/* Letters and digits in lower case; false when they do not fit. */
static bool simplify(const char *name, size_t bytes, char *word, size_t room) {
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (!isalnum((unsigned char)name[i])) continue;
        if (n == room - 1) return false;
        word[n++] = (char)tolower((unsigned char)name[i]);
    }
    word[n] = 0;
    return n > 0;
}

static int find_number(const char *word, int n) {
    static const char *const prefixes[] = {"keypoint", "landmark", "point", "kp", "p"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(word, prefixes[i], length) != 0) continue;
        word += length;
        break;
    }
    size_t digits = strspn(word, "0123456789");
    if (digits == 0 || digits > 3 || word[digits]) return -1;
    int k = atoi(word);
    return k < n ? k : -1;
}

int rf_scheme_find(const rf_point_scheme *scheme, const char *name, size_t bytes) {
    char word[64], own[64];
    if (!scheme->n) return rf_point_by_name(name, bytes);
    if (!simplify(name, bytes, word, sizeof word)) return -1;
    if (!scheme->names) return find_number(word, scheme->n);
    int k = 0;
    for (const char *p = scheme->names; k < scheme->n; k++) {
        size_t length = strcspn(p, ",");
        if (simplify(p, length, own, sizeof own) && strcmp(own, word) == 0) return k;
        p += length + (p[length] == ',');
    }
    return -1;
}

rf_status rf_intake_fill(rf_intake *intake, const double box[4], const double *points, int n_points, int line,
                         rf_intake_face *face) {
    float place[2 * RF_POINTS_MAX], visible[RF_POINTS_MAX];
    int given = 0;
    bool hidden = false;
    face->line = line;
    face->face.score = 1;
    for (int k = 0; k < 4; k++) {
        if (!(fabs(box[k]) <= rf_coordinate_max))
            return rf_fail(RF_ERR_FORMAT, "%s:%d: %g is out of range; coordinates lie between -%.0f and %.0f pixels",
                           current_file(intake), line, box[k], rf_coordinate_max, rf_coordinate_max);
        face->face.box[k] = (float)(k < 2 ? box[k] : box[k - 2] + box[k]);
    }
    for (int k = 0; points && k < n_points; k++) {
        const double *p = points + 3 * k;
        /* A negative coordinate means an absent point in label.txt, so it cannot stand for one outside of the picture.
         */
        if (p[2] <= 0 || p[0] < 0 || p[1] < 0 || p[0] > rf_coordinate_max || p[1] > rf_coordinate_max) continue;
        given++;
        place[2 * k] = (float)p[0];
        place[2 * k + 1] = (float)p[1];
        visible[k] = p[2] >= 2;
        hidden |= p[2] < 2;
    }
    bool all = given > 0 && given == n_points;
    face->no_points = all && rf_points_equal(place, n_points);
    face->partial = given > 0 && !all;
    if (!all || face->no_points) return RF_OK;
    face->face.n_points = n_points;
    face->face.points = place;
    face->face.visible = hidden ? visible : NULL;
    return rf_face_keep(&intake->points, &face->face);
}
