/* SPDX-License-Identifier: Apache-2.0 */
#include "data/csv_columns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "data/intake.h"

enum { X, Y, AXES, STYLES = 6, WORD = 64 };
enum { SHORT, LONG, OF_BOX, OF_IMAGE, SIZES }; /* w; width; bbox_w; image_width */

static const char path_names[] = "path image imagepath imagename imagefile imagefilename img imgpath imgname imgfile "
                                 "file filename filepath picture photo";
static const char weak_path_names[] = "name imageid imgid";
static const char kind_names[] = "class label category classname labelname categoryname objectclass";
static const char weak_kind_names[] = "name object kind";
static const char *const box_prefixes[] = {"boundingbox", "bndbox", "bbox",   "facebox", "facerect", "box",
                                           "face",        "rect",   "region", "object",  "roi",      "bb"};
static const char *const image_prefixes[] = {"image", "img", "picture", "photo", "frame", "original", "orig", "file"};
/* Beginning and end of the box along an axis, in styles that are not mixed. */
static const char *const starts[STYLES][AXES] = {
    {"x0", "y0"},
    {"x1", "y1"},
    {"xmin minx", "ymin miny"},
    {"left", "top"},
    {"startx xstart xbegin", "starty ystart ybegin"},
    {"topleftx xtl tlx upperleftx lefttopx ltx", "toplefty ytl tly upperlefty lefttopy lty"},
};
static const char *const ends[STYLES][AXES] = {
    {"x1", "y1"},
    {"x2", "y2"},
    {"xmax maxx", "ymax maxy"},
    {"right", "bottom"},
    {"endx xend xstop", "endy yend ystop"},
    {"bottomrightx xbr brx lowerrightx rightbottomx rbx", "bottomrighty ybr bry lowerrighty rightbottomy rby"},
};
static const char *const origins[AXES] = {"x", "y"};
static const char *const centres[AXES] = {"cx xc centerx centrex xcenter xcentre xctr midx xmid",
                                          "cy yc centery centrey ycenter ycentre yctr midy ymid"};
static const char *const short_sizes[AXES] = {"w", "h"}, *const long_sizes[AXES] = {"width", "height"};
static const char *const thirds[AXES] = {"x3", "y3"}; /* then x1 and x2 are points of a polygon, or landmarks */

/* What the names say, before it is decided what they mean. */
typedef struct named {
    const char *const *names;
    const rf_point_scheme *scheme;
    const char *place;
    rf_columns *out;
    int start[STYLES][AXES], end[STYLES][AXES], origin[AXES], centre[AXES], size[SIZES][AXES], third[AXES];
    int weak_path, weak_kind;
    bool known[RF_COLUMNS_MAX];
} named;

static bool is_one_of(const char *word, const char *names) {
    size_t n = strlen(word);
    for (const char *p = names; *p; p += *p == ' ') {
        size_t length = strcspn(p, " ");
        if (length == n && memcmp(p, word, n) == 0) return true;
        p += length;
    }
    return false;
}

static void simplify(const char *name, char word[WORD]) {
    size_t n = 0;
    for (; *name && n < WORD - 1; name++)
        if (isalnum((unsigned char)*name)) word[n++] = (char)tolower((unsigned char)*name);
    word[n] = 0;
}

static const char *without_prefix(const char *word, const char *const *prefixes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(word, prefixes[i], length) == 0 && word[length]) return word + length;
    }
    return NULL;
}

/* Notes that column `at` has a meaning; two columns of one meaning are refused. */
static rf_status take(named *c, int *slot, int at) {
    c->known[at] = true;
    if (*slot < 0) *slot = at;
    if (*slot == at) return RF_OK;
    c->out->ambiguous = true;
    return rf_fail(RF_ERR_FORMAT,
                   "%s: the columns \"%.60s\" and \"%.60s\" may both mean the same; rename one, or tell by --columns",
                   c->place, c->names[*slot], c->names[at]);
}

