/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that most formats have. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "settings/classes.h"
#include "detect/spec.h"
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

/* "five", "68". */
static const char *points_text(int n, char text[16]) {
    snprintf(text, 16, n == 5 ? "five" : "%d", n);
    return text;
}

void rf_card_tell_row(const rf_output *output, const rf_card_words *words, char holds[RF_CARD_HOLDS]) {
    const rf_coder *coder = output->coder;
    int points = coder && coder->points ? output->width / coder->width(1) : 0;
    char count[16];
    if (strcmp(output->name, "cls") == 0)
        snprintf(holds, RF_CARD_HOLDS, "%s", words->classes);
    else if (coder && coder->boxes)
        snprintf(holds, RF_CARD_HOLDS, "channel anchor * %d + (%.60s)%s", output->width,
                 words->box ? words->box : coder->row, words->after_box);
    else if (coder)
        snprintf(holds, RF_CARD_HOLDS, "channel anchor * %d + (%.60s of %s points)%s", output->width,
                 words->point ? words->point : coder->row, points_text(points, count), words->after_points);
    else
        snprintf(holds, RF_CARD_HOLDS, "channel anchor * %d + %.60s", output->width, output->name);
}

/* "1 mask, 2 no_mask" from 1 on, "of mask, of no_mask" without numbers (first < 0), "..." where there is no more room.
 */
static void kinds_text(const rf_config *config, int first, char *text, size_t room) {
    rf_classes classes;
    size_t used = 0;
    *text = 0;
    if (rf_classes_of(config, &classes) != RF_OK) return;
    for (int k = 0; k < classes.n; k++, used = strlen(text)) {
        char one[RF_CLASS_BYTES + 16];
        if (first < 0)
            snprintf(one, sizeof one, "of %s", classes.name[k]);
        else
            snprintf(one, sizeof one, "%d %s", first + k, classes.name[k]);
        bool fits = used + strlen(one) + 6 <= room;
        snprintf(text + used, room - used, "%s%s", k ? ", " : "", fits ? one : "...");
        if (!fits) return;
    }
}

/* The same in our own order. */
static void tell_row(const rf_config *config, const rf_output *output, char holds[RF_CARD_HOLDS]) {
    const char *to = output->head_stage > 0 ? ", relative to the box of the stage before" : ", relative to the anchor";
    char classes[RF_CARD_HOLDS], kinds[RF_CARD_HOLDS - 60];
    kinds_text(config, 1, kinds, sizeof kinds);
    snprintf(classes, sizeof classes, "channel anchor * %d + class (0 background, %s), logits", output->width, kinds);
    rf_card_tell_row(output, &(rf_card_words){classes, NULL, NULL, to, to}, holds);
}

static void add_map(const rf_config *config, const rf_export_net *net, const rf_export_options *o, bool nchw,
                    const rf_output *output, rf_card_io *io) {
    char n[24], h[24], w[24], stage[24] = "", holds[RF_CARD_HOLDS];
    int stride = net->detector.stride[output->level], channels = output->width * net->detector.cell_anchors;
    if (output->head_stage) snprintf(stage, sizeof stage, "_stage%d", output->head_stage + 1);
    tell_row(config, output, holds);
    rf_card_output *out = add(io, holds, "face_%s_stride%d%s", rf_export_part(output), stride, stage);
    side(o->batch, "batch", 0, n);
    side(o->h, "height", stride, h);
    side(o->w, "width", stride, w);
    if (nchw)
        snprintf(out->shape, sizeof out->shape, "%sx%dx%sx%s", n, channels, h, w);
    else
        snprintf(out->shape, sizeof out->shape, "%sx%sx%sx%d", n, h, w, channels);
}

static void add_maps(const rf_config *config, const rf_export_net *net, const rf_export_options *o, bool nchw,
                     rf_card_io *io) {
    const rf_output_list *outputs = &net->detector.outputs;
    for (const rf_output *output = outputs->v; output < outputs->v + outputs->n; output++)
        add_map(config, net, o, nchw, output, io);
}

