#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/insightface.safetensors: the faces that insightface's MobileNet-0.25 and ResNet-50 detectors give for every anchor, by
PyTorch in double precision, with the arithmetic of their own network and decoder: biases before the normalisations, their
epsilons, class-major scores, anchors centred at 7.5, inclusive widths (rcnn/symbol/symbol_common.py,
rcnn/processing/{generate_anchor,bbox_transform}.py). tests/test_import.c reads the same numbers from a .params file.

usage: scripts/golden_import.py     (Debian: python3-torch; run by hand, not by the tests)
Weights come from a hash of the array's name (numbers() in golden_torch.py), so that none need to be stored."""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import golden_file
from golden_torch import OUT, numbers

H, W, EVERY = 48, 72, 5
NAMES = {'released': ('rf_c1_red_conv', 'rf_c2_lateral', 'rf_c3_lateral', 'rf_c1_aggr', 'rf_c2_aggr'),
         'later': ('RF_L8', 'RF_L16', 'RF_L32', 'RF_A8', 'RF_A16'),
         'resnet50': ('ssh_m1_red_conv', 'ssh_c2_lateral', 'ssh_c3_lateral', 'ssh_c1_aggr', 'ssh_c2_aggr')}


def array(name, shape, role):
    v = numbers(name, int(np.prod(shape)))
    if role == 'weight':
        v = v * np.sqrt(6 / np.prod(shape[1:])) * (0.01 if name.startswith('mobilenet0_conv0_') else 0.1 if 'face_' in name
                                                   else 0.2 if name.startswith('stage') and '_conv3_' in name else 1)
    elif role == 'gamma':
        v = 1 + 0.3 * v
        v[0] = v[0] * 0.03
    elif role == 'var':
        v = np.abs(v) + 0.5
        v[0] = 0.001
        if name.startswith('bn_data_'):
            v += 16384
    else:
        v = 0.2 * v
    return torch.tensor(v.astype(np.float32).astype(np.float64)).reshape(shape)


