/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of objects are faces. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/name.h"
#include "data/convert_select.h"

enum { TOLD = 8 };

/* Whether a category is a class number; *number. */
static bool is_number(const char *name, size_t *number) {
    char *stop;
    *number = strtoul(name, &stop, 10);
    return *name >= '0' && *name <= '9' && *stop == 0;
}

/* What a category is called: a class number's name when a file told it. */
static const char *category_name(const rf_intake *in, size_t i) {
    const char *name = in->categories[i];
    size_t number;
    return is_number(name, &number) && number < in->n_class_names ? in->class_names[number] : name;
}

static rf_status unknown_kind(const rf_intake *in, const char *wanted) {
    const char *names[64] = {0};
    char list[256] = "";
    size_t n = 0;
    for (; n < in->n_categories && n < 64; n++) {
        size_t used = strlen(list);
        names[n] = category_name(in, n);
        if (n < TOLD) snprintf(list + used, sizeof list - used, "%s%.24s", n ? ", " : "", names[n]);
    }
    if (!wanted)
        return rf_fail(RF_ERR_USER,
                       "%s: %zu kinds of objects and none is called face; name each that is one by --category, or keep "
                       "kinds apart by --classes: %s%s",
                       in->files[0], in->n_categories, list, n > TOLD ? ", ..." : "");
    const char *near = rf_nearest_name(wanted, names, n);
    return rf_fail(RF_ERR_USER, "%s: no object is called \"%s\"%s%s%s; there are: %s%s", in->files[0], wanted,
                   near ? ", did you mean " : "", near ? near : "", near ? "?" : "", list, n > TOLD ? ", ..." : "");
}

/* Whether a category of the annotation is meant by a name. */
static bool is_called(const rf_intake *in, size_t i, const char *name) {
    return strcmp(category_name(in, i), name) == 0 || strcmp(in->categories[i], name) == 0;
}

static rf_status choose_named(rf_selection *s, const char *wanted) {
    const rf_intake *in = s->intake;
    size_t matches = 0;
    for (size_t i = 0; i < in->n_categories; i++) {
        if (!is_called(in, i, wanted)) continue;
        s->wanted[i] = true;
        s->unlisted[i] = false;
        matches++;
    }
    return matches || in->n_categories == 0 ? RF_OK : unknown_kind(in, wanted);
}

/* Whether a word speaks of faces, or says nothing (a class number). */
static bool is_facelike(const char *name) {
    size_t number;
    return is_number(name, &number) || strcasestr(name, "face") || strcasecmp(name, "unknown") == 0 || !*name;
}

static rf_status choose_default(rf_selection *s, const bool *used) {
    const rf_intake *in = s->intake;
    size_t kinds = 0, only = 0, matches = 0, count = 0, first = 0;
    for (size_t i = 0; i < in->n_categories; i++) {
        if (!used[i]) continue;
        only = i;
        kinds++;
    }
    if (kinds == 0) return RF_OK;
    for (size_t i = 0; kinds > 1 && i < in->n_categories; i++) {
        s->wanted[i] = used[i] && strcasecmp(category_name(in, i), "face") == 0;
        matches += s->wanted[i];
    }
    if (kinds > 1) return matches ? RF_OK : unknown_kind(in, NULL);
    s->wanted[only] = true;
    if (in->face_boxes || is_facelike(category_name(in, only))) return RF_OK;
    for (size_t k = in->n_faces; k-- > 0;) {
        if (in->faces[k].category != (int)only) continue;
        count++;
        first = k;
    }
    return rf_convert_tell(s->job, RF_CONVERT_KIND, count, rf_selection_file(in, in->faces[first].image),
                           in->faces[first].line, "note: the only kind of object, \"%s\", is taken as faces",
                           category_name(in, only));
}

rf_status rf_check_classes(const rf_convert_job *job, const rf_intake *intakes, size_t n) {
    const rf_class_map *map = job->options->classes;
    size_t kinds = 0;
    if (!map) return RF_OK;
    for (size_t k = 0; k < n; k++) kinds += intakes[k].n_categories;
    if (kinds == 0 && map->classes.n > 1)
        return rf_fail(RF_ERR_USER,
                       "%s: these annotations tell no kinds of objects, so --classes cannot keep any apart",
                       intakes[0].files[0]);
    for (int e = 0; kinds && e < map->n; e++) {
        bool met = false;
        for (size_t k = 0; k < n && !met; k++)
            for (size_t i = 0; i < intakes[k].n_categories; i++) met |= is_called(&intakes[k], i, map->from[e].name);
        if (!met) return unknown_kind(&intakes[0], map->from[e].name);
    }
    return RF_OK;
}

