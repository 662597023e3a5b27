# SPDX-License-Identifier: Apache-2.0
"""RefineFace in PyTorch, as rf builds it: what tests/golden/refineface.safetensors and scripts/bench_refineface.sh compare with.

As a program: one training step's time, as JSON.    usage: refine_ref.py BATCH SIZE STEPS [THREADS [resnet50]]
The names of parameters are those of rf. Sources: arXiv 1909.04376, arXiv 1809.02693; what they leave open is as in
docs/models.md. NCHW inside, rows of anchors outside.
"""
import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

STRIDES = (4, 8, 16, 32, 64, 128)
ASPECT, A = 1.25, 2
VARIANCE = (0.1, 0.2)


class Body(nn.Module):
    def __init__(self, name):
        super().__init__()
        net = getattr(torchvision.models, name)(weights=None)
        for part in ('conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'):
            setattr(self, part, getattr(net, part))
        self.channels = [c * (4 if name in ('resnet50', 'resnet101', 'resnet152') else 1) for c in (64, 128, 256, 512)]

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        taps = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            taps.append(x)
        return taps


def conv(i, o, k, s=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2))


class Pyramid(nn.Module):
    """Laterals are summed from the top, each sum has a 3x3 convolution, two more levels follow P5."""

    def __init__(self, channels, c):
        super().__init__()
        for k, i in enumerate(channels):
            setattr(self, 'output%d' % (k + 1), conv(i, c, 1))
            setattr(self, 'merge%d' % (k + 1), conv(c, c, 3))
        self.extra1, self.extra2 = conv(c, c, 3, 2), conv(c, c, 3, 2)

    def forward(self, taps):
        sums = [getattr(self, 'output%d' % (k + 1))(t) for k, t in enumerate(taps)]
        for k in (2, 1, 0):
            sums[k] = sums[k] + F.interpolate(sums[k + 1], size=sums[k].shape[2:], mode='bilinear', align_corners=False)
        p = [getattr(self, 'merge%d' % (k + 1))(s) for k, s in enumerate(sums)]
        p.append(self.extra1(p[-1]))
        return p + [self.extra2(p[-1])]


class Step1(nn.Module):
    def __init__(self, channels, c, levels):
        super().__init__()
        half = max(channels[-1] // 2, c)
        inputs = channels + [half, c]
        if any(k > 3 for k in levels):
            self.down1, self.down2 = conv(channels[-1], half, 3, 2), conv(half, c, 3, 2)
        for k in levels:
            setattr(self, 'map%d' % (k + 1), conv(inputs[k], c, 1))

    def forward(self, taps):
        maps = list(taps)
        if hasattr(self, 'down1'):
            maps.append(self.down1(maps[-1]))
            maps.append(self.down2(maps[-1]))
        return {k: getattr(self, 'map%d' % (k + 1))(m) for k, m in enumerate(maps) if hasattr(self, 'map%d' % (k + 1))}


class Rfe(nn.Module):
    def __init__(self, c):
        super().__init__()
        for k, (h, w) in enumerate(((1, 5), (5, 1), (1, 3), (3, 1))):
            layers = nn.Conv2d(c, c // 4, 1), nn.Conv2d(c // 4, c // 4, (h, w), 1, (h // 2, w // 2)), nn.Conv2d(c // 4, c // 4, 1)
            setattr(self, 'branch%d' % (k + 1), nn.ModuleList(layers))
        self.join = nn.Conv2d(c, c, 1)

    def forward(self, x):
        parts = []
        for k in range(4):
            y = x
            for layer in getattr(self, 'branch%d' % (k + 1)):
                y = F.relu(layer(y))
            parts.append(y)
        return x + F.relu(self.join(torch.cat(parts, 1)))


class Tower(nn.Module):
    def __init__(self, c, outputs, rfe):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, 1, 1)
        self.rfe = Rfe(c) if rfe else nn.Identity()
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1)
        self.predict = nn.Conv2d(c, outputs, 1)

    def forward(self, x):
        x = F.relu(self.conv2(self.rfe(F.relu(self.conv1(x)))))
        return self.predict(x).permute(0, 2, 3, 1).reshape(len(x), -1, self.predict.out_channels // A)


class Fsm(nn.Module):
    def __init__(self, c):
        super().__init__()
        for k in range(4):
            setattr(self, 'conv%d' % (k + 1), nn.Conv2d(c, c, 3, 1, 1))
        self.logit = nn.Conv2d(c, 1, 1)

    def forward(self, maps, rois):
        """rois [R,6]: image, level, corners; image -1: none."""
        c = maps[0].shape[1]
        x = maps[0].new_zeros(len(rois), c, 7, 7)
        for level, m in enumerate(maps):
            mine = ((rois[:, 1] == level) & (rois[:, 0] >= 0)).nonzero()[:, 0]
            y = torchvision.ops.roi_align(m, rois[mine][:, [0, 2, 3, 4, 5]].to(m.dtype), 7, 1 / STRIDES[level], 2, True)
            x = x.index_put((mine,), y)
        for k in range(4):
            x = F.relu(getattr(self, 'conv%d' % (k + 1))(x))
        return self.logit(x.mean((2, 3), keepdim=True)).flatten()


class RefineFace(nn.Module):
    def __init__(self, backbone='resnet50', c=256, rfe=True, fsm=True, stc=(0, 1, 2), refine=(3, 4, 5)):
        super().__init__()
        self.body = Body(backbone)
        self.fpn = Pyramid(self.body.channels, c)
        self.stc, self.refine = stc, refine
        if stc or refine:
            self.step1 = Step1(self.body.channels, c, sorted(set(stc) | set(refine)))
        self.ClassTower, self.BoxTower = Tower(c, A, rfe), Tower(c, 4 * A, rfe)
        if fsm:
            self.fsm = Fsm(c)

    def forward(self, x):
        taps = self.body(x)
        p = self.fpn(taps)
        first = self.step1(taps) if self.stc or self.refine else {}
        out = dict(maps=p, loc2=torch.cat([self.BoxTower(m) for m in p], 1), cls2=torch.cat([self.ClassTower(m)[..., 0] for m in p], 1))
        if self.refine:
            out['loc'] = torch.cat([self.BoxTower(first[k]) for k in self.refine], 1)
        if self.stc:
            out['cls'] = torch.cat([self.ClassTower(first[k])[..., 0] for k in self.stc], 1)
        return out


# ---- boxes ---------------------------------------------------------------------------------------------------------------

def make_anchors(size):
    """[A,4] cx cy w h and the first anchor of each level."""
    rows, first = [], []
    n = 0
    for s in STRIDES:
        cells = -(-size // s)
        at = (torch.arange(cells) * s + s / 2.0)
        cy, cx = torch.meshgrid(at, at, indexing='ij')
        sides = torch.tensor([2.0 * s, 2.0 * math.sqrt(2) * s])
        w, h = sides / math.sqrt(ASPECT), sides * math.sqrt(ASPECT)
        grid = torch.stack([cx[..., None].expand(-1, -1, A), cy[..., None].expand(-1, -1, A), w.expand(cells, cells, A), h.expand(cells, cells, A)], -1)
        rows.append(grid.reshape(-1, 4))
        first.append(n)
        n += cells * cells * A
    return torch.cat(rows), first + [n]


def corners(b):
    return torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], 1)