/* An output of a name, of some stage and level; NULL: none. */
static const rf_output *some(const rf_export_net *net, const char *name) {
    for (const rf_output *o = net->detector.outputs.v; o < net->detector.outputs.v + net->detector.outputs.n; o++)
        if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

static void add_row(const rf_export_net *net, const rf_export_options *o, const char *output, const char *name,
                    const char *holds, rf_card_io *io) {
    char n[24], a[24] = "anchors";
    const rf_output *of = some(net, output);
    if (!of) return;
    if (o->h > 0 && o->w > 0) snprintf(a, sizeof a, "%zu", net->detector.anchors);
    side(o->batch, "batch", 0, n);
    rf_card_output *out = add(io, holds, "%s", name);
    snprintf(out->shape, sizeof out->shape, "%sx%sx%d", n, a, of->width);
}

static void add_rows(const rf_config *config, const rf_export_net *net, const rf_export_options *o, rf_card_io *io) {
    const rf_output *box = some(net, "loc"), *points = some(net, "points");
    char holds[RF_CARD_HOLDS], count[16], kinds[RF_CARD_HOLDS - 60];
    snprintf(holds, sizeof holds, "%.60s relative to the anchor", box && box->coder ? box->coder->row : "");
    add_row(net, o, "loc", "loc", holds, io);
    kinds_text(config, -1, kinds, sizeof kinds);
    snprintf(holds, sizeof holds, "probability of background, %s", kinds);
    add_row(net, o, "cls", "conf", holds, io);
    snprintf(holds, sizeof holds, "%.60s of %s points relative to the anchor",
             points && points->coder ? points->coder->row : "", points_text((int)config->data.points, count));
    add_row(net, o, "points", "landms", holds, io);
}

static void add_faces(const rf_config *config, bool across, const rf_export_net *net, const rf_export_options *o,
                      rf_card_io *io) {
    int n_points = (int)config->data.points, kinds = rf_classes_count(config);
    bool apart = kinds > 1 && !across;
    char names[RF_CARD_HOLDS - 20], labels[RF_CARD_HOLDS];
    rf_card_output *boxes = add(io,
                                apart ? "x1, y1, x2, y2 in pixels of the input, kind by kind, each by falling score"
                                      : "x1, y1, x2, y2 in pixels of the input, by falling score",
                                "boxes");
    snprintf(boxes->shape, sizeof boxes->shape, "facesx4");
    rf_card_output *scores = add(io, kinds > 1 ? "probability of its kind" : "probability of face", "scores");
    snprintf(scores->shape, sizeof scores->shape, "faces");
    if (some(net, "points")) {
        rf_card_output *points =
            add(io,
                n_points == RF_POINTS ? "x, y in pixels: left eye, right eye, nose, left and right mouth corner (of "
                                        "the image)"
                                      : "x, y in pixels, in the order of the training set",
                "points");
        snprintf(points->shape, sizeof points->shape, "facesx%d", 2 * n_points);
    }
    if (kinds > 1) {
        kinds_text(config, 0, names, sizeof names);
        snprintf(labels, sizeof labels, "kind: %s", names);
        snprintf(add(io, labels, "labels")->shape, sizeof io->outputs[0].shape, "faces");
    }
    if (o->batch == 1) return;
    rf_card_output *image = add(io, "which image of the batch, from 0, ascending", "image_of_face");
    snprintf(image->shape, sizeof image->shape, "faces");
}

rf_status rf_card_usual_outputs(const rf_export_model *model, const rf_export_options *options, bool nchw,
                                rf_card_io *io) {
    rf_export_net net;
    rf_detect_spec spec;
    int n, h, w;
    RF_TRY(rf_detect_spec_from_config(model->config, &spec));
    rf_export_sample_size(model, options, &n, &h, &w);
    rf_status status = rf_export_net_make(model, n, h, w, &net);
    io->n_outputs = 0;
    if (status == RF_OK && options->outputs == RF_EXPORT_RAW) add_maps(model->config, &net, options, nchw, io);
    if (status == RF_OK && options->outputs == RF_EXPORT_ANCHORS) add_rows(model->config, &net, options, io);
    if (status == RF_OK && options->outputs == RF_EXPORT_FACES)
        add_faces(model->config, spec.merge.across, &net, options, io);
    rf_export_net_free(&net);
    return status;
}
