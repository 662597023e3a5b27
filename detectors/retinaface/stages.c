/* SPDX-License-Identifier: Apache-2.0 */
#include "detectors/retinaface/stages.h"

#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "layers/tower.h"

enum { LOC, CLS, POINTS, KINDS }; /* boxes first, as the public model lists its heads; the order has no other meaning */

enum { TWO = 2, PLACE = 2 }; /* logits of a background and one kind; numbers of a landmark with others beside it */

static const char *const names[KINDS] = {"loc", "cls", "points"};

/* Numbers that other outputs have beside those of a box, or of all landmarks, in the same head. */
static int beside(const rf_stages *s, int kind) {
    int width = 0;
    for (int i = 0; i < s->extras.n; i++) {
        const rf_extra *extra = &s->extras.v[i];
        if (extra->kind->beside && strcmp(extra->kind->beside, names[kind]) == 0) width += extra->width;
    }
    return width;
}

/* Numbers that a head gives for an anchor. */
static int width_of(const rf_stages *s, int kind) {
    return kind == CLS ? s->classes : (kind == LOC ? s->box_width : s->points_width) + beside(s, kind);
}

/* ---- the plan ---- */

static rf_status plan_maxout(const rf_config *config, rf_maxout *out) {
    const char *name = RF_WORD_OF(RF_MAXOUT_WORDS, config->model.maxout);
    *out = (rf_maxout)config->model.maxout;
    if (*out == RF_MAXOUT_NO) return RF_OK;
    if (config->model.head == RF_HEAD_KIND_TOWERS)
        return rf_fail(RF_ERR_USER, "model.maxout = %s, but model.head = towers has one logit an anchor: leave it out",
                       name);
    if (config->model.share_heads)
        return rf_fail(
            RF_ERR_USER,
            "model.maxout = %s gives the class heads of the levels different outputs, so they cannot be one: "
            "set model.share_heads = no",
            name);
    return RF_OK;
}

/* Which levels a list of strides means. */
static rf_status levels_of(const char *key, const rf_real_list *list, const int *strides, int n_levels, bool *at) {
    bool all = list->n == 1 && list->v[0] == 0;
    for (int l = 0; l < n_levels; l++) at[l] = all;
    for (int i = 0; i < list->n && !all; i++) {
        int l = 0;
        while (l < n_levels && strides[l] != list->v[i]) l++;
        if (l == n_levels)
            return rf_fail(RF_ERR_USER,
                           "cascade.%s: %g is no stride of model.strides; expected some of them, or 0 for all", key,
                           list->v[i]);
        at[l] = true;
    }
    return RF_OK;
}

/* The stage that predicts what is predicted once. */
static int single_stage(const rf_config *config, int n) {
    return config->cascade.single == RF_SINGLE_LAST ? n - 1 : 0;
}

static rf_status plan_levels(const rf_config *config, const int *strides, int n_levels, rf_stages *out) {
    bool cls[RF_NET_LEVELS], box[RF_NET_LEVELS], several = false;
    int single = single_stage(config, out->n);
    if (out->n == 1) {
        memset(out->cls_at[0], true, sizeof out->cls_at[0]);
        memset(out->box_at[0], true, sizeof out->box_at[0]);
        return RF_OK;
    }
    RF_TRY(levels_of("strides_cls", &config->cascade.strides_cls, strides, n_levels, cls));
    RF_TRY(levels_of("strides_box", &config->cascade.strides_box, strides, n_levels, box));
    for (int l = 0; l < n_levels; l++) {
        several |= cls[l] || box[l];
        for (int k = 0; k < out->n; k++) {
            out->cls_at[k][l] = cls[l] || k == single;
            out->box_at[k][l] = box[l] || k == single;
        }
    }
    if (several) return RF_OK;
    return rf_fail(RF_ERR_USER,
                   "cascade.stages = %d, but cascade.strides_cls and cascade.strides_box are empty: nothing is "
                   "refined; set cascade.stages = 1",
                   out->n);
}