/* A word of the box, without its prefix. */
static rf_status take_box_word(named *c, const char *word, bool prefixed, int at) {
    for (int a = 0; a < AXES; a++) {
        for (int s = 0; s < STYLES; s++) {
            if (is_one_of(word, starts[s][a])) RF_TRY(take(c, &c->start[s][a], at));
            if (is_one_of(word, ends[s][a])) RF_TRY(take(c, &c->end[s][a], at));
        }
        if (is_one_of(word, origins[a])) RF_TRY(take(c, &c->origin[a], at));
        if (is_one_of(word, centres[a])) RF_TRY(take(c, &c->centre[a], at));
        if (is_one_of(word, short_sizes[a])) RF_TRY(take(c, &c->size[prefixed ? OF_BOX : SHORT][a], at));
        if (is_one_of(word, long_sizes[a])) RF_TRY(take(c, &c->size[prefixed ? OF_BOX : LONG][a], at));
        if (is_one_of(word, thirds[a])) RF_TRY(take(c, &c->third[a], at));
    }
    return RF_OK;
}

static rf_status take_column(named *c, int at) {
    static const char axes[] = "xyv";
    char word[WORD];
    simplify(c->names[at], word);
    if (is_one_of(word, path_names)) return take(c, &c->out->path, at);
    if (is_one_of(word, kind_names)) return take(c, &c->out->kind, at);
    if (is_one_of(word, weak_path_names) && c->weak_path < 0) c->weak_path = at;
    if (is_one_of(word, weak_kind_names) && c->weak_kind < 0) c->weak_kind = at;
    size_t n = strlen(word);
    const char *axis = n > 1 ? strchr(axes, word[n - 1]) : NULL;
    int point = axis ? rf_scheme_find(c->scheme, word, n - 1) : -1;
    if (point >= 0) return take(c, &c->out->points[3 * point + (int)(axis - axes)], at);
    const char *rest = without_prefix(word, image_prefixes, sizeof image_prefixes / sizeof *image_prefixes);
    for (int a = 0; rest && a < AXES; a++)
        if (is_one_of(rest, short_sizes[a]) || is_one_of(rest, long_sizes[a]))
            return take(c, &c->size[OF_IMAGE][a], at);
    RF_TRY(take_box_word(c, word, false, at));
    rest = without_prefix(word, box_prefixes, sizeof box_prefixes / sizeof *box_prefixes);
    return rest && !c->known[at] ? take_box_word(c, rest, true, at) : RF_OK;
}

static rf_status two_readings(const named *c, const char *what, int a, int b) {
    c->out->ambiguous = true;
    return rf_fail(RF_ERR_FORMAT,
                   "%s: the columns \"%.60s\" and \"%.60s\" allow two readings of %s; rename those that are not the "
                   "box's, or tell by --columns path,x1,y1,x2,y2 (- for one that is not read)",
                   c->place, c->names[a], c->names[b], what);
}

/* The only style of which both ends of the axis are named, -1: none. */
static rf_status find_pair(const named *c, int axis, int *style) {
    *style = -1;
    for (int s = 0; s < STYLES; s++) {
        if (c->start[s][axis] < 0 || c->end[s][axis] < 0) continue;
        if (s < 2 && c->third[axis] >= 0) continue;
        if (*style >= 0) return two_readings(c, "the box", c->start[*style][axis], c->end[s][axis]);
        *style = s;
    }
    return RF_OK;
}

/* Where the box begins along an axis, as "x" or as the first of a pair whose second is not there. */
static rf_status find_origin(const named *c, int axis, int *origin) {
    *origin = c->origin[axis];
    for (int s = 0; s < STYLES; s++) {
        int start = c->start[s][axis];
        if (start < 0 || (s < 2 && c->third[axis] >= 0) || start == *origin) continue;
        if (c->end[s][axis] >= 0) continue;
        if (s == 1 && c->start[0][axis] >= 0) continue; /* x1 ends x0's pair */
        if (*origin >= 0) return two_readings(c, "the box", *origin, start);
        *origin = start;
    }
    return RF_OK;
}

static int first_of(int a, int b, int c) {
    return a >= 0 ? a : b >= 0 ? b : c;
}

