/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config_impl.h"

/* Values are texts, checked like a file's. Each preset spells out every convention it stands for, also where it agrees
 * with the schema's default, so that a changed default never changes a preset. */

/* RetinaFace, arXiv 1905.00641v2: anchors table 2, loss equation 1. Colour and the activation are not in the paper:
 * ours. */
static const rf_preset_value paper[] = {
    {"model", "strides", "4,8,16,32,64"},
    {"model", "channels", "256"},
    {"model", "context", "ssh"},
    {"model", "leaky_slope", "0"},
    {"model", "top_down", "merged"},
    {"model", "share_heads", "yes"},
    {"model", "landmarks", "yes"},
    {"model", "initialiser", "he_xavier"},
    {"anchors", "sizes", /* 16 * 2^(k/3), k = 0..14 */
     "16,20.15873679831797,25.39841683149119,32,40.31747359663594,50.79683366298239,64,80.63494719327188,"
     "101.59366732596476,128,161.26989438654377,203.18733465192952,256,322.5397887730875,406.37466930385915"},
    {"anchors", "aspect", "1"},
    {"anchors", "centre_offset", "-1"},
    {"anchors", "plus_one", "no"},
    {"anchors", "variance_centre", "1"},
    {"anchors", "variance_size", "1"},
    {"input", "size", "640"},
    {"input", "colour", "rgb"},
    {"input", "mean", "123.675,116.28,103.53"},
    {"input", "std", "58.395,57.12,57.375"},
    {"match", "positive_iou", "0.5"},
    {"match", "negative_iou", "0.3"},
    {"match", "force_best", "no"},
    {"loss", "cls_weight", "1"},
    {"loss", "box_weight", "0.25"},
    {"loss", "landmark_weight", "0.1"},
    {"loss", "box_beta", "1"},
    {"loss", "landmark_beta", "1"},
    {"loss", "negative_ratio", "3"},
    {"optim", "lr", "0.01"},
    {"optim", "momentum", "0.9"},
    {"optim", "weight_decay", "0.0005"},
    {"schedule", "kind", "step"},
    {"schedule", "epochs", "80"},
    {"schedule", "steps", "55,68"},
    {"schedule", "gamma", "0.1"},
    {"schedule", "warmup_epochs", "5"},
    {"schedule", "warmup_lr", "0.001"},
    {"augment", "crop", "uniform"},
    {"augment", "crop_min", "0.3"},
    {"augment", "crop_whole_face", "no"},
    {"augment", "clip", "yes"},
    {"augment", "filter", "smooth"},
    {"augment", "flip", "0.5"},
};

/* biubug6/Pytorch_Retinaface: data/config.py, data/data_augment.py, layers/modules/multibox_loss.py,
 * models/retinaface.py. */
static const rf_preset_value biubug6[] = {
    {"model", "strides", "8,16,32"},
    {"model", "channels", "64"},
    {"model", "context", "ssh"},
    {"model", "leaky_slope", "-1"},
    {"model", "backbone_slope", "-1"},
    {"model", "top_down", "merged"},
    {"model", "share_heads", "no"},
    {"model", "landmarks", "yes"},
    {"model", "initialiser", "fan_in"},
    {"model", "bn_eps", "1e-5"},
    {"model", "bn_momentum", "0.1"},
    {"anchors", "sizes", "16,32,64,128,256,512"},
    {"anchors", "aspect", "1"},
    {"anchors", "centre_offset", "-1"},
    {"anchors", "plus_one", "no"},
    {"anchors", "variance_centre", "0.1"},
    {"anchors", "variance_size", "0.2"},
    {"input", "size", "640"},
    {"input", "colour", "bgr"},
    {"input", "mean", "104,117,123"},
    {"input", "std", "1,1,1"},
    {"match", "positive_iou", "0.35"},
    {"match", "negative_iou", "0.35"},
    {"match", "force_best", "yes"},
    {"match", "force_min_iou", "0.2"},
    {"loss", "cls_weight", "1"},
    {"loss", "box_weight", "2"},
    {"loss", "landmark_weight", "1"},
    {"loss", "box_beta", "1"},
    {"loss", "landmark_beta", "1"},
    {"loss", "negative_ratio", "7"},
    {"augment", "crop", "set"},
    {"augment", "crop_set", "0.3,0.45,0.6,0.8,1"},
    {"augment", "crop_tries", "250"},
    {"augment", "filter", "random"},
    {"augment", "crop_whole_face", "yes"},
    {"augment", "clip", "yes"},
    {"augment", "distort", "0.5"},
    {"augment", "brightness", "32"},
    {"augment", "contrast", "0.5"},
    {"augment", "saturation", "0.5"},
    {"augment", "hue", "36"},
    {"augment", "flip", "0.5"},
    {"eval", "iou", "0.4"}, /* test_widerface.py, whose cuts to top_k and keep_top_k are commented out */
    {"eval", "score", "0.02"},
    {"eval", "top_k", "0"},
};

/* insightface detection/retinaface, network `resnet`: rcnn/sample_config.py, rcnn/processing/generate_anchor.py,
 * rcnn/io/{rpn,image}.py, rcnn/symbol/symbol_common.py, rcnn/PY_OP/rpn_fpn_ohem3.py, retinaface.py. Loss factors are
 * those of LR_MODE 0: 0.25 and 0.4 x 0.25 x LANDMARK_LR_MULT, times BATCH_IMAGES / RPN_BATCH_SIZE in loss.normalise. */
