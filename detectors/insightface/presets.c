/* SPDX-License-Identifier: Apache-2.0 */
/* Each preset spells out every convention it stands for, also where it agrees with a key's default, so that a changed
 * default never changes a preset. */
#include "core/config.h"

extern const rf_preset rf_preset_insightface;

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

RF_PRESET_DEFINE(
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
    "effect");
