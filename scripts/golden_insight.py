#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/insight_loss.json: insightface's targets, hard examples and losses by numpy and PyTorch in double
precision, one anchor after the other, for tests/test_insight_loss.c (rcnn/processing/generate_anchor.py, rcnn/io/rpn.py,
rcnn/PY_OP/rpn_fpn_ohem3.py, rcnn/symbol/symbol_common.py). Predictions are numbers by name (golden_torch.py), faces are
listed in the file.

usage: scripts/golden_insight.py     (Debian: python3-torch; run by hand, not by the tests)"""
import json
import math
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from golden_torch import OUT, numbers

SIDE, TOTAL, FOREGROUND = 96, 40, 3
SIZES = {8: (24, 12), 16: (48, 24), 32: (80, 64)}
# x y w h, blur (-1: not told), five points x y v (v 0 visible, 1 hidden), or none
FACES = [[[10, 12, 21, 26, 0.25, [15, 20, 0, 24, 20, 1, 20, 26, 0, 16, 31, 1, 24, 31, 0]],
          [44, 40, 40, 46, 0.9, [55, 55, 0, 72, 55, 0, 64, 66, 0, 57, 74, 0, 71, 74, 0]],
          [60, 8, 13, 14, -1, None], [66, 12, 14, 13, 0, None], [4, 60, 25, 25, 0.5, None]],
         [], [[-6, 20, 70, 68, -1, [12, 40, 1, 40, 42, 1, 25, 55, 1, 14, 70, 1, 38, 71, 1]]]]


def anchors():
    rows = []
    for stride, sizes in SIZES.items():
        for i in range(math.ceil(SIDE / stride)):
            for j in range(math.ceil(SIDE / stride)):
                rows += [(7.5 + j * stride, 7.5 + i * stride, s, stride) for s in sizes]
    return rows


def iou(anchor, face):
    cx, cy, s, _ = anchor
    a = (cx - (s - 1) / 2, cy - (s - 1) / 2, cx + (s - 1) / 2, cy + (s - 1) / 2)
    b = (face[0], face[1], face[0] + face[2], face[1] + face[3])
    w, h = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + 1 for k in (0, 1))
    if w <= 0 or h <= 0:
        return 0.0
    area = lambda r: (r[2] - r[0] + 1) * (r[3] - r[1] + 1)
    return w * h / (area(a) + area(b) - w * h)


def match(faces):
    out = []
    for a in anchors():
        best = max(((iou(a, f), -k) for k, f in enumerate(faces)), default=(0.0, 0))
        out.append((1 if best[0] >= 0.5 else 0 if best[0] < 0.3 else -1, -best[1]))
    return out


def ohem(labels, score, mode):
    """At most a fixed number of positives, the lowest; then negatives, the highest; the rest is ignored."""
    labels = list(labels)
    fg = sorted((k for k, v in enumerate(labels) if v == 1), key=lambda k: (score[k], k))
    for k in fg[FOREGROUND:]:
        labels[k] = -1
    n = min(len(fg), FOREGROUND)
    rest = TOTAL - n if mode == 1 else max(5, n * 3)
    bg = sorted((k for k, v in enumerate(labels) if v == 0), key=lambda k: (-score[k], k))
    for k in bg[rest:]:
        labels[k] = -1
    return labels


def smooth_l1(x):
    """sigma = 3: 4.5 x^2 below 1/9."""
    a = x.abs()
    return torch.where(a < 1 / 9, 4.5 * x * x, a - 0.5 / 9)


def tensor(name, *shape):
    v = 2 * numbers(name, int(np.prod(shape))).astype(np.float32).astype(np.float64)
    return torch.tensor(v.reshape(shape), requires_grad=True)


def head_of(face):
    """Grown by half of width and height on each side, within the picture; no landmarks."""
    x, y, w, h = face[:4]
    x1, y1, x2, y2 = max(x - w / 2, 0), max(y - h / 2, 0), min(x + 1.5 * w, SIDE), min(y + 1.5 * h, SIDE)
    return [x1, y1, x2 - x1, y2 - y1, -1, None]


def choose(cls, lists, mode):
    """Labels of the anchors that are kept, and the faces they belong to."""
    A, kept = anchors(), []
    for i, faces in enumerate(lists):
        m, score = match(faces), (cls[i, :, 1] - cls[i, :, 0]).tolist()
        labels = []
        for stride in SIZES:
            at = [k for k, a in enumerate(A) if a[3] == stride]
            labels += ohem([m[k][0] for k in at], [score[k] for k in at], mode)
        kept.append((labels, [f for _, f in m]))
    return kept


def losses(lists, kept, lr_mode, cls, box, points=None, blur=None, visible=None):
    A, N = anchors(), len(lists)
    parts = {'cls': 0, 'box': 0, 'points': 0}
    for stride in SIZES:
        ce, boxes, marks, valid, count = 0, 0, 0, 0, 0
        for i in range(N):
            for k, (cx, cy, s, st) in enumerate(A):
                label = kept[i][0][k]
                if st != stride or label < 0:
                    continue
                valid += 1
                ce = ce - torch.log_softmax(cls[i, k], 0)[label]
                if label == 0:
                    continue
                count += 1
                x, y, w, h, b, pts = lists[i][kept[i][1][k]]
                t = [(x + w / 2 - cx) / s, (y + h / 2 - cy) / s, math.log((w + 1) / s), math.log((h + 1) / s)]
                boxes = boxes + smooth_l1(box[i, k] - torch.tensor(t, dtype=torch.float64)).sum()
                if blur is not None:
                    boxes = boxes + smooth_l1(0.1 * (blur[i, k] - (b if b >= 0 else 0.3))).sum()
                if pts:
                    t = [(pts[3 * (j // 2) + j % 2] - (cx, cy)[j % 2]) / s for j in range(10)]
                    marks = marks + smooth_l1(points[i, k] - torch.tensor(t, dtype=torch.float64)).sum()
                    if visible is not None:
                        v = torch.tensor([1.0 - pts[3 * j + 2] for j in range(5)], dtype=torch.float64)
                        marks = marks + smooth_l1(0.1 * (visible[i, k] - v)).sum()
        parts['cls'] = parts['cls'] + ce / max(valid, 1)
        share = N / TOTAL if lr_mode == 0 else 1 / (count + 0.001)
        parts['box'] = parts['box'] + boxes * share
        parts['points'] = parts['points'] + marks * share
    return parts


def case(mode, lr_mode, extra, head=0.0):
    """head: weight of the losses of whole heads."""
    A, N = anchors(), len(FACES)
    cls, box, points = (tensor(n, N, len(A), w) for n, w in (('cls', 2), ('box', 4), ('points', 10)))
    blur, visible = (tensor('blur', N, len(A), 1), tensor('visible', N, len(A), 5)) if extra else (None, None)
    kept = choose(cls, FACES, mode)
    parts = losses(FACES, kept, lr_mode, cls, box, points, blur, visible)
    weights = {'cls': 1, 'box': 0.25, 'points': 0.2} if lr_mode == 0 else {'cls': 1, 'box': 0.5, 'points': 0.4}
    total = sum(weights[k] * v for k, v in parts.items())
    grads = {'cls': cls, 'box': box, 'points': points, 'blur': blur, 'visible': visible}
    out = {'mode': mode, 'lr_mode': lr_mode, 'extra': int(extra)}
    if head:
        heads = [[head_of(f) for f in faces] for faces in FACES]
        grads['head_cls'], grads['head_box'] = tensor('head_cls', N, len(A), 2), tensor('head_box', N, len(A), 4)
        more = losses(heads, choose(grads['head_cls'], heads, mode), lr_mode, grads['head_cls'], grads['head_box'])
        total = total + head * (weights['cls'] * more['cls'] + weights['box'] * more['box'])
        out.update(head=head, head_cls=more['cls'].item(), head_box=more['box'].item())
    total.backward()
    out.update(total=total.item(), weights=list(weights.values()))
    out.update((k, v.item()) for k, v in parts.items())
    out['labels'] = [''.join('.-+'[v + 1] for v in labels) for labels, _ in kept]
    out['gradients'] = {k: [v.grad.pow(2).sum().sqrt().item(), (v.grad.flatten().numpy() * numbers('probe', v.numel())).sum()]
                        for k, v in grads.items() if v is not None}
    return out


def main():
    cases = [case(1, 0, False), case(2, 0, False), case(1, 1, False), case(1, 0, True), case(1, 1, False, 0.5)]
    with open(os.path.join(OUT, 'insight_loss.json'), 'w') as f:
        json.dump({'side': SIDE, 'total': TOTAL, 'foreground': FOREGROUND, 'faces': FACES, 'cases': cases}, f,
                  separators=(',', ':'))
        f.write('\n')


main()