static const rf_preset_value insightface[] = {
    {"model", "strides", "8,16,32"},
    {"model", "channels", "256"},
    {"model", "context", "ssh"},
    {"model", "leaky_slope", "0"},
    {"model", "top_down", "merged"},
    {"model", "share_heads", "no"},
    {"model", "landmarks", "yes"},
    {"model", "initialiser", "he_xavier"},
    {"model", "bn_eps", "2e-5"},
    {"model", "bn_momentum", "0.1"},
    {"anchors", "sizes", "32,16,128,64,512,256"},
    {"anchors", "aspect", "1"},
    {"anchors", "dense", "no"},
    {"anchors", "centre_offset", "7.5"},
    {"anchors", "plus_one", "yes"},
    {"anchors", "variance_centre", "1"},
    {"anchors", "variance_size", "1"},
    {"input", "size", "640"},
    {"input", "colour", "rgb"},
    {"input", "mean", "0,0,0"},
    {"input", "std", "1,1,1"},
    {"match", "positive_iou", "0.5"},
    {"match", "negative_iou", "0.3"},
    {"match", "force_best", "no"},
    {"loss", "cls_weight", "1"},
    {"loss", "box_weight", "0.25"},
    {"loss", "landmark_weight", "0.2"},
    {"loss", "box_beta", "0.1111111111111111"},
    {"loss", "landmark_beta", "0.1111111111111111"},
    {"loss", "normalise", "level_fixed"},
    {"loss", "mining", "level_hard"},
    {"loss", "mining_total", "256"},
    {"loss", "mining_positives", "64"},
    {"loss", "negative_ratio", "3"},
    {"loss", "min_negatives", "48"},
    {"optim", "lr", "0.01"},
    {"optim", "momentum", "0.9"},
    {"optim", "weight_decay", "0.0005"},
    {"optim", "bias_lr", "2"},
    {"optim", "bias_decay", "0"},
    {"optim", "beta_decay", "0"},
    {"schedule", "kind", "step"},
    {"schedule", "epochs", "80"},
    {"schedule", "steps", "55,68"},
    {"schedule", "gamma", "0.1"},
    {"schedule", "warmup", "stairs"},
    {"schedule", "warmup_epochs", "5"},
    {"schedule", "warmup_lr", "0.001"},
    {"augment", "crop", "set"},
    {"augment", "crop_set", "0.3,0.45,0.6,0.8,1"},
    {"augment", "crop_tries", "25"},
    {"augment", "crop_whole_face", "no"},
    {"augment", "crop_last", "yes"},
    {"augment", "clip", "no"},
    {"augment", "distort", "0"},
    {"augment", "jitter", "colour"},
    {"augment", "jitter_strength", "0.125"},
    {"augment", "mixup", "0"},
    {"augment", "filter", "smooth"},
    {"augment", "flip", "0.5"},
    {"eval", "stride4_score", "0.5"},
    {"eval", "clip", "yes"},
    {"eval", "iou", "0.4"},
    {"eval", "score", "0.02"},
    {"eval", "pad", "1"},
    {"eval", "top_k", "0"}, /* neither retinaface.py nor its test cuts */
};

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

#define RF_PRESET(name, doc)                                                                                           \
    { #name, doc, name, sizeof name / sizeof *name }
const rf_preset rf_presets[] = {
    RF_PRESET(
        paper,
        "RetinaFace, arXiv 1905.00641v2: five levels, fifteen anchor sizes 16 * 2^(k/3), one head for all levels. The "
        "mean "
        "and std of ImageNet in RGB and plain ReLU are our choice, the paper gives none; `min_negatives` stays as in "
        "the schema. The backbone is not part of it (paper: ResNet-152), nor are deformable convolutions and the "
        "dense-regression branch"),
    RF_PRESET(biubug6,
              "biubug6/Pytorch_Retinaface with its MobileNet-0.25 head width (for ResNet-50 set `channels = 256` and "
              "`size = 840`). These are the defaults of the schema, spelled out. Its schedule is not part of it: "
              "lr 0.001 without warm-up, x 0.1 at 190 and 220 of 250 epochs, batch 32"),
    RF_PRESET(
        insightface,
        "insightface detection/retinaface, its ResNet setting; docs/models.md tells the numbers of its MobileNet "
        "setting "
        "(`configs/insightface_mnet025.ini`; mnet.25 loads whole from its .params file with `channels = 64`, `backbone "
        "= "
        "mobilenet025` and `backbone_slope = 0`) and of its test (`configs/insightface_r50.ini`): larger anchor first "
        "at "
        "each level, centres at 7.5 + stride x index, inclusive widths, no variances, hard examples and the mean of "
        "the "
        "classification loss at each level. `train.batch` is 8 there (MobileNet: 16). Differences: an epoch there sees "
        "every image twice (as it is and mirrored); the biases before a normalisation are left out, since they have no "
        "effect"),
    RF_PRESET(
        refineface,
        "RefineFace, arXiv 1909.04376, with SRN's numbers: six levels, two anchors a cell, towers shared by levels and "
        "steps, classification in two steps at strides 4 to 16 and regression in two at 32 to 128. Ours, since no "
        "source "
        "gives them: the variances, the knee of the box loss, the forms of the margin and of feature supervision "
        "([loss]), the colour and strength of the distortion. SRN's batch was 32"),
};
const size_t rf_preset_count = sizeof rf_presets / sizeof *rf_presets;