def unit(x, conv, bn, out, k, stride=1, groups=1, act=True, bias=True, eps=2e-5, running='moving'):
    w = array(conv + '_weight', (out, x.shape[1] // groups, k, k), 'weight')
    b = array(conv + '_bias', (out,), 'bias') if bias else None
    y = F.conv2d(x, w, b, stride, k // 2, groups=groups)
    y = F.batch_norm(y, array(f'{bn}_{running}_mean', (out,), 'mean'), array(f'{bn}_{running}_var', (out,), 'var'),
                     array(bn + '_gamma', (out,), 'gamma'), array(bn + '_beta', (out,), 'beta'), False, 0, eps)
    return F.relu(y) if act else y


def mobilenet(x):
    plan = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)] + [(128, 1)] * 5 + [(256, 2), (256, 1)]

    def body(x, n, out, k, stride, groups):
        bn = f'mobilenet0_batchnorm{n}'
        return unit(x, f'mobilenet0_conv{n}', bn, out, k, stride, groups, bias=False, eps=1e-5, running='running')

    x, taps = body(x, 0, 8, 3, 2, 1), {}
    for i, (out, stride) in enumerate(plan):
        x = body(x, 2 * i + 1, x.shape[1], 3, stride, x.shape[1])
        x = body(x, 2 * i + 2, out, 1, 1, 1)
        taps[x.shape[1]] = x
    return taps[64], taps[128], taps[256]


def norm(x, bn, act=True, fixed=False):
    c, gamma = x.shape[1], array(bn + '_gamma', (x.shape[1],), 'gamma')
    y = F.batch_norm(x, array(bn + '_moving_mean', (c,), 'mean'), array(bn + '_moving_var', (c,), 'var'),
                     torch.ones_like(gamma) if fixed else gamma, array(bn + '_beta', (c,), 'beta'), False, 0, 2e-5)
    return F.relu(y) if act else y


def conv(x, name, out, k, stride=1):
    return F.conv2d(x, array(name + '_weight', (out, x.shape[1], k, k), 'weight'), None, stride, k // 2)


def resnet50(x):
    """MXNet's, with the normalisation before each convolution; bn_data has fix_gamma. Taps: the last map of a stride."""
    x = F.max_pool2d(norm(conv(norm(x, 'bn_data', False, True), 'conv0', 64, 7, 2), 'bn0'), 3, 2, 1)
    taps = []
    for s, blocks in enumerate((3, 4, 6, 3)):
        for b in range(blocks):
            unit, stride = f'stage{s + 1}_unit{b + 1}', 2 if b == 0 and s else 1
            a = norm(x, unit + '_bn1')
            y = norm(conv(a, unit + '_conv1', 64 << s, 1), unit + '_bn2')
            if b == 0 and s:
                taps.append(y)
            y = conv(norm(conv(y, unit + '_conv2', 64 << s, 3, stride), unit + '_bn3'), unit + '_conv3', 256 << s, 1)
            x = y + (conv(a, unit + '_sc', 256 << s, 1, stride) if b == 0 else x)
    return taps[1], taps[2], norm(x, 'bn1')


def named(x, name, out, k, act=True):
    return unit(x, name, name + '_bn', out, k, act=act)


def up(x, like):
    return F.interpolate(x, scale_factor=2, mode='nearest')[:, :, :like.shape[2], :like.shape[3]]


def context(x, name, width):
    a = named(x, name + '_conv1', width // 2, 3, False)
    d = named(x, name + '_context_conv1', width // 4, 3)
    b = named(d, name + '_context_conv2', width // 4, 3, False)
    c = named(named(d, name + '_context_conv3_1', width // 4, 3), name + '_context_conv3_2', width // 4, 3, False)
    return F.relu(torch.cat([a, b, c], 1))


def pyramid(taps, names, width, later):
    l8, l16, l32 = (named(c, n, width, 1) for c, n in zip(taps, names))
    p16 = named(l16 + up(l32, l16), names[4], width, 3)
    p8 = named(l8 + up(l16 if later else p16, l8), names[3], width, 3)
    return p8, p16, l32


def faces(x, stride, sizes):
    def head(what, out):
        name = f'face_rpn_{what}_stride{stride}'
        return F.conv2d(x, array(name + '_weight', (out, x.shape[1], 1, 1), 'weight'), array(name + '_bias', (out,), 'bias'))[0]

    cls, box, points = head('cls_score', 4), head('bbox_pred', 8), head('landmark_pred', 20)
    h, w = cls.shape[1:]
    score = torch.softmax(cls.reshape(2, 2 * h, w), 0)[1].reshape(2, h, w)
    rows = []
    for i in range(h):
        for j in range(w):
            for a, size in enumerate(sizes):
                cx, cy = j * stride + 7.5, i * stride + 7.5
                dx, dy, dw, dh = box[4 * a:4 * a + 4, i, j].tolist()
                bw, bh = np.exp(dw) * size, np.exp(dh) * size
                px, py = dx * size + cx, dy * size + cy
                row = [score[a, i, j].item(), px - (bw - 1) / 2, py - (bh - 1) / 2, px + (bw - 1) / 2, py + (bh - 1) / 2]
                for k in range(5):
                    row += [points[10 * a + 2 * k, i, j].item() * size + cx, points[10 * a + 2 * k + 1, i, j].item() * size + cy]
                rows.append(row)
    return rows


def main():
    image = torch.tensor(numbers('image', H * W * 3).astype(np.float32).astype(np.float64) * 128 + 128)
    x = image.reshape(1, H, W, 3).permute(0, 3, 1, 2)
    networks = []
    for kind in ('released', 'later', 'resnet50'):
        prefix = [{'released': f'rf_c{i + 1}_det', 'later': f'rf_head_stride{8 << i}', 'resnet50': f'ssh_m{i + 1}_det'}[kind]
                  for i in range(3)]
        width, wide = (256, 512) if kind == 'resnet50' else (64, 64)
        taps = resnet50(x) if kind == 'resnet50' else mobilenet(x)
        levels = pyramid(taps, NAMES[kind], width, kind == 'later')
        rows = []
        for i, size in enumerate(((32, 16), (128, 64), (512, 256))):
            rows += faces(context(levels[i], prefix[i], wide), 8 << i, size)
        networks.append([[float('%.8g' % v) for v in r] for r in rows[::EVERY]])
    golden_file.write_tree(os.path.join(OUT, 'insightface.safetensors'), {'h': H, 'w': W, 'every': EVERY, 'networks': networks})


main()
