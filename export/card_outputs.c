/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that most formats have. */
#include <stdarg.h>
#include <stdio.h>

#include "export/card.h"
#include "export/graph.h"

static rf_card_output *add(rf_card_io *io, const char *holds, const char *fmt, ...) RF_PRINTF(3, 4);
static rf_card_output *add(rf_card_io *io, const char *holds, const char *fmt, ...) {
    rf_card_output *o = &io->outputs[io->n_outputs++];
    va_list args;
    va_start(args, fmt);
    vsnprintf(o->name, sizeof o->name, fmt, args);
    va_end(args);
    snprintf(o->holds, sizeof o->holds, "%s", holds);
    return o;
}

/* "80", or the name of a size that is open. */
static const char *side(int value, const char *name, int stride, char text[24]) {
    if (value > 0)
        snprintf(text, 24, "%d", stride ? (value + stride - 1) / stride : value);
    else
        snprintf(text, 24, stride ? "%s%d" : "%s", name, stride);
    return text;
}

/* Where a map is: its level's stride, and its stage, from 0. */
typedef struct place {
    int stride, stage;
} place;

static void add_map(const rf_export_options *o, bool nchw, place at, int channels, const char *part, const char *holds,
                    rf_card_io *io) {
    char n[24], h[24], w[24], stage[24] = "";
    if (at.stage) snprintf(stage, sizeof stage, "_stage%d", at.stage + 1);
    rf_card_output *out = add(io, holds, "face_%s_stride%d%s", part, at.stride, stage);
    side(o->batch, "batch", 0, n);
    side(o->h, "height", at.stride, h);
    side(o->w, "width", at.stride, w);
    if (nchw)
        snprintf(out->shape, sizeof out->shape, "%sx%dx%sx%s", n, channels, h, w);
    else
        snprintf(out->shape, sizeof out->shape, "%sx%sx%sx%d", n, h, w, channels);
}

static void add_maps(const rf_export_net *net, const rf_export_options *o, bool nchw, rf_card_io *io) {
    static const char *const box[] = {"channel anchor * 4 + (dx, dy, dw, dh), relative to the anchor",
                                      "channel anchor * 4 + (dx, dy, dw, dh), relative to the box of the stage before"};
    static const char *const points[] = {
        "channel anchor * 10 + (dx, dy of five points), relative to the anchor",
        "channel anchor * 10 + (dx, dy of five points), relative to the box of the stage before"};
    int anchors = net->detector.cell_anchors;
    for (int k = 0; k < net->detector.n_stages; k++)
        for (int l = 0; l < net->detector.n_levels; l++) {
            const rf_export_maps *maps = &net->stages[k][l];
            place at = {net->detector.stride[l], k};
            if (maps->cls != RF_NONE)
                add_map(o, nchw, at, 2 * anchors, "cls", "channel anchor * 2 + class (0 background, 1 face), logits",
                        io);
            if (maps->box != RF_NONE) add_map(o, nchw, at, 4 * anchors, "box", box[k > 0], io);
            if (maps->points != RF_NONE) add_map(o, nchw, at, 10 * anchors, "landmark", points[k > 0], io);
        }
}

/* Whether some stage predicts landmarks. */
static bool has_points(const rf_export_net *net) {
    return net->detector.stages[0].points != RF_NONE || net->detector.points != RF_NONE;
}

static void add_rows(const rf_export_net *net, const rf_export_options *o, rf_card_io *io) {
    char n[24], a[24] = "anchors";
    if (o->h > 0 && o->w > 0) snprintf(a, sizeof a, "%zu", net->detector.anchors);
    side(o->batch, "batch", 0, n);
    rf_card_output *loc = add(io, "dx, dy, dw, dh relative to the anchor", "loc");
    snprintf(loc->shape, sizeof loc->shape, "%sx%sx4", n, a);
    rf_card_output *conf = add(io, "probability of background, of face", "conf");
    snprintf(conf->shape, sizeof conf->shape, "%sx%sx2", n, a);
    if (!has_points(net)) return;
    rf_card_output *points = add(io, "dx, dy of five points relative to the anchor", "landms");
    snprintf(points->shape, sizeof points->shape, "%sx%sx10", n, a);
}

static void add_faces(const rf_export_net *net, const rf_export_options *o, rf_card_io *io) {
    rf_card_output *boxes = add(io, "x1, y1, x2, y2 in pixels of the input, by falling score", "boxes");
    snprintf(boxes->shape, sizeof boxes->shape, "facesx4");
    rf_card_output *scores = add(io, "probability of face", "scores");
    snprintf(scores->shape, sizeof scores->shape, "faces");
    if (has_points(net)) {
        rf_card_output *points = add(io,
                                     "x, y in pixels: left eye, right eye, nose, left and right mouth corner (of "
                                     "the image)",
                                     "points");
        snprintf(points->shape, sizeof points->shape, "facesx10");
    }
    if (o->batch == 1) return;
    rf_card_output *image = add(io, "which image of the batch, from 0, ascending", "image_of_face");
    snprintf(image->shape, sizeof image->shape, "faces");
}

rf_status rf_card_usual_outputs(const rf_export_model *model, const rf_export_options *options, bool nchw,
                                rf_card_io *io) {
    rf_export_net net;
    int n, h, w;
    rf_export_sample_size(model, options, &n, &h, &w);
    rf_status status = rf_export_net_make(model, n, h, w, &net);
    io->n_outputs = 0;
    if (status == RF_OK && options->outputs == RF_EXPORT_RAW) add_maps(&net, options, nchw, io);
    if (status == RF_OK && options->outputs == RF_EXPORT_ANCHORS) add_rows(&net, options, io);
    if (status == RF_OK && options->outputs == RF_EXPORT_FACES) add_faces(&net, options, io);
    rf_export_net_free(&net);
    return status;
}
