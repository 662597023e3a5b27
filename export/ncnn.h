/* SPDX-License-Identifier: Apache-2.0 */
/* ncnn's PATH.param (text: the layers) and PATH.bin (their weights), and the conventions of its retinaface sample
 * (examples/retinaface.cpp), which the written network follows so that the sample decodes it unchanged:
 *   anchors  square, the larger first at each level, centre at 8 + stride * index;
 *   class    channel class * A + anchor, soft-maxed; box channel anchor * 4 + k, landmarks anchor * 10 + k;
 *   x = cx + w * dx, width = w * exp(dw), landmark = cx + (w + 1) * dx: no variances.
 * Whatever differs is a scale or a shift of a channel and is folded into the head's convolution. Stages of heads after
 * the first have blobs of their own, "face_rpn_bbox_pred_stride32_stage2". */
#ifndef RF_EXPORT_NCNN_H
#define RF_EXPORT_NCNN_H

#include "detect/spec.h"
#include "export/export.h"
#include "export/graph.h"
#include "export/ncnn_net.h"

#define RF_NCNN_SAMPLE_CENTRE 8.0   /* pixels, of cell (0,0) at every level */
enum { RF_NCNN_SAMPLE_POINTS = 5 }; /* landmarks of its faces */

/* One channel of a head in the sample's order: scale * (our channel `source`) + shift. */
typedef struct rf_ncnn_channel {
    int source;
    double scale, shift;
} rf_ncnn_channel;

/* Fills channels[anchors of a cell * width]. What the sample does not know keeps its numbers. moved: boxes and
 * landmarks are relative to the box of an earlier stage of heads; that is where the sample's formulas put it, and a
 * landmark is cx + w * dx. RF_ERR_USER: the sample cannot decode what the output's coder writes. */
rf_status rf_ncnn_head_channels(const rf_detect_spec *spec, const rf_output *output, bool moved,
                                rf_ncnn_channel *channels);
/* From rows of one coder to those of another that mean the same: channel k of theirs is channels[k]. Both have `width`
 * numbers. It is solved on the nodes of both (export/decoding.h) for one anchor each, so neither's formula stands here.
 * RF_ERR_USER: no scale and shift of a channel does it. */
rf_status rf_ncnn_fold(const rf_coder *ours, const rf_codec *codec, const float anchor[4], const rf_coder *theirs,
                       const float their_anchor[4], int width, rf_ncnn_channel *channels);
/* What the sample calls an output: "cls_prob_reshape", "bbox_pred", "landmark_pred", else "<name>_pred". */
void rf_ncnn_part(const rf_output *output, char text[48]);
/* Whether a stage starts from boxes of an earlier one at a level. */
bool rf_ncnn_moved(const rf_export_net *net, int stage, int level);
/* Our number of the sample's anchor a of a level: by falling size, equal sizes in our order. */
int rf_ncnn_anchor(const rf_anchor_spec *spec, int level, int a);

/* The model as an ncnn network. Free *out in every case. RF_ERR_USER when half precision cannot hold a weight. */
rf_status rf_ncnn_build(const rf_export_model *model, const rf_export_options *options, rf_ncnn_net *out);

/* Path of the weights: ".bin" in place of ".param", or behind a name without. rf_free it; NULL when memory is out. */
char *rf_ncnn_bin_path(const char *param_path);

/* Writes both files, or neither. */
rf_status rf_ncnn_write(const rf_ncnn_net *net, const char *param_path, const char *bin_path);

/* Reads both files completely: every line, every byte. RF_ERR_FORMAT says what is wrong and where. Free *out in every
 * case. parse: the same from memory; `text` ends in a 0 byte beyond text_bytes. */
rf_status rf_ncnn_read(const char *param_path, const char *bin_path, rf_ncnn_net *out);
rf_status rf_ncnn_parse(const char *param_path, const char *text, size_t text_bytes, const char *bin_path,
                        const uint8_t *bin, size_t bin_bytes, rf_ncnn_net *out);

#endif