/* Each object becomes what --classes says. */
static void choose_classes(rf_selection *s, const rf_class_map *map) {
    s->job->classes = map->classes;
    for (int e = 0; e < map->n; e++)
        for (size_t i = 0; i < s->intake->n_categories; i++) {
            if (!is_called(s->intake, i, map->from[e].name)) continue;
            s->wanted[i] = true;
            s->unlisted[i] = false;
            s->label[i] = (uint8_t)map->from[e].label;
        }
}

/* A set of ours keeps what it has. */
static rf_status choose_own(rf_selection *s) {
    for (size_t i = 0; i < s->intake->n_categories; i++) {
        const char *name = s->intake->categories[i];
        int label;
        RF_TRY(rf_classes_add(&s->job->classes, s->intake->files[0], name, strlen(name), &label));
        s->wanted[i] = true;
        s->label[i] = (uint8_t)label;
    }
    return RF_OK;
}

static rf_status choose(rf_selection *s, bool *used) {
    rf_intake *in = s->intake;
    const rf_convert_options *o = s->job->options;
    for (size_t k = 0; k < in->n_faces; k++)
        if (in->faces[k].category >= 0) used[in->faces[k].category] = true;
    for (size_t i = 0; i < in->n_categories; i++) {
        size_t number;
        s->unlisted[i] = in->n_class_names && is_number(in->categories[i], &number) && number >= in->n_class_names;
        if (s->unlisted[i]) used[i] = false;
    }
    if (o->classes) {
        choose_classes(s, o->classes);
        return RF_OK;
    }
    if (in->own_classes && !o->n_categories) return choose_own(s);
    s->by_default = o->n_categories == 0;
    if (s->by_default) return choose_default(s, used);
    for (size_t i = 0; i < o->n_categories; i++) RF_TRY(choose_named(s, o->categories[i]));
    return RF_OK;
}

rf_status rf_select_kinds(rf_selection *s) {
    bool *used = rf_alloc(s->intake->n_categories, sizeof *used);
    rf_status status = used ? choose(s, used) : RF_ERR_NOMEM;
    rf_free(used);
    return status;
}

/* `2546 "face_mask", 12 "hat"`. */
static void list_background(const rf_selection *s, char *list, size_t room) {
    size_t told = 0;
    *list = 0;
    for (size_t i = 0; i < s->intake->n_categories; i++) {
        size_t used = strlen(list);
        if (!s->background[i]) continue;
        if (told++ < TOLD)
            snprintf(list + used, room - used, "%s%zu \"%.40s\"", used ? ", " : "", s->background[i],
                     category_name(s->intake, i));
        else if (told == TOLD + 1)
            snprintf(list + used, room - used, ", ...");
    }
}

rf_status rf_tell_background(rf_selection *s, size_t kept) {
    const rf_intake *in = s->intake;
    char list[TOLD * 64 + 64];
    size_t lost = 0, first;
    for (size_t i = 0; i < in->n_categories; i++) lost += s->background[i];
    s->job->stats->other_categories += lost;
    if (!lost || (!s->by_default && !s->job->options->classes)) return RF_OK;
    for (first = 0; first < in->n_faces; first++)
        if (in->faces[first].category >= 0 && s->background[in->faces[first].category]) break;
    list_background(s, list, sizeof list);
    if (s->job->options->classes)
        return rf_convert_tell(s->job, RF_CONVERT_KIND, lost, rf_selection_file(in, in->faces[first].image),
                               in->faces[first].line, "note: %s became background (--classes names what is taken)",
                               list);
    if (lost > kept)
        return rf_fail(RF_ERR_USER,
                       "%s: of several kinds only \"face\" would be taken, and %s would become background, more than "
                       "the %zu faces; name every kind that is a face (--category face --category ...), or --category "
                       "face alone",
                       in->files[0], list, kept);
    return rf_convert_tell(
        s->job, RF_CONVERT_KIND, lost, rf_selection_file(in, in->faces[first].image), in->faces[first].line,
        "note: only \"face\" is taken; %s became background (--category names what is a face)", list);
}