/* Heads of one logit, or of candidates for two, tell a face from the background and nothing else. */
static rf_status plan_classes(const rf_config *config, rf_stages *out) {
    out->classes = 1 + rf_classes_count(config);
    if (out->classes == TWO) return RF_OK;
    if (config->model.head == RF_HEAD_KIND_TOWERS)
        return rf_fail(RF_ERR_USER,
                       "data.classes = %s, but model.head = towers has one logit an anchor: set model.head = direct",
                       config->data.classes);
    if (out->maxout != RF_MAXOUT_NO)
        return rf_fail(RF_ERR_USER,
                       "data.classes = %s, but model.maxout = %s is for one kind of object: set model.maxout = no",
                       config->data.classes, RF_WORD_OF(RF_MAXOUT_WORDS, config->model.maxout));
    return RF_OK;
}

/* What towers are not made for, and what only they are. */
static rf_status plan_towers(const rf_config *config, rf_stages *out) {
    char text[RF_EXTRA_TEXT];
    out->towers = config->model.head == RF_HEAD_KIND_TOWERS;
    out->enhanced = config->model.rfe;
    if (!out->towers && (out->enhanced || config->model.fsm || (out->n > 1 && out->body == RF_BODY_BACKBONE)))
        return rf_fail(RF_ERR_USER,
                       "model.rfe, model.fsm and cascade.body = backbone belong to model.head = towers, and "
                       "it is direct");
    if (!out->towers) return RF_OK;
    if (config->model.landmarks)
        return rf_fail(RF_ERR_USER, "model.head = towers predicts no landmarks: set model.landmarks = no");
    if (out->extras.n)
        return rf_fail(RF_ERR_USER, "model.head = towers predicts no %s: leave %s out", out->extras.v[0].kind->name,
                       rf_extra_asked(&out->extras.v[0], text));
    if (config->model.head_box)
        return rf_fail(RF_ERR_USER, "model.head = towers predicts no whole heads: set model.head_box = no");
    if (out->context->scope || !out->share_heads)
        return rf_fail(RF_ERR_USER, "model.head = towers has towers instead of context modules, and one pair for all "
                                    "levels: set model.context = none and model.share_heads = yes");
    if (out->n > 1 && out->body != RF_BODY_BACKBONE)
        return rf_fail(RF_ERR_USER, "model.head = towers with cascade.stages = %d: set cascade.body = backbone",
                       out->n);
    return RF_OK;
}

/* Which coders write boxes and points, and how many numbers that takes. */
static rf_status plan_coders(const rf_config *config, rf_stages *out) {
    out->box_coder = rf_box_coder_find(config->anchors.box_coder);
    out->point_coder = out->box_coder ? rf_point_coder_find(config->anchors.point_coder) : NULL;
    if (!out->point_coder) return RF_ERR_USER;
    out->box_width = out->box_coder->width(out->points);
    out->points_width = config->model.landmarks ? out->point_coder->width(out->points) : 0;
    if (out->box_width < 1 || out->box_width > RF_CODE_MAX || out->points_width < config->model.landmarks ||
        out->points_width > RF_CODE_MAX)
        return rf_fail(RF_ERR_USER, "the coders %s and %s take %d and %d numbers for %d points: expected 1 to %d",
                       out->box_coder->name, out->point_coder->name, out->box_width, out->points_width, out->points,
                       RF_CODE_MAX);
    if (beside(out, POINTS) && out->points_width != PLACE * out->points)
        return rf_fail(
            RF_ERR_USER,
            "an output has numbers beside those of each point (model.occlusion), and anchors.point_coder = %s "
            "takes %d for %d points: leave it out",
            out->point_coder->name, out->points_width, out->points);
    return RF_OK;
}

