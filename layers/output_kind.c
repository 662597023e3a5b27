/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/output_kind.h"

#include <stdio.h>
#include <string.h>

#include "core/name.h"
#include "core/weighted_names.h"

#define RF_OUTPUT_KIND(name) extern const rf_output_kind rf_output_kind_##name;
#include "layers/output_kinds.def"
#undef RF_OUTPUT_KIND

static const void *const kinds[] = {
#define RF_OUTPUT_KIND(name) &rf_output_kind_##name,
#include "layers/output_kinds.def"
#undef RF_OUTPUT_KIND
};

enum { NAME_BYTES = 16 };

static bool is_whole(const rf_output_kind *e) {
    static const char *const taken[] = {"cls",      "loc",   "points", "box",  "head_cls",
                                        "head_loc", "score", "label",  "class"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(e->name, taken[i]) == 0) return false;
    bool beside = !e->beside || strcmp(e->beside, "loc") == 0 || strcmp(e->beside, "points") == 0;
    return e->doc && e->width && beside && !e->key == !e->wanted;
}

RF_REGISTRY_DEFINE(output_kind, rf_output_kind, kinds, is_whole(e), .what = "output", .name_bytes = NAME_BYTES)

static rf_status add(const rf_config *config, const rf_output_kind *kind, double weight, rf_extras *out) {
    int width = kind->width((int)config->data.points);
    rf_extra extra = {kind, width, weight, kind->keep ? -1 : out->numbers};
    char text[RF_EXTRA_TEXT];
    for (int i = 0; i < out->n; i++)
        if (out->v[i].kind == kind) return rf_fail(RF_ERR_USER, "model.outputs has '%s' twice, keep one", kind->name);
    if ((kind->beside && strcmp(kind->beside, "points") == 0 && !config->model.landmarks) || width < 1)
        return rf_fail(RF_ERR_USER, "%s needs points of a face: model.landmarks = yes and data.points above 0",
                       rf_extra_asked(&extra, text));
    if (out->n == RF_EXTRAS_MAX || out->numbers + width > RF_EXTRA_NUMBERS)
        return rf_fail(RF_ERR_USER, "%s: more than %d outputs, or %d numbers", rf_extra_asked(&extra, text),
                       RF_EXTRAS_MAX, RF_EXTRA_NUMBERS);
    if (!kind->keep) out->numbers += width;
    out->v[out->n++] = extra;
    return RF_OK;
}

static rf_status unknown(const char *name) {
    static const char help[] = "a program knows those that it was built with, `make EXTRA=DIR` (docs/extending.md)";
    const char *names[64];
    size_t n = 0;
    for (int i = 0; i < rf_output_kind_count(); i++) {
        const rf_output_kind *kind = rf_output_kind_at(i);
        if (strcmp(kind->name, name) == 0)
            return rf_fail(RF_ERR_USER, "model.outputs has '%s', which %s = yes asks for: leave it out here", name,
                           kind->key);
        if (!kind->wanted && n < sizeof names / sizeof *names) names[n++] = kind->name;
    }
    const char *near = n ? rf_nearest_name(name, names, n) : NULL;
    if (near)
        return rf_fail(RF_ERR_USER, "model.outputs: no output is called \"%s\", did you mean \"%s\"? %s", name, near,
                       help);
    return rf_fail(RF_ERR_USER, "model.outputs: no output is called \"%s\"%s: %s", name,
                   n ? "" : ", there are none here", help);
}

typedef struct asked {
    const rf_config *config;
    rf_extras *out;
} asked;

static rf_status add_named(void *ctx, const char *name, double weight) {
    const asked *a = ctx;
    for (int i = 0; i < rf_output_kind_count(); i++) {
        const rf_output_kind *kind = rf_output_kind_at(i);
        if (!kind->wanted && strcmp(kind->name, name) == 0) return add(a->config, kind, weight, a->out);
    }
    return unknown(name);
}

rf_status rf_extras_of(const rf_config *config, rf_extras *out) {
    *out = (rf_extras){.n = 0};
    for (int i = 0; i < rf_output_kind_count(); i++) {
        const rf_output_kind *kind = rf_output_kind_at(i);
        if (kind->wanted && kind->wanted(config)) RF_TRY(add(config, kind, 1, out));
    }
    return rf_weighted_names_read("model.outputs", config->model.outputs, add_named, &(asked){config, out});
}

const char *rf_extra_asked(const rf_extra *extra, char text[RF_EXTRA_TEXT]) {
    snprintf(text, RF_EXTRA_TEXT, extra->kind->key ? "%s = yes" : "model.outputs = %s",
             extra->kind->key ? extra->kind->key : extra->kind->name);
    return text;
}
