/* SPDX-License-Identifier: Apache-2.0 */
/* The networks and ways of export that tests/test_onnx.c runs. */
#ifndef RF_TESTS_ONNX_FORMS_H
#define RF_TESTS_ONNX_FORMS_H

#include <stdbool.h>

static const char small[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[input]\nstd=57,58,59\n",
                  paper[] = "[model]\npreset=paper\nbackbone=resnet18\nchannels=16\n",
                  mobile[] = "[model]\nbackbone=mobilenetv2\ninitialiser=he_xavier\nchannels=8\n",
                  insight[] = "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\n",
                  bare[] = "[model]\ninitialiser=he_xavier\nchannels=8\nlandmarks=no\ncontext=none\nstrides=16,32\n["
                           "anchors]\nsizes=24,300\n",
                  deformed[] = "[model]\ninitialiser=he_xavier\nchannels=8\ncontext=pyramidbox\ncontext_dcn=v2\n"
                               "lateral_dcn=v1\n",
                  chained[] = "[model]\ninitialiser=he_xavier\nchannels=8\ncontext=rf\nupsample=bilinear\n"
                              "strides=8,16,32,64\nextra_from=p5\n[anchors]\nsizes=16,32,64,128\n",
                  shapes[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[anchors]\naspect=1,1.5,0.7\n",
                  rounded[] = "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\n[anchors]\n"
                              "aspect=1.5,1\nrounding=base16\n",
                  scored[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[eval]\nlevel_scores=0.5,1,0.7\n",
                  scored4[] = "[model]\npreset=paper\nbackbone=resnet18\nchannels=16\n[eval]\nstride4_score=0.4\n",
                  maxed[] = "[model]\ninitialiser=he_xavier\nchannels=8\nmaxout=background\n",
                  maxed_cascade[] = "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\nmaxout=both\n"
                                    "[cascade]\nstages=2\nbody=predictions\n",
                  cascade[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[cascade]\nstages=2\nbody=predictions\n",
                  partial[] = "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\n[cascade]\nstages=3\n"
                              "body=context_features\nstrides_cls=8,16\nstrides_box=16,32\nlandmarks=no\n",
                  late[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[cascade]\nstages=2\nbody=same\n"
                           "strides_cls=8\nstrides_box=16,32\nsingle=last\n",
                  plates[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[data]\npoints=4\nflip_points=0-1,2-3\n",
                  many[] =
                      "[model]\ninitialiser=he_xavier\nchannels=8\n[data]\npoints=68\nflip_points=none\n[cascade]\n"
                      "stages=2\nbody=same\n",
                  single[] = "[model]\npreset=insightface\nbackbone=mobilenet025\nchannels=8\n[data]\npoints=1\n"
                             "flip_points=none\n",
                  kinds[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[data]\nclasses=mask,no_mask,other\n",
                  kinds_across[] = "[model]\ninitialiser=he_xavier\nchannels=8\n[data]\nclasses=mask,no_mask\n[eval]\n"
                                   "merge_classes=across\n",
                  no_points[] = "[model]\ninitialiser=he_xavier\nchannels=8\nlandmarks=no\n[data]\npoints=0\n",
                  refine[] = "[model]\npreset=refineface\nbackbone=resnet18\nchannels=8\nstrides=4,8,16,32,64\n"
                             "initialiser=fan_in\n[cascade]\nstrides_cls=4,8\nstrides_box=32,64\ndrop=0.6\n"
                             "[anchors]\nsizes=8,12,16,23,32,45,64,91,128,181\n";

static const struct {
    const char *ini;
    int h, w;
    bool dynamic;
    int batch;
    bool preprocess;
    int opset; /* 0: another one for each form */
} forms[] = {
    {small, 64, 64, false, 1, false, 0},     {small, 70, 45, false, 1, true, 0},
    {small, 70, 45, true, 0, false, 0},      {small, 70, 45, false, 0, false, 0},
    {paper, 67, 70, false, 1, false, 0},     {paper, 70, 45, true, 1, false, 0},
    {insight, 70, 99, true, 0, true, 0},     {insight, 70, 99, false, 2, true, 0},
    {bare, 64, 45, true, 1, false, 0},       {deformed, 70, 45, true, 0, false, 19},
    {deformed, 64, 64, false, 1, false, 19}, {chained, 70, 99, false, 1, false, 0},
    {chained, 70, 45, true, 0, false, 0},    {mobile, 70, 45, true, 0, true, 0},
    {cascade, 70, 45, false, 1, false, 0},   {cascade, 70, 99, true, 0, true, 0},
    {partial, 70, 99, true, 0, true, 0},     {late, 64, 64, false, 2, false, 0},
    {scored, 70, 45, false, 2, false, 0},    {scored, 70, 99, true, 0, true, 0},
    {scored4, 67, 70, false, 1, false, 0},   {scored4, 70, 45, true, 1, false, 0},
    {shapes, 67, 70, false, 1, false, 0},    {shapes, 70, 45, true, 1, false, 0},
    {rounded, 70, 45, false, 2, false, 0},   {rounded, 70, 99, true, 0, true, 0},
    {maxed, 70, 45, false, 1, false, 0},     {maxed_cascade, 70, 99, true, 0, true, 0},
    {refine, 67, 70, false, 1, false, 0},    {refine, 70, 45, true, 0, true, 0},
    {plates, 70, 45, true, 0, true, 0},      {many, 67, 70, false, 1, false, 0},
    {many, 70, 45, true, 0, true, 0},        {single, 70, 45, false, 2, false, 0},
    {no_points, 70, 45, true, 1, false, 0},  {kinds, 70, 45, false, 1, false, 0},
    {kinds, 70, 99, true, 0, true, 0},       {kinds_across, 70, 45, true, 0, true, 0},
};

#endif