rf_status rf_stages_plan(const rf_config *config, const int *strides, int n_levels, rf_stages *out) {
    int channels = (int)config->model.channels;
    char text[RF_EXTRA_TEXT];
    memset(out, 0, sizeof *out);
    out->context = rf_context_at(config->model.context);
    out->context_deform = (rf_deform)config->model.context_dcn;
    if (out->context_deform && !out->context->scope)
        return rf_fail(RF_ERR_USER, "model.context_dcn = %s, but model.context = %s has no convolutions: leave it out",
                       RF_WORD_OF(RF_DEFORM_WORDS, config->model.context_dcn), out->context->name);
    if (config->model.context_channels % 4 != 0)
        return rf_fail(RF_ERR_USER, "model.context_channels = %ld is not a multiple of 4",
                       config->model.context_channels);
    if (config->model.context_channels && !out->context->own_width)
        return rf_fail(RF_ERR_USER,
                       "model.context_channels = %ld, but model.context = %s is as wide as the pyramid: leave it out",
                       config->model.context_channels, out->context->name);
    out->share_heads = config->model.share_heads;
    RF_TRY(plan_maxout(config, &out->maxout));
    RF_TRY(plan_classes(config, out));
    out->points = (int)config->data.points;
    RF_TRY(rf_extras_of(config, &out->extras));
    RF_TRY(plan_coders(config, out));
    if (out->extras.n && config->cascade.stages > 1)
        return rf_fail(RF_ERR_USER, "%s is for one stage of heads: set cascade.stages = 1",
                       rf_extra_asked(&out->extras.v[0], text));
    out->slope = config->model.leaky_slope >= 0 ? config->model.leaky_slope : channels <= 64 ? 0.1 : 0;
    out->n = config->cascade.stages > 1 ? (int)config->cascade.stages : 1;
    out->body = (rf_stage_body)config->cascade.body;
    int single = single_stage(config, out->n);
    for (int k = 0; k < out->n; k++)
        out->landmarks[k] = config->model.landmarks && (k == single || config->cascade.landmarks);
    RF_TRY(plan_towers(config, out));
    return plan_levels(config, strides, n_levels, out);
}

/* ---- the layers ---- */

void rf_stages_step1(const rf_stages *stages, int n_levels, bool *wanted) {
    for (int l = 0; l < n_levels; l++) {
        wanted[l] = false;
        for (int k = 0; k + 1 < stages->n; k++) wanted[l] |= stages->cls_at[k][l] || stages->box_at[k][l];
    }
}

/* What a later stage may read of those before it, at each level the newest. */
typedef struct trail {
    const rf_value *step1;
    rf_tower towers[KINDS];
    rf_value body[RF_NET_LEVELS];
    rf_value maps[KINDS][RF_NET_LEVELS];
} trail;

/* The map that the heads of a stage read at a level; the first stage there has a context module and nothing else. */
static rf_value body_at(rf_net *net, const rf_stages *s, const rf_value *pyramid, int level, const trail *t) {
    rf_value x = pyramid[level], parts[1 + KINDS];
    bool later = t->body[level] != RF_NONE;
    int n = 0;
    if (later && s->body == RF_BODY_SAME) return t->body[level];
    if (later && s->body == RF_BODY_CONTEXT_FEATURES) {
        rf_scope scope = rf_net_enter(net, "features%d", level + 1);
        x = rf_apply2(net->graph, "add", x, t->body[level], "%s", "");
        rf_net_leave(net, scope);
    }
    x = rf_context_build(net, s->context, x, level, s->slope, s->context_deform);
    if (!later || s->body != RF_BODY_PREDICTIONS) return x;
    parts[n++] = x;
    for (int kind = 0; kind < KINDS; kind++)
        if (t->maps[kind][level] != RF_NONE) parts[n++] = t->maps[kind][level];
    rf_scope scope = rf_net_enter(net, "predictions%d", level + 1);
    x = rf_graph_apply(net->graph, "concat", parts, n, "axis=3");
    rf_net_leave(net, scope);
    return x;
}

/* What a stage says under one name, at all its levels. */
typedef struct said {
    const char *name;
    int width;
    rf_value rows, maps[RF_NET_LEVELS]; /* RF_NONE: not said, not at that level */
    const bool *at;                     /* [levels] where it has rows; NULL: at all */
    size_t n;                           /* rows that are listed */
    const rf_coder *coder;              /* NULL: numbers as they are */
} said;

static rf_value tower_output(rf_net *net, const rf_stages *s, const rf_tower *tower, int width, const rf_value *levels,
                             int n, rf_value *maps) {
    for (int l = 0; l < n; l++)
        if (levels[l] != RF_NONE) maps[l] = rf_tower_apply(net, tower, levels[l]);
    return rf_head_rows(net, maps, n, tower->name, s->cell_anchors, width);
}