def move(anchors, loc):
    limit = math.log(1000)
    xy = anchors[:, :2] + loc[:, :2] * VARIANCE[0] * anchors[:, 2:]
    wh = anchors[:, 2:] * torch.exp((loc[:, 2:] * VARIANCE[1]).clamp(-limit, limit))
    return torch.cat([xy, wh], 1)


def encode(anchors, boxes):
    xy = ((boxes[:, :2] + boxes[:, 2:]) / 2 - anchors[:, :2]) / anchors[:, 2:] / VARIANCE[0]
    wh = torch.log((boxes[:, 2:] - boxes[:, :2]) / anchors[:, 2:]) / VARIANCE[1]
    return torch.cat([xy, wh], 1)


def match(anchors, faces, positive, negative):
    """Labels 1, 0, -1 and the best face of each anchor."""
    if not len(faces):
        return torch.zeros(len(anchors), dtype=torch.long), torch.zeros(len(anchors), dtype=torch.long)
    iou, best = torchvision.ops.box_iou(corners(anchors), faces).max(1)
    return torch.where(iou >= positive, 1, torch.where(iou < negative, 0, -1)), best


def margin(faces, spec):
    s = ((faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])).sqrt()
    return spec['margin'] / (1 + s / spec['size'])


# ---- loss ----------------------------------------------------------------------------------------------------------------

def focal(z, label, alpha=0.25, gamma=2.0):
    """Sum over labelled rows; z has its margins taken off."""
    return (torchvision.ops.sigmoid_focal_loss(z, label.clamp(min=0).to(z.dtype), alpha, gamma) * (label >= 0)).sum()


