/* SPDX-License-Identifier: Apache-2.0 */
/* Each preset spells out every convention it stands for, also where it agrees with a key's default, so that a changed
 * default never changes a preset. */
#include "core/config.h"

extern const rf_preset rf_preset_refineface;

/* RefineFace, arXiv 1909.04376, with the numbers of SRN (arXiv 1809.02693 and its code), which it extends. */
static const rf_preset_value refineface[] = {
    {"model", "strides", "4,8,16,32,64,128"},
    {"model", "channels", "256"},
    {"model", "context", "none"},
    {"model", "leaky_slope", "0"},
    {"model", "top_down", "sums"},
    {"model", "upsample", "bilinear"},
    {"model", "extra_from", "p5"},
    {"model", "pyramid_norm", "none"},
    {"model", "head", "towers"},
    {"model", "rfe", "yes"},
    {"model", "fsm", "yes"},
    {"model", "share_heads", "yes"},
    {"model", "landmarks", "no"},
    {"model", "freeze_stages", "1"},
    {"model", "initialiser", "he_xavier"},
    {"cascade", "stages", "2"},
    {"cascade", "strides_cls", "4,8,16"},
    {"cascade", "strides_box", "32,64,128"},
    {"cascade", "single", "last"},
    {"cascade", "body", "backbone"},
    {"cascade", "drop", "0.99"},
    {"cascade", "positive_iou", "0.7,0.5"},
    {"cascade", "negative_iou", "0.3,0.4"},
    {"cascade", "weights", "1"},
    {"anchors", "sizes", /* 2 S and 2 sqrt(2) S for each stride S */
     "8,11.313708498984761,16,22.627416997969522,32,45.254833995939045,64,90.50966799187809,128,181.01933598375618,256,"
     "362.03867196751236"},
    {"anchors", "aspect", "1.25"},
    {"anchors", "centre_offset", "-1"},
    {"anchors", "plus_one", "no"},
    {"anchors", "variance_centre", "0.1"},
    {"anchors", "variance_size", "0.2"},
    {"input", "size", "1024"},
    {"input", "colour", "rgb"},
    {"input", "mean", "123.675,116.28,103.53"},
    {"input", "std", "58.395,57.12,57.375"},
    {"match", "positive_iou", "0.5"},
    {"match", "negative_iou", "0.4"},
    {"match", "force_best", "no"},
    {"loss", "kind", "refineface"},
    {"loss", "cls_weight", "1"},
    {"loss", "box_weight", "1"},
    {"loss", "box_beta", "1"},
    {"loss", "focal_alpha", "0.25"},
    {"loss", "focal_gamma", "2"},
    {"loss", "sml", "yes"},
    {"optim", "lr", "0.01"},
    {"optim", "momentum", "0.9"},
    {"optim", "weight_decay", "0.0001"},
    {"schedule", "kind", "step"},
    {"schedule", "epochs", "130"},
    {"schedule", "steps", "100,120"},
    {"schedule", "gamma", "0.1"},
    {"schedule", "warmup_epochs", "0"},
    {"augment", "expand", "2"},
    {"augment", "crop", "srn"},
    {"augment", "crop_min", "0.5"},
    {"augment", "crop_whole_face", "no"},
    {"augment", "clip", "yes"},
    {"augment", "distort", "0.5"},
    {"augment", "brightness", "32"},
    {"augment", "contrast", "0.5"},
    {"augment", "saturation", "0.5"},
    {"augment", "hue", "36"},
    {"augment", "filter", "smooth"},
    {"augment", "flip", "0.5"},
    {"eval", "level_least", "0.05"}, /* SRN's proposals (rpn_proposal.py) */
    {"eval", "least_strides", "4,8,16"},
    {"eval", "least_cells", "120"},
    {"eval", "level_top_k", "6000"},
    {"eval", "top_k", "0"}, /* bbox_vote of tools/test.py looks at all levels and sizes */
};

RF_PRESET_DEFINE(
    refineface,
    "RefineFace, arXiv 1909.04376, with SRN's numbers: six levels, two anchors a cell, towers shared by levels and "
    "steps, classification in two steps at strides 4 to 16 and regression in two at 32 to 128. Ours, since no "
    "source "
    "gives them: the variances, the knee of the box loss, the forms of the margin and of feature supervision "
    "([loss]), the colour and strength of the distortion. SRN's batch was 32");