/* The graph's name of an output, with the number of a later stage. */
static void keep_as(rf_net *net, rf_value y, const char *name, int stage) {
    char text[32];
    snprintf(text, sizeof text, stage ? "%s%d" : "%s", name, stage + 1);
    rf_graph_keep(net->graph, y);
    rf_graph_name(net->graph, y, text);
}

static said output(rf_net *net, const rf_stages *s, int stage, int kind, const rf_value *bodies, const rf_detector *d,
                   trail *t) {
    static const char *const heads[KINDS] = {"BboxHead", "ClassHead", "LandmarkHead"};
    const char *const whole[KINDS] = {beside(s, LOC) ? "box" : "loc", "cls", beside(s, POINTS) ? "marks" : "points"};
    said out = {names[kind], width_of(s, kind), .at = kind == CLS ? s->cls_at[stage] : s->box_at[stage]};
    out.coder = kind == LOC ? s->box_coder : kind == POINTS ? s->point_coder : NULL;
    rf_value levels[RF_NET_LEVELS];
    for (int l = 0; l < RF_NET_LEVELS; l++) {
        levels[l] = l < d->n_levels && out.at[l] ? bodies[l] : RF_NONE;
        out.maps[l] = RF_NONE;
    }
    rf_head_spec head = {heads[kind], s->cell_anchors, out.width, s->share_heads,
                         kind == CLS ? s->maxout : RF_MAXOUT_NO};
    out.rows = s->towers ? tower_output(net, s, &t->towers[kind], out.width, levels, d->n_levels, out.maps)
                         : rf_heads(net, &head, levels, d->n_levels, out.maps);
    for (int l = 0; l < d->n_levels; l++)
        if (out.maps[l] != RF_NONE) t->maps[kind][l] = out.maps[l];
    keep_as(net, out.rows, whole[kind], stage);
    return out;
}

/* Columns first .. first+count-1 of every `width` of an output [N,A,C], as an output of its own. */
static said columns(rf_net *net, const said *whole, int width, int first, int count, const char *name) {
    said out = {name, .rows = RF_NONE, .at = whole->at};
    for (int l = 0; l < RF_NET_LEVELS; l++) out.maps[l] = RF_NONE;
    if (whole->rows == RF_NONE) return out;
    rf_value x = whole->rows;
    rf_shape s = rf_graph_shape(net->graph, x);
    int groups = s.d[2] / width;
    out.width = groups * count;
    rf_scope scope = rf_net_enter(net, "%s", name);
    if (groups > 1) x = rf_apply1(net->graph, "reshape", x, "d0=%d d1=%d d2=%d", s.d[0], s.d[1] * groups, width);
    x = rf_apply1(net->graph, "slice", x, "start=%d count=%d", first, count);
    if (groups > 1) x = rf_apply1(net->graph, "reshape", x, "d0=%d d1=%d d2=%d", s.d[0], s.d[1], groups * count);
    rf_net_leave(net, scope);
    rf_graph_keep(net->graph, x);
    rf_graph_name(net->graph, x, name);
    out.rows = x;
    return out;
}

/* Cuts what a head says of each of its groups (a box, each of the points) into its own `width` numbers and those of the
 * outputs beside it. */
static void share_head(rf_net *net, const rf_stages *s, int kind, int groups, int width, said *own, said *extras) {
    int more = beside(s, kind);
    if (!more) return;
    int all = width + more / groups, at = width;
    said whole = *own;
    *own = columns(net, &whole, all, 0, width, names[kind]);
    own->coder = whole.coder;
    for (int i = 0; i < s->extras.n; i++) {
        const rf_extra *extra = &s->extras.v[i];
        if (!extra->kind->beside || strcmp(extra->kind->beside, names[kind]) != 0) continue;
        extras[i] = columns(net, &whole, all, at, extra->width / groups, extra->kind->name);
        at += extra->width / groups;
    }
}