def sample_rois(image, anchors, first, z, loc, faces, count, iou):
    rois, labels = [], []
    scale = torch.cat([anchors[f:f + A, 2:].prod(1).sqrt() for f in first[:-1]])
    for f in faces[:count // 2]:
        size = ((f[2] - f[0]) * (f[3] - f[1])).sqrt()
        rois.append([image, int((size / scale).log().abs().argmin()) // A] + f.tolist())
        labels.append(1)
    taken = []
    order = sorted(range(len(z)), key=lambda a: (-float(z[a]), a))[:4 * count]
    boxes = corners(move(anchors, loc))
    for a in order:
        if len(rois) == count:
            break
        if taken and float(torchvision.ops.box_iou(boxes[a:a + 1], torch.stack(taken)).max()) >= 0.7:
            continue
        taken.append(boxes[a])
        level = max(k for k in range(len(STRIDES)) if first[k] <= a)
        rois.append([image, level] + boxes[a].tolist())
        labels.append(int(len(faces) > 0 and float(torchvision.ops.box_iou(boxes[a:a + 1], faces).max()) >= iou))
    while len(rois) < count:
        rois.append([-1, 0, 0, 0, 0, 0])
        labels.append(-1)
    return rois, labels


def stage_targets(model, o, stage, anchors, first, faces, drop):
    """For each image: anchors of the stage, labels of all of them after the drop, faces of the positive ones."""
    out = []
    for i, f in enumerate(faces):
        boxes = anchors.clone()
        if stage and model.refine:
            at = torch.cat([torch.arange(first[k], first[k + 1]) for k in model.refine])
            boxes[at] = move(anchors[at], o['loc'][i].detach().float())
        label, best = match(boxes, f, *((0.5, 0.4) if stage else (0.7, 0.3)))
        if stage and model.stc:
            at = torch.cat([torch.arange(first[k], first[k + 1]) for k in model.stc])
            sure = torch.sigmoid(-o['cls'][i].detach()) > drop
            label[at] = torch.where((label[at] == 0) & sure, -1, label[at])
        out.append((boxes, label, best))
    return out


def loss(model, o, faces, anchors, first, drop=0.99, sml=None, rois=0, fsm_weight=1.0, fsm_iou=0.5):
    """Mean-free sums as in rf: total, and its parts cls, box, fsm."""
    parts = dict(cls=0, box=0, fsm=0)
    levels = (model.stc, model.refine), (range(6), range(6))
    steps = (0, 1) if model.stc or model.refine else (1,)
    for stage in steps:
        targets = stage_targets(model, o, stage, anchors, first, faces, drop)
        rows = [torch.cat([torch.arange(first[k], first[k + 1]) for k in which]) if which else None for which in levels[stage]]
        z, loc = (o['cls2'], o['loc2']) if stage else (o.get('cls'), o.get('loc'))
        for at, pred, part in ((rows[0], z, 'cls'), (rows[1], loc, 'box')):
            if at is None:
                continue
            n = max(sum(int((label[at] > 0).sum()) for _, label, _ in targets), 1)
            for i, (boxes, label, best) in enumerate(targets):
                lab, hit = label[at], best[at]
                pos = lab > 0
                if part == 'cls':
                    logit = pred[i]
                    if sml and len(faces[i]):
                        logit = logit - margin(faces[i], sml)[hit].to(logit.dtype) * pos
                    parts['cls'] = parts['cls'] + focal(logit, lab) / n
                elif pos.any():
                    t = encode(boxes[at][pos], faces[i][hit[pos]]).to(pred.dtype)
                    parts['box'] = parts['box'] + F.smooth_l1_loss(pred[i][pos], t, reduction='sum') / n
    if rois:
        last = stage_targets(model, o, 1, anchors, first, faces, drop)
        lists = [sample_rois(i, last[i][0], first, o['cls2'][i].detach(), o['loc2'][i].detach().float(), faces[i], rois, fsm_iou) for i in range(len(faces))]
        boxes = torch.tensor(sum((r for r, _ in lists), []))
        label = torch.tensor(sum((l for _, l in lists), []))
        parts['fsm'] = focal(model.fsm(o['maps'], boxes), label) / max(int((label > 0).sum()), 1)
    parts['total'] = parts['cls'] + parts['box'] + fsm_weight * parts['fsm']
    return parts


def bench(batch, size, steps, threads, backbone):
    torch.set_num_threads(threads)
    model = RefineFace(backbone).train().to(memory_format=torch.channels_last)
    x = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    anchors, first = make_anchors(size)
    faces = [torch.tensor([[40.0 * k, 30.0 * k, 40.0 * k + 12 + 9 * k, 30.0 * k + 15 + 11 * k] for k in range(1, 9)]) for _ in range(batch)]
    for p in list(model.body.conv1.parameters()) + list(model.body.bn1.parameters()):
        p.requires_grad_(False)
    opt = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-5, momentum=0.9, weight_decay=1e-4)
    times = []
    for _ in range(steps + 1):
        begin = time.time()
        total = loss(model, model(x), faces, anchors, first, sml=dict(margin=0.5, size=32.0), rois=32)['total']
        opt.zero_grad()
        total.backward()
        opt.step()
        times.append(time.time() - begin)
    times = sorted(times[1:])
    step = times[len(times) // 2]
    print(json.dumps(dict(step=step, img_s=batch / step, rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)))


if __name__ == '__main__':
    a = sys.argv[1:]
    bench(int(a[0]), int(a[1]), int(a[2]), int(a[3]) if len(a) > 3 else 2, a[4] if len(a) > 4 else 'resnet50')
