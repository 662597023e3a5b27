/* SPDX-License-Identifier: Apache-2.0 */
#include "export/c_source.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/text.h"
#include "detect/spec.h"
#include "layers/backbone.h"

/* What the pieces are made from. */
typedef struct source {
    const rf_c_net *net;
    const rf_config *config;
    const char *header; /* name of the header file */
    size_t params;
    const rf_export_options *options;
    const float *weights; /* NULL: in a file */
    rf_detect_spec spec;
    rf_classes classes;
    uint32_t id;
    char *decoding;            /* functions */
    int decode[RF_NET_LEVELS]; /* which one is a level's */
} source;

void rf_c_put_float(rf_text *t, float value) {
    char text[40];
    snprintf(text, sizeof text, "%.9g", (double)value);
    for (int digits = 6; digits < 9; digits++) {
        char shorter[40];
        float back;
        snprintf(shorter, sizeof shorter, "%.*g", digits, (double)value);
        if (sscanf(shorter, "%f", &back) != 1 || memcmp(&back, &value, sizeof back) != 0) continue;
        memcpy(text, shorter, sizeof text);
        break;
    }
    rf_text_printf(t, "%s%sf", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_floats(rf_text *t, const double *values, int n) {
    for (int i = 0; i < n; i++) {
        rf_text_put(t, i ? ", " : "{");
        rf_c_put_float(t, (float)values[i]);
    }
    rf_text_put(t, "};\n");
}

static void put_title(rf_text *t, const char *title) {
    rf_text_printf(t, "/* ---- %s ---- */\n\n", title);
}

/* ---- constants ---- */

static void put_setting(rf_text *t, const char *name, double value, bool whole, const char *doc) {
    rf_text_printf(t, "#ifndef %s\n#    define %s ", name, name);
    if (whole)
        rf_text_printf(t, "%.0f", value);
    else
        rf_c_put_float(t, (float)value);
    rf_text_printf(t, " /* %s */\n#endif\n", doc);
}

static bool is_limited(const rf_c_net *net) {
    for (int i = 0; i < net->n_steps; i++) {
        const rf_c_step *s = &net->steps[i];
        if (isfinite(s->layer->most) || (s->before && isfinite(s->before->most))) return true;
    }
    return false;
}

/* Numbers of a row of an output, wherever it is predicted; 0: nowhere. */
static int width_of(const rf_detector *d, const char *name) {
    for (const rf_output *o = d->outputs.v; o < d->outputs.v + d->outputs.n; o++)
        if (strcmp(o->name, name) == 0) return o->width;
    return 0;
}

static void put_constants(rf_text *t, const source *s) {
    const rf_config *config = s->config;
    const rf_detector *d = &s->net->net.detector;
    bool bgr = config->input.colour == RF_COLOUR_BGR;
    put_title(t, "settings: other values can be given to the compiler, for example -DRF_SCORE=0.3f");
    put_setting(t, "RF_SCORE", s->options->score, false, "lowest score of a face");
    put_setting(t, "RF_IOU", s->options->iou, false,
                "overlap (intersection over union) with a better face above which one is dropped");
    double top_k = config->eval.top_k ? (double)config->eval.top_k : 1e6; /* 0: all */
    put_setting(t, "RF_TOP_K", top_k, true, "so many of the best candidates are looked at");
    put_setting(t, "RF_KEEP", s->options->keep, true, "so many faces are returned at most");
    rf_text_put(t, "\n");
    put_title(t, "numbers of the network");
    rf_text_printf(t, "#define NETWORK_ID 0x%08" PRIx32 "u /* the weight file carries the same */\n", s->id);
    rf_text_printf(t, "enum { MAPS = %d, LAYERS = %d, LEVELS = %d, STAGES = %d, ANCHORS = %d, WEIGHTS = %zu };\n",
                   s->net->n_maps, s->net->n_steps, d->n_levels, rf_outputs_stages(&d->outputs), d->cell_anchors,
                   s->net->weights);
    rf_text_printf(t,
                   "enum { CLASSES = %d, BOX_WIDTH = %d, POINTS_WIDTH = %d }; /* numbers that a head says of an anchor "
                   "*/\n",
                   width_of(d, "cls"), width_of(d, "loc"), width_of(d, "points"));
    rf_text_printf(t, "enum { ACROSS = %d }; /* 1: objects of different kinds are merged, too */\n",
                   s->spec.merge.across);
    rf_text_printf(t, "enum { LIMITED = %d }; /* 0: no activation has an upper limit */\n", is_limited(s->net));
    rf_text_printf(
        t,
        "enum { WINOGRAD_CHANNELS = %d }; /* the largest sum of inputs and outputs of a Winograd convolution "
        "*/\n\n",
        s->net->winograd_channels);
    rf_text_put(t, "static const int map_channels[MAPS] = {");
    for (int i = 0; i < s->net->n_maps; i++)
        rf_text_printf(t, "%s%d", !i ? "" : i % 20 ? ", " : ",\n    ", s->net->map_channels[i]);
    rf_text_printf(t,
                   "};\n\nstatic const int colour_order[3] = {%s}; /* the network's first channel is the picture's "
                   "colour_order[0] */\n",
                   bgr ? "2, 1, 0" : "0, 1, 2");
    rf_text_put(t, "static const float colour_mean[3] = ");
    put_floats(t, config->input.mean.v, 3);
    rf_text_put(t, "static const float colour_std[3] = ");
    put_floats(t, config->input.std.v, 3);
    rf_text_put(t, "\n");
}

/* ---- tables ---- */

static void put_row(rf_text *t, const rf_c_net *net, const rf_export_layer *l, const char *run, const char *fill,
                    const char *before, const int maps[4], rf_value value, size_t weights) {
    rf_shape out = rf_graph_shape(net->net.graph, value);
    bool window = l->kind == RF_LAYER_CONV || l->kind == RF_LAYER_MAX_POOL;
    int cin = window || l->kind == RF_LAYER_MAXOUT ? l->channels_in : out.d[3];
    rf_text_printf(t, "    {%s, %s, %s, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %d, ", run, fill, before, maps[0],
                   maps[1], maps[2], maps[3], window ? l->kernel_h : 1, window ? l->stride_h : 1, window ? l->pad_h : 0,
                   window ? l->kernel_w : 1, window ? l->pad_w : 0, cin, out.d[3]);
    rf_c_put_float(t, l->slope);
    rf_text_put(t, ", ");
    if (isfinite(l->most))
        rf_c_put_float(t, l->most);
    else
        rf_text_put(t, "FLT_MAX");
    rf_text_printf(t, ", %zu}, /* %s: %dx%dx%d */\n", weights, l->name, out.d[1], out.d[2], out.d[3]);
}

static void put_layers(rf_text *t, const rf_c_net *net) {
    static const char *const runs[] = {
        [RF_LAYER_CONV] = "conv",    [RF_LAYER_UPSAMPLE_ADD] = "upsample_add", [RF_LAYER_MAX_POOL] = "max_pool",
        [RF_LAYER_ADD] = "add_maps", [RF_LAYER_CONCAT] = "add_maps",           [RF_LAYER_MAXOUT] = "maxout_faces"};
    const char columns[] = "/* run, fill, before, in, add, out, channel, kernel, stride, pad, kernel_w, pad_w, cin, "
                           "cout, slope, most, weights */";
    int n = 0;
    for (int i = 0; i < net->n_steps; i++) {
        const rf_c_step *s = &net->steps[i];
        if (!s->before) continue;
        if (n++ == 0) rf_text_printf(t, "%s\nstatic const struct layer depthwise_layers[] = {\n", columns);
        put_row(t, net, s->before, "NULL", "fill_map", "NULL", (const int[]){s->in, -1, -1, 0}, s->before->out,
                s->before_weights);
    }
    if (n) rf_text_put(t, "};\n\n");
    rf_text_printf(t, "%s\nstatic const struct layer layers[LAYERS] = {\n", columns);
    n = 0;
    for (int i = 0; i < net->n_steps; i++) {
        const rf_c_step *s = &net->steps[i];
        const rf_export_layer *l = s->layer;
        char before[40] = "NULL";
        if (s->before) snprintf(before, sizeof before, "&depthwise_layers[%d]", n++);
        bool direct = l->kind != RF_LAYER_CONV || (l->kernel_h == 1 && l->kernel_w == 1 && l->pad_h == 0);
        const char *run = s->winograd         ? "winograd"
                          : l->bilinear       ? "bilinear_add"
                          : l->background > 1 ? "maxout_background"
                                              : runs[l->kind];
        const char *fill = s->before ? "fill_depthwise" : s->in == 0 ? "fill_picture" : direct ? "NULL" : "fill_map";
        put_row(t, net, l, run, fill, before, (const int[]){s->in, s->add, s->out, s->channel}, s->value, s->weights);
    }
    rf_text_put(t, "};\n\n");
}

static int map_of(const rf_c_net *net, rf_value value) {
    return value == RF_NONE ? -1 : net->map_of[value];
}

static void put_level(rf_text *t, const source *s, int level) {
    const rf_export_net *net = &s->net->net;
    int stages = rf_outputs_stages(&net->detector.outputs), judge = stages - 1;
    while (rf_export_map(net, "cls", judge, level) == RF_NONE) judge--;
    rf_text_printf(t, "    {%d, %d, {", s->spec.anchors.strides[level], judge);
    for (int k = 0; k < stages; k++)
        rf_text_printf(t, "%s{%d, %d, %d}", k ? ", " : "", map_of(s->net, rf_export_map(net, "cls", k, level)),
                       map_of(s->net, rf_export_map(net, "loc", k, level)),
                       map_of(s->net, rf_export_map(net, "points", k, level)));
    rf_text_put(t, "}, ");
    rf_c_put_float(t, s->spec.level_scores[level]);
    rf_text_printf(t, ", decode%d},\n", s->decode[level]);
}

static void put_anchors(rf_text *t, const source *s) {
    const rf_anchor_spec *a = &s->spec.anchors;
    rf_text_put(t, "/* Boxes are relative to anchors: in every cell of a level, of these widths and heights in pixels. "
                   "*/\nstatic const struct level levels[LEVELS] = {\n");
    for (int i = 0; i < a->n_levels; i++) put_level(t, s, i);
    rf_text_put(t, "};\nstatic const float anchor_size[LEVELS][ANCHORS][2] = {\n");
    for (int i = 0; i < a->n_levels * a->n_sizes; i++) {
        rf_text_put(t, i % a->n_sizes ? ", {" : "    {{");
        float shape[2];
        rf_anchor_shape(a, i / a->n_sizes, i % a->n_sizes, shape);
        rf_c_put_float(t, shape[0]);
        rf_text_put(t, ", ");
        rf_c_put_float(t, shape[1]);
        rf_text_put(t, (i + 1) % a->n_sizes ? "}" : "}},\n");
    }
    rf_text_put(t, "};\nstatic const float anchor_centre[LEVELS] = {");
    for (int i = 0; i < a->n_levels; i++) {
        if (i) rf_text_put(t, ", ");
        rf_c_put_float(t, a->centre_offset < 0 ? 0.5f * (float)a->strides[i] : a->centre_offset);
    }
    rf_text_put(t, "}; /* of the first cell */\n");
    rf_text_printf(t,
                   "static const float plus_one = %d.0f; /* 1: a box of width 1 has x2 = x1 */\n"
                   "static const int clips = %d; /* 1: corners are moved into the picture */\n",
                   s->spec.codec.plus_one, s->config->eval.clip);
    rf_text_put(t, "static const float drop_below = ");
    rf_c_put_float(t, isfinite(s->spec.drop_below) ? s->spec.drop_below : -FLT_MAX);
    rf_text_put(t, "; /* logit under which a stage of heads drops an anchor for later ones */\n");
}

static void put_network(rf_text *t, const source *s) {
    rf_text_put(t, "\n");
    put_title(t, "the network");
    rf_text_printf(t,
                   "/* Sizes in the notes are height x width x channels for a picture of %dx%d pixels (height x "
                   "width). */\n",
                   s->net->h, s->net->w);
    put_layers(t, s->net);
    rf_text_put(t, s->decoding);
    put_anchors(t, s);
}

/* ---- files ---- */

/* In a comment: what would end it is taken apart. */
static void put_terms(rf_text *t, const char *terms) {
    rf_text_put(t, " * Terms of the pictures that it was trained on: ");
    for (const char *p = terms; *p; p++)
        rf_text_printf(t, "%c%s", (unsigned char)*p < ' ' ? ' ' : *p, *p == '*' && p[1] == '/' ? " " : "");
    rf_text_put(t, "\n");
}

static void put_banner(rf_text *t, const source *s, const char *what) {
    rf_text_printf(t, "/* %s, written by rf-export %s: %s, %zu parameters.\n", what, RF_VERSION,
                   rf_backbone_name(s->config->model.backbone), s->params);
    rf_text_printf(
        t,
        " * A picture of %dx%d (height x width) takes %.0f million multiply-adds; Winograd's method leaves %.0f "
        "million.\n",
        s->net->h, s->net->w, s->net->multiply_adds / 1e6, s->net->products / 1e6);
    if (*s->config->data.terms) put_terms(t, s->config->data.terms);
    rf_text_put(
        t, " * C99 and its library alone: cc -std=c99 -O3 -c, link with -lm.\n"
           " * The program is rf's (SPDX-License-Identifier: Apache-2.0); the weights carry the terms of what they "
           "were trained on. */\n");
}

static void put_weights(rf_text *t, const source *s) {
    rf_text_put(t, "\n");
    put_title(t, "weights");
    rf_text_put(t, "static const float embedded_weights[WEIGHTS] = {");
    for (size_t i = 0; i < s->net->weights; i++) {
        rf_text_put(t, i % 8 ? " " : "\n    ");
        rf_c_put_float(t, s->weights[i]);
        rf_text_put(t, ",");
    }
    rf_text_put(t, "\n};\n");
}

static bool has(const rf_c_net *net, rf_layer_kind kind, bool before) {
    for (int i = 0; i < net->n_steps; i++)
        if (net->steps[i].layer->kind == kind && (!before || net->steps[i].before)) return true;
    return false;
}

static bool enlarges(const rf_c_net *net, bool bilinear) {
    for (int i = 0; i < net->n_steps; i++) {
        const rf_export_layer *l = net->steps[i].layer;
        if (l->kind == RF_LAYER_UPSAMPLE_ADD && l->bilinear == bilinear) return true;
    }
    return false;
}

static void put_file(rf_text *t, const char *name) {
    for (const rf_c_text *file = rf_c_texts; file->name; file++)
        if (strcmp(file->name, name) == 0) rf_text_put(t, file->text);
}

/* How many points and which kinds of objects a face of the header has. */
static void put_face_size(rf_text *t, const source *s) {
    rf_text_printf(t, "enum { RF_POINTS = %d }; /* landmarks of a face */\n", s->spec.codec.n_points);
    rf_text_printf(t, "enum { RF_KINDS = %d }; /* kinds of objects that are told apart */\n", s->classes.n);
    rf_text_put(t, "#define RF_KIND_NAMES ");
    for (int k = 0; k < s->classes.n; k++) rf_text_printf(t, "%s\"%s\"", k ? ", " : "", s->classes.name[k]);
    rf_text_put(t, " /* their names, from label 0 on: const char *const names[RF_KINDS] = {RF_KIND_NAMES}; */\n");
}

/* What stands in the place of a file of export/c/. */
static void put_part(rf_text *t, const source *s, const char *name) {
    const char *base = rf_path_base(name);
    if (strcmp(base, "retinaface.h") == 0)
        rf_text_printf(t, "#include \"%s\"\n", s->header);
    else if (strcmp(base, "face_size.h") == 0)
        put_face_size(t, s);
    else if (strcmp(base, "constants.c") == 0)
        put_constants(t, s);
    else if (strcmp(base, "network.c") == 0)
        put_network(t, s);
    else if (strcmp(base, "weights_file.c") == 0 && s->weights) {
        put_weights(t, s);
        put_file(t, "export/c/weights_embedded.c");
    } else if ((strcmp(base, "winograd.c") == 0 && s->net->winograd_channels == 0) ||
               (strcmp(base, "depthwise.c") == 0 && !has(s->net, RF_LAYER_CONV, true)) ||
               (strcmp(base, "max_pool.c") == 0 && !has(s->net, RF_LAYER_MAX_POOL, false)) ||
               (strcmp(base, "upsample_add.c") == 0 && !enlarges(s->net, false)) ||
               (strcmp(base, "bilinear_add.c") == 0 && !enlarges(s->net, true)) ||
               (strcmp(base, "maxout.c") == 0 && !has(s->net, RF_LAYER_MAXOUT, false)) ||
               (strcmp(base, "add.c") == 0 && !has(s->net, RF_LAYER_ADD, false) &&
                !has(s->net, RF_LAYER_CONCAT, false)))
        return;
    else
        put_file(t, name);
}

/* The plan export/c/`plan` with its files in their places. */
static void put_plan(rf_text *t, const source *s, const char *plan, const char *begin) {
    const char *line = NULL;
    for (const rf_c_text *file = rf_c_texts; file->name; file++)
        if (strcmp(rf_path_base(file->name), plan) == 0) line = strstr(file->text, begin);
    while (line && *line) {
        const char *end = strchr(line, '\n');
        char name[64];
        if (sscanf(line, "# include \"%63[^\"]\"", name) == 1)
            put_part(t, s, name);
        else
            rf_text_put_bytes(t, line, (size_t)(end - line) + 1);
        line = end + 1;
    }
}

/* A number of the table of steps: what the order of the weights depends on. */
static uint32_t network_id(const rf_c_net *net) {
    uint32_t crc = 0;
    for (int i = 0; i < net->n_steps; i++) {
        const rf_c_step *s = &net->steps[i];
        const rf_export_layer *l = s->layer;
        char text[200];
        int n = snprintf(text, sizeof text, "%d %d %d %d %d %d %d %d %d %d %d %d %zu %zu\n", (int)l->kind, s->in,
                         s->add, s->out, s->channel, l->kernel_h, l->kernel_w, l->stride_h, l->pad_h, l->pad_w,
                         l->channels_in, l->channels_out, s->weights, s->before_weights);
        crc = rf_crc32(crc, text, (size_t)n);
    }
    return crc;
}

rf_status rf_c_source_make(const rf_c_net *net, const rf_export_model *model, const rf_export_options *options,
                           const char *header, const float *weights, char **header_text, char **source_text,
                           uint32_t *id) {
    source s = {.net = net, .config = model->config, .options = options, .weights = weights, .header = header};
    rf_text h = {0}, c = {0};
    *header_text = *source_text = NULL;
    RF_TRY(rf_detect_spec_from_config(model->config, &s.spec));
    RF_TRY(rf_classes_of(model->config, &s.classes));
    RF_TRY(rf_c_decoding_text(&net->net, &s.spec.codec, s.decode, &s.decoding));
    s.params = rf_params_learnable(model->params);
    s.id = *id = network_id(net);
    put_banner(&h, &s, "How to call a face detector");
    put_plan(&h, &s, "retinaface.h", "#ifndef");
    put_banner(&c, &s, "A face detector");
    put_plan(&c, &s, "retinaface.c", "#include \"");
    rf_free(s.decoding);
    rf_status status = rf_text_finish(&h, header_text, NULL), second = rf_text_finish(&c, source_text, NULL);
    if (status == RF_OK) status = second;
    if (status == RF_OK) return RF_OK;
    rf_free(*header_text);
    rf_free(*source_text);
    *header_text = *source_text = NULL;
    return status;
}
