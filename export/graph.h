/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluation network as exporters want it: layers in order, each with plain numbers and weights, up to the maps of
 * the pyramid levels. What follows the maps (rows in anchor order, concatenation) every exporter writes its own way. */
#ifndef RF_EXPORT_GRAPH_H
#define RF_EXPORT_GRAPH_H

#include "export/export.h"
#include "layers/detector.h"

typedef enum rf_layer_kind {
    RF_LAYER_CONV,         /* y = act(conv(x) + bias + residual); depth-wise: groups = channels */
    RF_LAYER_UPSAMPLE_ADD, /* y = in[0] + in[1] resized to in[0]'s size, nearest neighbour: source floor(i * h1 / h0),
                            * or `bilinear` with pixel centres at i + 0.5 */
    RF_LAYER_DEFORM_CONV,  /* y = act(deformable conv(in[0]) + bias); in[1]: offsets, dy and dx of each tap, followed
                            * with `masked` by what gives the masks, 2 * sigmoid */
    RF_LAYER_ADD,          /* y = in[0] + in[1] */
    RF_LAYER_MAX_POOL,     /* window kernel_h x kernel_w, the border is never taken */
    RF_LAYER_CONCAT,       /* of channels */
    RF_LAYER_CLAMP,        /* y = min(max(x, least), most) */
    RF_LAYER_MAXOUT,       /* of in[0]'s channels for an anchor the largest of the first `background`, and of the `face`
                            * others; it comes right behind the convolution that makes them and alone reads that */
} rf_layer_kind;

typedef struct rf_export_layer {
    rf_layer_kind kind;
    char *name; /* "body.stage1.0.0", unique; its output is called the same */
    rf_value in[RF_MAX_INPUTS];
    int n_in; /* activations, the residual not among them */
    bool bilinear, masked;
    rf_value residual; /* RF_NONE: none */
    rf_value out;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w; /* convolution, pooling */
    int groups, channels_in, channels_out;
    float slope;          /* of negative values: 1 none, 0 ReLU, else leaky */
    float least, most;    /* clamp; else -infinity, infinity */
    int background, face; /* candidates of a maxout; part > 0: see rf_export_maxout_part */
    bool candidates;      /* a convolution that a maxout follows */
    int part;
    rf_value weight_id, bias_id;   /* the same for layers that share weights; bias RF_NONE: none */
    const float *weights, *biases; /* [kernel_h][kernel_w][channels_in / groups][channels_out], [channels_out]; borrowed
                                    */
    float *made;                   /* where these are when the parameters had to be changed for it; else NULL */
} rf_export_layer;

typedef struct rf_export_net {
    rf_graph *graph;
    rf_detector detector; /* of the size it was built for; its outputs have the maps that are exported */
    rf_export_layer *layers;
    int n_layers;
    const char **names; /* [values] of inputs, parameters and layer outputs; NULL for what no exporter needs */
    int *uses;          /* [values] how many layers and maps read it */
} rf_export_net;

/* Builds the network for n images of h x w. RF_ERR_USER names an op that exporters do not know. Free in every case. */
rf_status rf_export_net_make(const rf_export_model *model, int n, int h, int w, rf_export_net *out);
void rf_export_net_free(rf_export_net *net);

/* The map [N,h,w,channels] of a name at a stage and level; RF_NONE: that is not predicted there. */
rf_value rf_export_map(const rf_export_net *net, const char *name, int head_stage, int level);
/* What files call an output, as Pytorch_Retinaface does: "box" for loc, "landmark" for points, else its name. */
const char *rf_export_part(const rf_output *output);

/* For formats without maxout, which is also the largest of rf_export_maxout_parts convolutions of two outputs an anchor
 * (a class with fewer candidates repeats its last): part 1, 2, .. of them. rf_free(out->made); name, input and the rest
 * are those of the convolution before `maxout`. RF_ERR_NOMEM. */
int rf_export_maxout_parts(const rf_export_layer *maxout);
rf_status rf_export_maxout_part(const rf_export_layer *maxout, int part, rf_export_layer *out);

/* RF_ERR_USER when --score lies below eval.level_least, which exported finders do not have. For writers of faces. */
rf_status rf_export_check_score(const rf_export_model *model, const rf_export_options *options);

/* RF_ERR_USER when the network has deformable convolutions, which only ONNX files get. For the writers of other
 * formats; `format` is its name for the message. */
rf_status rf_export_refuse_deform(const rf_export_net *net, const char *format);

/* [kernel_h][kernel_w][in/groups][out] to the order of other runtimes, [out][in/groups][kernel_h][kernel_w]. `to` has
 * rf_export_weight_count floats. */
size_t rf_export_weight_count(const rf_export_layer *layer);
void rf_export_weights_oihw(const rf_export_layer *layer, float *to);

/* A size to build for when the options leave it open; every level has at least two rows and columns. */
void rf_export_sample_size(const rf_export_model *model, const rf_export_options *options, int *n, int *h, int *w);

#endif