static said own_head(rf_net *net, const rf_stages *s, const rf_extra *extra, const rf_value *bodies,
                     const rf_detector *d) {
    said out = {extra->kind->name, extra->width, .at = NULL};
    char name[32];
    snprintf(name, sizeof name, "%sHead", extra->kind->name);
    for (int l = 0; l < RF_NET_LEVELS; l++) out.maps[l] = RF_NONE;
    rf_head_spec head = {name, s->cell_anchors, extra->width, s->share_heads, RF_MAXOUT_NO};
    out.rows = rf_heads(net, &head, bodies, d->n_levels, out.maps);
    keep_as(net, out.rows, extra->kind->name, 0);
    return out;
}

/* Lists what a stage says, level by level. */
static rf_status list_outputs(rf_detector *d, int stage, said *all, int n) {
    for (int l = 0; l < d->n_levels; l++) {
        size_t count = (size_t)d->h[l] * (size_t)d->w[l] * (size_t)d->cell_anchors;
        for (said *x = all; x < all + n; x++) {
            if (x->rows == RF_NONE || (x->at && !x->at[l])) continue;
            rf_output one = {x->name, x->width, stage, l, false, x->maps[l], x->rows, x->n, count, x->coder};
            RF_TRY(rf_outputs_add(&d->outputs, &one));
            x->n += count;
        }
    }
    return RF_OK;
}

static rf_status build_stage(rf_net *net, const rf_stages *s, int k, const rf_value *pyramid, trail *t,
                             rf_detector *d) {
    rf_value bodies[RF_NET_LEVELS];
    for (int l = 0; l < d->n_levels; l++) {
        bodies[l] = RF_NONE;
        if (!s->cls_at[k][l] && !s->box_at[k][l]) continue;
        bool from_backbone = s->body == RF_BODY_BACKBONE && k + 1 < s->n;
        bodies[l] = s->towers ? (from_backbone ? t->step1 : pyramid)[l] : body_at(net, s, pyramid, l, t);
    }
    for (int l = 0; l < d->n_levels; l++)
        if (bodies[l] != RF_NONE) t->body[l] = bodies[l];
    enum { THE_CLS, THE_LOC, THE_POINTS, SAID };
    said all[SAID + RF_EXTRAS_MAX] = {[THE_POINTS] = {.rows = RF_NONE}};
    all[THE_LOC] = output(net, s, k, LOC, bodies, d, t);
    all[THE_CLS] = output(net, s, k, CLS, bodies, d, t);
    if (s->landmarks[k]) all[THE_POINTS] = output(net, s, k, POINTS, bodies, d, t);
    said *extras = all + SAID;
    share_head(net, s, LOC, 1, s->box_width, &all[THE_LOC], extras);
    share_head(net, s, POINTS, s->points, PLACE, &all[THE_POINTS], extras);
    for (int i = 0; i < s->extras.n; i++)
        if (!s->extras.v[i].kind->beside) extras[i] = own_head(net, s, &s->extras.v[i], bodies, d);
    return list_outputs(d, k, all, SAID + s->extras.n);
}

static void make_towers(rf_net *net, const rf_stages *s, int channels, trail *t) {
    rf_tower_spec box = {"BoxTower", channels, s->box_width * s->cell_anchors, s->enhanced, false};
    rf_tower_spec cls = {"ClassTower", channels, s->cell_anchors, s->enhanced, true};
    t->towers[LOC] = rf_tower_params(net, &box);
    t->towers[CLS] = rf_tower_params(net, &cls);
}

rf_status rf_stages_build(rf_net *net, const rf_stages *stages, const rf_value *step1, const rf_value *pyramid,
                          rf_detector *out) {
    trail t = {.step1 = step1};
    if (stages->towers) make_towers(net, stages, rf_net_channels(net, pyramid[0]), &t);
    for (int l = 0; l < out->n_levels; l++) {
        t.body[l] = out->features[l] = RF_NONE;
        for (int kind = 0; kind < KINDS; kind++) t.maps[kind][l] = RF_NONE;
    }
    for (int k = 0; k < stages->n; k++) {
        rf_scope scope = {0, 0};
        if (k) scope = rf_net_enter(net, "stage%d", k + 1);
        RF_TRY(build_stage(net, stages, k, pyramid, &t, out));
        if (k) rf_net_leave(net, scope);
        for (int l = 0; l < out->n_levels; l++)
            if (out->features[l] == RF_NONE) out->features[l] = t.body[l];
    }
    return RF_OK;
}
