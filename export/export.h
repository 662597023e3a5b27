/* SPDX-License-Identifier: Apache-2.0 */
/* Writers of other runtimes' formats. An exporter is one `const rf_exporter rf_exporter_NAME` and one line in
 * export/exporters.def. It walks the evaluation graph of a model (rf_detector_build with RF_EVAL: conv_act, dwconv_act,
 * conv2d with bias, upsample_add, max_pool, concat, reshape ..., batch normalisation already folded), whose parameters
 * rf_graph_constant gives, so that no exporter knows the networks. */
#ifndef RF_EXPORT_EXPORT_H
#define RF_EXPORT_EXPORT_H

#include "settings/settings.h"
#include "core/registry.h"
#include "layers/params.h"

struct rf_card_io;

/* What the written network returns. */
typedef enum rf_export_outputs {
    RF_EXPORT_RAW,     /* the maps of every level: class, box and landmark, before the soft-max */
    RF_EXPORT_ANCHORS, /* loc, conf (soft-maxed) and landmarks of all anchors, concatenated in anchor order */
    RF_EXPORT_FACES,   /* decoded boxes, scores and points after suppression */
} rf_export_outputs;

/* A loaded model. Borrowed; params->folded is valid (rf_params_fold). */
typedef struct rf_export_model {
    const rf_config *config;
    rf_params *params;
    double ap[3];            /* easy, medium, hard or similar figures of the model's run; negative: unknown */
    const char *ap_names[3]; /* what they are called, "hard"; NULL: unknown */
} rf_export_model;

typedef struct rf_export_options {
    rf_export_outputs outputs;
    int batch, h, w;    /* of the input; h = w = 0: dynamic; batch 0: dynamic */
    int opset;          /* ONNX; 0 = the default */
    bool preprocess;    /* colour order and mean inside the network */
    bool fp16;          /* weights in half precision where the format has it */
    bool embed;         /* C: weights as an array in the source */
    const char *prefix; /* C: of the names that other files see (export/c_prefix.h); NULL: rf */
    double score, iou;  /* thresholds of RF_EXPORT_FACES */
    int keep;           /* faces of an image at most */
} rf_export_options;

typedef struct rf_exporter {
    const char *name;      /* "onnx" */
    const char *extension; /* ".onnx", by which --to may be left out */
    const char *doc;       /* one line: which consumer wants it */
    bool has_names;        /* options->prefix means something: the format is a program */
    /* Writes the file(s). Nothing half-written stays on failure; RF_ERR_USER names an option that the format does not
     * have and the reason. */
    rf_status (*write)(const rf_export_model *model, const rf_export_options *options, const char *path);
    /* Reads back what was written and compares names, shapes and numbers with the model. */
    rf_status (*verify)(const rf_export_model *model, const rf_export_options *options, const char *path);
    /* What the card says of the network's ends (export/card.h). NULL: the format holds weights alone. */
    rf_status (*describe)(const rf_export_model *model, const rf_export_options *options, const char *path,
                          struct rf_card_io *io);
} rf_exporter;

/* The registry: export/exporters.def and what is registered. */
RF_REGISTRY_DECLARE(exporter, rf_exporter)
/* The exporter whose extension `path` ends in, or NULL with a message. */
const rf_exporter *rf_exporter_for_path(const char *path);

/* Writes, verifies and describes: the file(s), then PATH.json (export/card.h). When the verification fails the files
 * are removed and the message says what differs. */
rf_status rf_export(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                    const char *path);

#endif
