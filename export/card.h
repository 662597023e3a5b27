/* SPDX-License-Identifier: Apache-2.0 */
/* The card beside an exported file: PATH.json, everything that a consumer must know to use the network and that its
 * format has no place for (docs/formats.md). */
#ifndef RF_EXPORT_CARD_H
#define RF_EXPORT_CARD_H

#include "export/export.h"
#include "layers/output.h"

enum { RF_CARD_OUTPUTS = 96, RF_CARD_FILES = 4, RF_CARD_HOLDS = 160 };

/* One output of the network. */
typedef struct rf_card_output {
    char name[48],
        shape[112]; /* "face_cls_stride8", "1x4x80x80"; what is dynamic has a name: "batchx4xheight8xwidth8" */
    char holds[RF_CARD_HOLDS]; /* what the numbers are */
} rf_card_output;

/* The ends of the network as an exporter wrote it. */
typedef struct rf_card_io {
    char input_name[48];
    char input_layout[16]; /* "NCHW", "NHWC" */
    char input_type[16];   /* "float32", "uint8" */
    bool preprocessed;     /* colour order, mean and deviation are inside: the input is RGB, 0 to 255 */
    bool faces;            /* the outputs are faces, whatever the options say */
    int opset;             /* 0: has none */
    rf_card_output outputs[RF_CARD_OUTPUTS];
    int n_outputs;
    char files[RF_CARD_FILES][1024]; /* paths of further files that belong to it */
    int n_files;
} rf_card_io;

/* Fills outputs[] for the usual ends: RAW: face_cls_strideS, face_box_strideS, face_landmark_strideS level by level
 * (`nchw`: that layout, else NHWC); ANCHORS: loc, conf, landms; FACES: boxes, scores, points. */
rf_status rf_card_usual_outputs(const rf_export_model *model, const rf_export_options *options, bool nchw,
                                rf_card_io *io);

/* How a format tells what its outputs hold. */
typedef struct rf_card_words {
    const char *classes;                  /* of cls, all of it */
    const char *box, *point;              /* what the numbers of a box and of a point are; NULL: as their coder says */
    const char *after_box, *after_points; /* behind these: " relative to ..." */
} rf_card_words;
/* What a row of an output is: "channel anchor * 4 + (dx, dy, dw, dh), ..."; what has no coder is told by its name. */
void rf_card_tell_row(const rf_output *output, const rf_card_words *words, char holds[RF_CARD_HOLDS]);

/* Writes PATH.json; io NULL: a file of weights alone. */
rf_status rf_card_write(const rf_exporter *exporter, const rf_export_model *model, const rf_export_options *options,
                        const rf_card_io *io, const char *path);
/* Reads PATH.json back and compares sizes and checksums of the files with it; RF_ERR_FORMAT names what differs. */
rf_status rf_card_check(const char *path);

#endif
