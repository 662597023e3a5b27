#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/cascade.json: targets, losses and gradients of cascades as PyTorch computes them, in double precision.

usage: scripts/golden_cascade.py     (Debian: python3-torch; run by hand, not by the tests)
Predictions come from a hash of their name and index (golden_torch.numbers, golden_number() in tests/golden.c). Written from
the description of the method: each stage is matched against the boxes that the stage before decodes, without gradient.
"""
import json, math, os
import numpy as np
import torch
from golden_torch import numbers, OUT

SIDE, STRIDES, SIZES = 96, (8, 16, 32), ((16, 24), (32, 48), (64, 80))
# x1 y1 x2 y2 and whether there are landmarks; the third image has none
FACES = [[[10.375, 12.125, 34.25, 40.5, 1], [50.25, 20.625, 72.5, 44.125, 0], [22.5, 44.375, 88.25, 92.75, 1]],
         [[5.125, 60.75, 25.5, 82.375, 0], [40.25, 30.5, 78.625, 70.125, 1]], []]
CASES = [
    dict(name='two', stages=2, positive=(0.5, 0.45), negative=(0.3, 0.4), weights=(1, 1), cls=STRIDES, box=STRIDES, single='first',
         landmarks=True, plus_one=False),
    dict(name='boxes', stages=2, positive=(0.6, 0.5), negative=(0.35, 0.4), weights=(0.5, 2), cls=(), box=(16, 32), single='first',
         landmarks=False, plus_one=True),
    dict(name='three', stages=3, positive=(0.45, 0.4, 0.35), negative=(0.3, 0.4, 0.3), weights=(1, 0.5, 2), cls=(8,), box=(16, 32),
         single='last', landmarks=True, plus_one=False),
]
VC, VS, RATIO, LEAST, BETA, WEIGHTS = 0.1, 0.2, 3, 5, 0.5, (1.5, 2.0, 0.75)


def grid():
    """Anchors cx cy w h and the stride of each."""
    boxes, strides = [], []
    for s, sizes in zip(STRIDES, SIZES):
        n = math.ceil(SIDE / s)
        for y in range(n):
            for x in range(n):
                for size in sizes:
                    boxes.append(((x + 0.5) * s, (y + 0.5) * s, size, size))
                    strides.append(s)
    return torch.tensor(boxes, dtype=torch.float64), torch.tensor(strides)


def corners(boxes, one):
    half = (boxes[:, 2:] - one) / 2
    return torch.cat([boxes[:, :2] - half, boxes[:, :2] + half], 1)


def iou(boxes, faces, one):
    a, b = corners(boxes, one)[:, None], faces[None]
    side = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2]) + one).clamp(min=0)
    inter = side.prod(-1)
    return inter / ((a[..., 2:] - a[..., :2] + one).prod(-1) + (b[..., 2:] - b[..., :2] + one).prod(-1) - inter)


def assign(boxes, faces, positive, negative, one):
    """Label and face of every box; refuses cases that rounding could decide."""
    label, face = torch.zeros(len(boxes), dtype=torch.long), torch.full((len(boxes),), -1)
    if len(faces) == 0:
        return label, face
    table = iou(boxes, faces, one)
    best, face = table.max(1)
    for limit in (positive, negative):
        assert (best - limit).abs().min() > 1e-5, 'an IoU too near to a limit: change the case'
    label[best >= negative] = -1
    label[best >= positive] = 1
    return label, face


def mine(logits, label):
    """Keeps the hardest negatives of an image: those whose cross-entropy is largest."""
    negatives = (label == 0).nonzero().flatten()
    keep = min(len(negatives), max(LEAST, int(RATIO * int((label == 1).sum()))))
    loss = torch.logsumexp(logits, 1) - logits[:, 0]
    order = sorted(negatives.tolist(), key=lambda i: (-float(loss[i]), i))
    label = label.clone()
    label[order[keep:]] = -1
    return label, keep


def smooth_l1(d):
    return torch.where(d.abs() < BETA, 0.5 * d * d / BETA, d.abs() - 0.5 * BETA).sum()


def points_of(box):
    w, h = box[2] - box[0], box[3] - box[1]
    return [v for fx, fy in ((.3, .4), (.7, .4), (.5, .6), (.35, .8), (.65, .8)) for v in (box[0] + fx * w, box[1] + fy * h)]


def sample(t):
    g = t.grad.reshape(-1)
    probe = torch.tensor(numbers('probe', len(g)))
    return [float(g.norm()), float((g * probe).sum())]


def run(case):
    anchors, strides = grid()
    one = 1.0 if case['plus_one'] else 0.0
    n, A = len(FACES), len(anchors)
    single = 0 if case['single'] == 'first' else case['stages'] - 1
    boxes = [anchors.clone() for _ in range(n)]
    total, stages, leaves = 0, [], []
    for k in range(case['stages']):
        at_cls = torch.tensor([int(s) in case['cls'] or k == single for s in strides])
        at_box = torch.tensor([int(s) in case['box'] or k == single for s in strides])
        has_points = k == 0 or case['landmarks']
        def leaf(kind, rows, width, scale):
            v = numbers('%s%d' % (kind, k + 1), n * rows * width).astype(np.float32) * np.float32(scale)
            leaves.append(torch.tensor(v.astype(np.float64)).reshape(n, rows, width).requires_grad_())
            return leaves[-1]
        rows_cls, rows_box = int(at_cls.sum()), int(at_box.sum())
        cls = leaf('cls', rows_cls, 2, 3) if rows_cls else None
        loc = leaf('loc', rows_box, 4, 1.5) if rows_box else None
        points = leaf('points', rows_box, 10, 1.5) if rows_box and has_points else None
        ce, box, pts = torch.zeros(()).double(), torch.zeros(()).double(), torch.zeros(()).double()
        count = dict(positives=0, boxes=0, landmarks=0, negatives=0)
        checksum = 0
        for b in range(n):
            faces = torch.tensor([f[:4] for f in FACES[b]], dtype=torch.float64).reshape(-1, 4)
            label, face = assign(boxes[b], faces, case['positive'][k], case['negative'][k], one)
            if rows_cls:
                mined, kept = mine(cls[b].detach(), label[at_cls])
                count['negatives'] += kept
                count['positives'] += int((mined == 1).sum())
                used = mined >= 0
                ce = ce + (torch.logsumexp(cls[b][used], 1) - cls[b][used].gather(1, mined[used][:, None])[:, 0]).sum()
                checksum += sum(i + 1 for i, v in enumerate(mined) if v > 0)
            for row, a in enumerate(at_box.nonzero().flatten().tolist() if rows_box else []):
                if label[a] != 1:
                    continue
                count['boxes'] += 1
                f, anchor = faces[face[a]], boxes[b][a]
                size = f[2:] - f[:2] + one
                t = torch.cat([((f[:2] + f[2:]) / 2 - anchor[:2]) / (anchor[2:] * VC), torch.log(size / anchor[2:]) / VS])
                box = box + smooth_l1(loc[b, row] - t)
                if points is not None and FACES[b][face[a]][4]:
                    count['landmarks'] += 1
                    p = torch.tensor(points_of(FACES[b][face[a]]), dtype=torch.float64)
                    t = (p.reshape(5, 2) - anchor[:2]) / (anchor[2:] * VC)
                    pts = pts + smooth_l1(points[b, row] - t.reshape(-1))
            if rows_box:
                moved = boxes[b].clone()
                d = loc[b].detach()
                moved[at_box] = torch.cat([moved[at_box][:, :2] + d[:, :2] * VC * moved[at_box][:, 2:],
                                           moved[at_box][:, 2:] * torch.exp(d[:, 2:] * VS)], 1)
                boxes[b] = moved
        parts = [ce / max(count['positives'], 1), box / max(count['boxes'], 1), pts / max(count['landmarks'], 1)]
        total = total + case['weights'][k] * sum(w * p for w, p in zip(WEIGHTS, parts))
        stages.append(dict(count, parts=[float(p) for p in parts], checksum=checksum))
    total.backward()
    at = iter(leaves)
    for k, stage in enumerate(stages):
        at_cls = any(s in case['cls'] for s in STRIDES) or k == single
        at_box = any(s in case['box'] for s in STRIDES) or k == single
        kinds = [at_cls, at_box, at_box and (k == 0 or case['landmarks'])]
        stage['grads'] = [sample(next(at)) if has else [0, 0] for has in kinds]
    return dict(name=case['name'], total=float(total), stages=stages)


def main():
    torch.set_default_dtype(torch.float64)
    result = [run(case) for case in CASES]
    json.dump(result, open(os.path.join(OUT, 'cascade.json'), 'w'), indent=1)
    for r in result:
        print(r['name'], '%.6f' % r['total'], [(s['positives'], s['boxes'], s['landmarks'], s['negatives']) for s in r['stages']])


if __name__ == '__main__':
    main()