/* x y w h or a centre with a size: width and height are the box's unless "w", "h" or "bbox_w" are there too. */
static rf_status find_sized(named *c, bool *found) {
    int from[AXES], size[AXES];
    bool centred = c->centre[X] >= 0 && c->centre[Y] >= 0;
    for (int a = 0; a < AXES; a++) {
        RF_TRY(find_origin(c, a, &from[a]));
        if (centred && from[a] >= 0) return two_readings(c, "the box", c->centre[a], from[a]);
        if (centred) from[a] = c->centre[a];
        size[a] = first_of(c->size[OF_BOX][a], c->size[SHORT][a], c->size[LONG][a]);
        if (c->size[OF_BOX][a] >= 0 && c->size[SHORT][a] >= 0)
            return two_readings(c, "the box's size", c->size[OF_BOX][a], c->size[SHORT][a]);
    }
    *found = from[X] >= 0 && from[Y] >= 0 && size[X] >= 0 && size[Y] >= 0;
    if (!*found) return RF_OK;
    c->out->form = centred ? RF_BOX_CENTRES : RF_BOX_SIZES;
    for (int a = 0; a < AXES; a++) {
        c->out->box[a] = from[a];
        c->out->box[a + 2] = size[a];
        if (size[a] != c->size[LONG][a]) c->out->image[a] = first_of(c->size[OF_IMAGE][a], c->size[LONG][a], -1);
    }
    return RF_OK;
}

static rf_status find_box(named *c) {
    rf_columns *out = c->out;
    int style[AXES];
    bool sized = false;
    for (int a = 0; a < AXES; a++) {
        out->image[a] = c->size[OF_IMAGE][a];
        RF_TRY(find_pair(c, a, &style[a]));
    }
    if (style[X] < 0 || style[Y] < 0) {
        for (int s = 0; s < STYLES; s++)
            for (int a = 0; a < AXES; a++)
                if (s != 0 && c->end[s][a] >= 0 && c->start[s][a] < 0 && (s != 1 || c->third[a] < 0))
                    return rf_fail(RF_ERR_FORMAT, "%s: the column \"%.60s\" ends a box, but none begins it", c->place,
                                   c->names[c->end[s][a]]);
        RF_TRY(find_sized(c, &sized));
        if (sized) return RF_OK;
        return rf_fail(RF_ERR_FORMAT, "%s: the header needs columns path and x1, y1, x2, y2 (or x, y, w, h)%s",
                       c->place, c->third[X] >= 0 || c->third[Y] >= 0 ? "; x1, x2, x3, ... are no box" : "");
    }
    out->form = RF_BOX_CORNERS;
    for (int a = 0; a < AXES; a++) {
        int other = first_of(c->origin[a], c->centre[a], -1);
        out->box[a] = c->start[style[a]][a];
        out->box[a + 2] = c->end[style[a]][a];
        if (other >= 0) return two_readings(c, "the box", other, out->box[a]);
        if (out->image[a] < 0) out->image[a] = first_of(c->size[LONG][a], c->size[SHORT][a], -1);
    }
    return RF_OK;
}

static void list_unread(named *c) {
    rf_columns *out = c->out;
    for (size_t i = 0; i < out->n; i++) {
        size_t used = strlen(out->unread);
        if (c->known[i] || strcmp(c->names[i], "-") == 0) continue;
        out->n_unread++;
        snprintf(out->unread + used, sizeof out->unread - used, "%s\"%.40s\"", used ? ", " : "", c->names[i]);
    }
}

rf_status rf_columns_find(const char *const *names, size_t n, const rf_point_scheme *scheme, const char *place,
                          rf_columns *out) {
    named c = {.names = names, .scheme = scheme, .place = place, .out = out};
    if (n > RF_COLUMNS_MAX) return rf_fail(RF_ERR_FORMAT, "%s: more than %d columns", place, RF_COLUMNS_MAX);
    memset(out, 0xff, sizeof *out); /* -1: no column */
    memset(c.start, 0xff, sizeof c.start);
    memset(c.end, 0xff, sizeof c.end);
    memset(c.origin, 0xff, sizeof c.origin);
    memset(c.centre, 0xff, sizeof c.centre);
    memset(c.size, 0xff, sizeof c.size);
    memset(c.third, 0xff, sizeof c.third);
    c.weak_path = c.weak_kind = -1;
    out->n = n;
    out->ambiguous = false;
    out->n_unread = 0;
    out->unread[0] = 0;
    for (size_t i = 0; i < n; i++) RF_TRY(take_column(&c, (int)i));
    if (out->path < 0) out->path = c.weak_path;
    if (out->kind < 0 && c.weak_kind != out->path) out->kind = c.weak_kind;
    if (out->path >= 0) c.known[out->path] = true;
    if (out->kind >= 0) c.known[out->kind] = true;
    if (out->path < 0)
        return rf_fail(RF_ERR_FORMAT, "%s: the header needs columns path and x1, y1, x2, y2 (or x, y, w, h)", place);
    RF_TRY(find_box(&c));
    list_unread(&c);
    return RF_OK;
}
