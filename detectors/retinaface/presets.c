/* SPDX-License-Identifier: Apache-2.0 */
/* Each preset spells out every convention it stands for, also where it agrees with a key's default, so that a changed
 * default never changes a preset. */
#include "core/config.h"

extern const rf_preset rf_preset_paper, rf_preset_biubug6;

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

RF_PRESET_DEFINE(
    paper,
    "RetinaFace, arXiv 1905.00641v2: five levels, fifteen anchor sizes 16 * 2^(k/3), one head for all levels. The "
    "mean "
    "and std of ImageNet in RGB and plain ReLU are our choice, the paper gives none; `min_negatives` stays as in "
    "the schema. The backbone is not part of it (paper: ResNet-152), nor are deformable convolutions and the "
    "dense-regression branch");

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

RF_PRESET_DEFINE(
    biubug6, "biubug6/Pytorch_Retinaface with its MobileNet-0.25 head width (for ResNet-50 set `channels = 256` and "
             "`size = 840`). These are the defaults of the schema, spelled out. Its schedule is not part of it: "
             "lr 0.001 without warm-up, x 0.1 at 190 and 220 of 250 epochs, batch 32");
