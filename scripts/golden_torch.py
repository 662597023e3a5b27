#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/{ops,mnet025,r50}.safetensors: what PyTorch computes for the ops and for the whole models, in double precision.

usage: scripts/golden_torch.py TORCH_REF_DIR     (Debian: python3-torch python3-torchvision; run by hand, not by the tests)
TORCH_REF_DIR holds torch_ref.py, the reference models and their loss. Weights and inputs come from a hash of the name and
the index (numbers() here, golden_number() in tests/golden.c), so that no weights need to be stored.
"""
import math, os, sys
import numpy as np
import torch
import torch.nn.functional as F
import torchvision

import golden_file

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, '..', 'tests', 'golden')


def fnv(name):
    h = 0xcbf29ce484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001b3) & 0xffffffffffffffff
    return h


def numbers(name, count):
    """count numbers, uniform in [-1,1), float32 exact: murmur's finaliser over (hash of the name + index)."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(fnv(name) & 0xffffffff)) & np.uint64(0xffffffff)
    for s, m in ((16, 0x85ebca6b), (13, 0xc2b2ae35)):
        x = x ^ (x >> np.uint64(s))
        x = (x * np.uint64(m)) & np.uint64(0xffffffff)
    x = x ^ (x >> np.uint64(16))
    return (x >> np.uint64(8)).astype(np.float64) / 2.0 ** 23 - 1.0


def tensor(name, shape, scale=1.0, offset=0.0):
    v = numbers(name, int(np.prod(shape)) if len(shape) else 1).astype(np.float32) * np.float32(scale) + np.float32(offset)
    return torch.tensor(v.astype(np.float64)).reshape(shape)


def flat(t):
    return [float('%.12g' % v) for v in t.detach().reshape(-1).tolist()]


# ---- ops: NHWC tensors, HWIO weights, as rf has them ---------------------------------------------------------------------

def nchw(t):
    return t.permute(0, 3, 1, 2)


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def conv(x, w, b=None, stride=1, pad=0, pad_w=-1, groups=1):
    return nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), b, stride, (pad, pad if pad_w < 0 else pad_w), groups=groups))


def dwconv(x, w, stride=1, pad=1):
    return nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), None, stride, pad, groups=x.shape[3]))


def bn(x, g, b, m, v, eps=1e-5):
    return nhwc(F.batch_norm(nchw(x), m.clone(), v.clone(), g, b, True, 0.1, eps))


def bn_act(x, g, b, m, v, r=None, slope=0.0):
    y = bn(x, g, b, m, v)
    return F.leaky_relu(y if r is None else y + r, slope)


def upsample(x, h, w):
    return nhwc(F.interpolate(nchw(x), size=(h, w), mode='nearest'))


def upsample_bilinear(x, h, w):
    return nhwc(F.interpolate(nchw(x), size=(h, w), mode='bilinear', align_corners=False))


def deform_conv(x, o, w, m=None, stride=1, pad=1):
    m = None if m is None else nchw(m)
    return nhwc(torchvision.ops.deform_conv2d(nchw(x), nchw(o), w.permute(3, 2, 0, 1), None, stride, pad, mask=m))


def softmax_ce(x, t, w=None):
    k = x.shape[-1]
    ce = F.cross_entropy(x.reshape(-1, k), t.reshape(-1).long(), ignore_index=-1, reduction='none')
    return (ce if w is None else ce * w.reshape(-1)).sum()


def smooth_l1(p, t, w=None, beta=1.0):
    e = F.smooth_l1_loss(p, t, reduction='none', beta=beta).sum(-1)
    return (e if w is None else e * w).sum()


def mesh_edges(x, edges, vector):
    """x: rows of planar points; an edge with a vertex -1 is none."""
    p, e = x.reshape(x.shape[0], -1, 2), edges.long()
    d = (p[:, e[:, 1]] - p[:, e[:, 0]]) * (e >= 0).all(1).to(x.dtype)[None, :, None]
    return d.reshape(x.shape[0], -1) if vector else torch.norm(d, dim=2)


def mesh_mix(x, at, value, rows):
    a = torch.zeros(rows, x.shape[1], dtype=x.dtype)
    a.index_put_((at[:, 0].long(), at[:, 1].long()), value, accumulate=True)
    return torch.einsum('ij,mjc->mic', a, x)


def mesh_project(x, camera):
    position, focal = camera[:, None, 0:3], camera[:, 6]
    forward = F.normalize(camera[:, 3:6] - camera[:, 0:3], dim=1)
    right = F.normalize(torch.cross(forward, torch.tensor([[0., 1., 0.]], dtype=x.dtype).expand_as(forward), dim=1), dim=1)
    down = torch.cross(forward, right, dim=1)
    q = torch.einsum('mni,mki->mnk', x[:, :, :3] - position, torch.stack([right, down, forward], 1))
    return torch.cat([focal[:, None, None] * q[:, :, :2] / q[:, :, 2:], q[:, :, 2:]], 2)


def mesh_project_turned(x, camera):
    """The mesh turned about y, x and z, angles in the order x y z; the camera looks along -z."""
    s, c = torch.sin(camera[:, 3:6]), torch.cos(camera[:, 3:6])
    one, none = torch.ones_like(s[:, 0]), torch.zeros_like(s[:, 0])

    def matrix(*rows):
        return torch.stack([torch.stack(r, 1) for r in rows], 1)
    yaw = matrix((c[:, 1], none, s[:, 1]), (none, one, none), (-s[:, 1], none, c[:, 1]))
    pitch = matrix((one, none, none), (none, c[:, 0], -s[:, 0]), (none, s[:, 0], c[:, 0]))
    roll = matrix((c[:, 2], s[:, 2], none), (-s[:, 2], c[:, 2], none), (none, none, one))
    q = torch.einsum('mki,mni->mnk', roll @ pitch @ yaw, x[:, :, :3]) - camera[:, None, 0:3]
    q = q * torch.tensor([1., -1., -1.], dtype=x.dtype)
    return torch.cat([camera[:, None, None, 6] * q[:, :, :2] / q[:, :, 2:], q[:, :, 2:]], 2)


def mesh_shade(x, triangles, lights):
    t = triangles.long()
    corner = [x[:, t[:, k], :3] for k in range(3)]
    face = torch.cross(corner[1] - corner[0], corner[2] - corner[0], dim=2)
    normal = torch.zeros_like(x[:, :, :3])
    for k in range(3):
        normal = normal.index_add(1, t[:, k], face)
    towards = F.normalize(lights[:, None, 0:3] - x[:, :, :3], dim=2)
    cosine = (F.normalize(normal, dim=2) * towards).sum(2, keepdim=True).clamp(min=0)
    return x[:, :, 3:] * (lights[:, None, 6:9] + lights[:, None, 3:6] * cosine)


def mesh_render(points, colours, triangles, side):
    """The nearest triangle of each pixel is found without gradients; its blend has them."""
    rows = []
    for m in range(points.shape[0]):
        for pixel in range(side * side):
            x, y = (2 * (pixel % side) + 1) / side - 1, (2 * (pixel // side) + 1) / side - 1
            near, value = 1e300, torch.zeros(3, dtype=points.dtype)
            for t in triangles.long():
                (ax, ay, az), (bx, by, bz), (cx, cy, cz) = points[m, t]
                area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
                w = torch.stack([(bx - x) * (cy - y) - (by - y) * (cx - x), (cx - x) * (ay - y) - (cy - y) * (ax - x),
                                 (ax - x) * (by - y) - (ay - y) * (bx - x)]) / area
                z = float(w[0] * az + w[1] * bz + w[2] * cz)
                if w.min() >= 0 and z < near:
                    near, value = z, w @ colours[m, t]
            rows.append(value)
    return torch.stack(rows).reshape(points.shape[0], side, side, 3)


def mesh_cases():
    n, t = 'n', [[0, 1, 2], [1, 3, 2], [0, 2, 4], [4, 1, 0]]
    at = [[0, 1], [2, 4], [2, 0], [5, 3], [1, 1], [0, 1], [4, 2]]
    yield 'mesh_mix', 'rows=6', [((2, 5, 3), n), ((7, 2), 'i', at), ((7,), 'i')], lambda x, a, v: mesh_mix(x, a, v, 6)
    camera = [[0.5, -0.4, 6, 0.2, 0.1, -0.3, 2], [-3, 1.5, 4, 0.1, -0.2, 0.3, 1.5]]
    yield 'mesh_project', '', [((2, 4, 6), n), ((2, 7), n, camera)], mesh_project
    lights = [[0.5, 1, 6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [2, -1, 5, 0.2, 0.9, 0.5, 0.4, 0.4, 0.5]]
    yield 'mesh_shade', '', [((2, 5, 6), n), ((4, 3), 'i', t), ((2, 9), n, lights)], mesh_shade
    points = [[[-0.83, -0.71, 1], [0.77, -0.62, 2], [0.11, 0.83, 3], [0.91, 0.74, 4], [-0.52, 0.33, 0.5]]]
    yield 'mesh_render', 'side=9', [((1, 5, 3), n, points), ((1, 5, 3), n), ((4, 3), 'i', t)], lambda p, c, i: mesh_render(p, c, i, 9)


def focal(x, t, w=None, m=None, alpha=0.25, gamma=2.0):
    """torchvision's sigmoid_focal_loss of the difference of the two logits, margins taken from positives."""
    z = x[..., 1] - x[..., 0]
    z = z if m is None else z - m * (t == 1)
    e = torchvision.ops.sigmoid_focal_loss(z, t.clamp(min=0), alpha, gamma) * (t >= 0)
    return (e if w is None else e * w).sum()


def logit_pair(x):
    return torch.stack([torch.zeros_like(x), x], -1).flatten(-2)


def maxout(x, background=3, face=1):
    """The largest of the candidates of each class, anchor by anchor."""
    a = x.unflatten(-1, (-1, background + face))
    return torch.stack([a[..., :background].amax(-1), a[..., background:].amax(-1)], -1).flatten(-2)


def roi_align(rois, *maps, size, scale, samples, aligned):
    """One level after the other; rows of other levels and of images that are not there give nothing."""
    out = torch.zeros(len(rois), size, size, maps[0].shape[3], dtype=torch.float64)
    for level, x in enumerate(maps):
        mine = (rois[:, 1] == level) & (rois[:, 0] >= 0)
        y = torchvision.ops.roi_align(nchw(x), rois[mine][:, [0, 2, 3, 4, 5]], size, scale / 2 ** level, samples, aligned)
        out = out.index_put((mine.nonzero()[:, 0],), nhwc(y))
    return out


def op_cases():
    """(op, attribute text, [(shape, kind)], function); kind: n numbers, p positive, l labels -1..1, i no gradient, r boxes
    (image -1..1, level 0 or 1, corners), - an optional input that is left out."""
    n = 'n'
    yield 'conv2d', 'stride=1 pad=1', [((2, 6, 5, 3), n), ((3, 3, 3, 7), n), ((7,), n)], lambda x, w, b: conv(x, w, b, 1, 1)
    yield 'conv2d', 'stride=2 pad=1', [((1, 9, 8, 5), n), ((3, 3, 5, 6), n)], lambda x, w: conv(x, w, None, 2, 1)
    yield 'conv2d', 'stride=2 pad=3', [((1, 13, 11, 3), n), ((7, 7, 3, 4), n)], lambda x, w: conv(x, w, None, 2, 3)
    yield 'conv2d', 'stride=1 pad=0 groups=2', [((2, 4, 4, 6), n), ((1, 1, 3, 8), n)], lambda x, w: conv(x, w, None, 1, 0, groups=2)
    yield 'conv2d', 'stride=1 pad=0 pad_w=2', [((1, 5, 7, 4), n), ((1, 5, 4, 4), n)], lambda x, w: conv(x, w, None, 1, 0, 2)
    yield 'dwconv2d', 'stride=1 pad=1', [((2, 5, 7, 8), n), ((3, 3, 1, 8), n)], lambda x, w: dwconv(x, w, 1, 1)
    yield 'dwconv2d', 'stride=2 pad=1', [((1, 7, 6, 5), n), ((3, 3, 1, 5), n)], lambda x, w: dwconv(x, w, 2, 1)
    st = [((6,), 'n'), ((6,), 'n'), ((6,), 'i'), ((6,), 'ip')]
    yield 'batch_norm', 'eps=1e-5', [((2, 3, 4, 6), n)] + st, bn
    yield 'bn_act', 'slope=0.1', [((2, 3, 4, 6), n)] + st, lambda x, g, b, m, v: bn_act(x, g, b, m, v, None, 0.1)
    yield 'bn_act', 'slope=0', [((2, 3, 4, 6), n)] + st + [((2, 3, 4, 6), n)], lambda *a: bn_act(*a)
    yield 'relu', '', [((3, 5, 4), n)], F.relu
    yield 'leaky_relu', 'slope=0.1', [((3, 5, 4), n)], lambda x: F.leaky_relu(x, 0.1)
    yield 'sigmoid', '', [((3, 5), n)], torch.sigmoid
    yield 'add', '', [((3, 5), n), ((3, 5), n)], lambda a, b: a + b
    yield 'mul', '', [((3, 5), n), ((3, 5), n)], lambda a, b: a * b
    yield 'scale', 'factor=-2.5', [((3, 5), n)], lambda a: a * -2.5
    yield 'concat', 'axis=-1', [((2, 3, 2, 4), n), ((2, 3, 2, 1), n), ((2, 3, 2, 3), n)], lambda *a: torch.cat(a, -1)
    yield 'concat', 'axis=1', [((2, 3, 4), n), ((2, 1, 4), n)], lambda *a: torch.cat(a, 1)
    yield 'upsample_nearest', 'h=7 w=5', [((2, 3, 2, 4), n)], lambda x: upsample(x, 7, 5)
    yield 'upsample_add', '', [((1, 5, 7, 3), n), ((1, 3, 4, 3), n)], lambda a, b: a + upsample(b, 5, 7)
    yield 'max_pool', 'k=3 stride=2 pad=1', [((2, 7, 6, 5), n)], lambda x: nhwc(F.max_pool2d(nchw(x), 3, 2, 1))
    yield 'softmax_ce', '', [((2, 6, 2), n), ((2, 6), 'l')], softmax_ce
    yield 'softmax_ce', '', [((9, 3), n), ((9,), 'l'), ((9,), 'ip')], softmax_ce
    yield 'smooth_l1', 'beta=1', [((4, 5), n), ((4, 5), 'i')], lambda p, t: smooth_l1(p, t)
    yield 'smooth_l1', 'beta=0.111111', [((2, 4, 5), n), ((2, 4, 5), 'i'), ((2, 4), 'ip')], lambda p, t, w: smooth_l1(p, t, w, 0.111111)
    yield 'sum', '', [((3, 4), n)], torch.sum
    yield 'mean', '', [((3, 4), n)], torch.mean
    yield 'slice', 'axis=1 start=1 count=2', [((2, 5, 3), n)], lambda x: x[:, 1:3]
    yield 'deform_conv2d', 'pad=1', [((1, 4, 5, 3), n), ((1, 4, 5, 18), n), ((), '-'), ((3, 3, 3, 2), n)], lambda x, o, w: deform_conv(x, o, w)
    yield 'deform_conv2d', 'pad=1', [((2, 4, 3, 3), n), ((2, 4, 3, 18), n), ((2, 4, 3, 9), n), ((3, 3, 3, 4), n)], lambda x, o, m, w: deform_conv(x, o, w, m)
    yield 'deform_conv2d', 'stride=2 pad=1', [((1, 5, 7, 2), n), ((1, 3, 4, 18), n), ((1, 3, 4, 9), n), ((3, 3, 2, 3), n)], lambda x, o, m, w: deform_conv(x, o, w, m, 2)
    yield 'upsample_bilinear_add', '', [((1, 5, 7, 3), n), ((1, 3, 4, 3), n)], lambda a, b: a + upsample_bilinear(b, 5, 7)
    yield 'upsample_bilinear_add', '', [((2, 4, 6, 2), n), ((2, 2, 3, 2), n)], lambda a, b: a + upsample_bilinear(b, 4, 6)
    yield 'clamp', 'min=-0.5 max=0.25', [((3, 5, 4), n)], lambda x: F.hardtanh(x, -0.5, 0.25)
    for vector in (0, 1):
        yield 'mesh_edges', 'vector=%d' % vector, [((3, 6), n), ((7, 2), 'l')], lambda x, e, v=vector: mesh_edges(x, e, v)
    yield from mesh_cases()
    yield 'focal_loss', '', [((9, 2), n), ((9,), 'l')], focal
    yield 'focal_loss', 'alpha=0.4 gamma=1.5', [((2, 6, 2), n), ((2, 6), 'l'), ((2, 6), 'ip'), ((2, 6), 'ip')], lambda x, t, w, m: focal(x, t, w, m, 0.4, 1.5)
    yield 'logit_pair', '', [((2, 5, 3), n)], logit_pair
    for samples, aligned in ((2, True), (0, True), (0, False), (2, False)):
        yield 'roi_align', 'size=3 scale=0.5 samples=%d aligned=%d' % (samples, aligned), [((8, 6), 'r'), ((2, 8, 9, 3), n), ((2, 4, 5, 3), n)], \
            lambda r, *x, s=samples, a=aligned: roi_align(r, *x, size=3, scale=0.5, samples=s, aligned=a)
    turned = [[0.5, -0.4, 6, 0.2, 0.7, -0.3, 2], [-0.3, 0.5, 9, -0.4, -0.9, 0.3, 1.5]]
    yield 'mesh_project', 'turn=1', [((2, 4, 6), 'n'), ((2, 7), 'n', turned)], mesh_project_turned
    yield 'maxout', '', [((2, 3, 5, 8), n)], maxout
    yield 'maxout', 'background=1 face=3', [((2, 2, 3, 12), n)], lambda x: maxout(x, 1, 3)


def make_ops():
    out = []
    for number, (op, attrs, shapes, fn) in enumerate(op_cases()):
        ins, entries = [], []
        for i, (shape, kind, *given) in enumerate(shapes):
            name = '%s.%d.%d' % (op, number, i)
            if kind == '-':
                entries.append(dict(name=name, shape=[], kind=kind))
                continue
            t = tensor(name, shape)
            if 'p' in kind:
                t = t.abs() + 0.5
            if kind == 'l':
                t = torch.tensor(np.floor((numbers(name, int(np.prod(shape))) + 1) * 1.5) - 1).reshape(shape)
            if given:
                t = torch.tensor(given[0], dtype=torch.float64)
            if kind == 'r':
                t = torch.stack([torch.floor((t[:, 0] + 1) * 1.5) - 1, torch.floor(t[:, 1] + 1), *(t[:, 2:4] * 5 + 3).T, *(t[:, 4:6] * 6 + 14).T], 1)
            if kind == 'n':
                t.requires_grad_(True)
            ins.append(t)
            entries.append(dict(name=name, shape=list(shape), kind=kind))
            if given:
                entries[-1]['values'] = flat(t)
        y = fn(*ins)
        seed = tensor('%s.%d.seed' % (op, number), tuple(y.shape)) if y.dim() else torch.tensor(1.0, dtype=torch.float64)
        (y * seed).sum().backward()
        for t, e in zip(ins, (e for e in entries if e['kind'] != '-')):
            if t.requires_grad:
                e['grad'] = flat(t.grad)
        out.append(dict(op=op, attrs=attrs, number=number, inputs=entries, output=flat(y)))
    golden_file.write_tree(os.path.join(OUT, 'ops.safetensors'), dict(cases=out))
    print('ops:', len(out), 'cases')


# ---- models --------------------------------------------------------------------------------------------------------------

SSH = dict(a='conv3X3', b1='conv5X5_1', b2='conv5X5_2', c1='conv7X7_2', c2='conv7x7_3')
HEAD = {'0': 'BboxHead', '1': 'ClassHead', '2': 'LandmarkHead'}


def rf_name(name):
    """torch_ref's parameter name -> rf's (biubug6's state_dict)."""
    p = name.split('.')
    if p[0] == 'body' and p[1] == 'stem':
        return '.'.join(['body', {'0': 'conv1', '1': 'bn1'}[p[2]]] + p[3:])
    if p[0] == 'body' and p[1] == 'l':
        return '.'.join(['body', 'layer%d' % (int(p[2]) + 1)] + p[3:])
    if p[0] == 'body':
        return '.'.join(['body', 'stage' + p[1][1:]] + p[2:])
    if p[0] in ('lat', 'merge'):
        return '.'.join(['fpn', {'lat': 'output', 'merge': 'merge'}[p[0]] + str(int(p[1]) + 1)] + p[2:])
    if p[0] == 'p6':
        return '.'.join(['fpn.extra1'] + p[1:])
    if p[0] == 'ssh':
        return '.'.join(['ssh%d' % (int(p[1]) + 1), SSH[p[2]]] + p[3:])
    return '.'.join([HEAD[p[2]], p[1], 'conv1x1', p[3]])


FACES = [[[10, 12, 40, 50], [60, 20, 84, 44], [30, 70, 100, 126]], [[5, 80, 25, 100], [70, 60, 118, 112]], []]


def targets(n):
    out = []
    for b in range(n):
        box = torch.tensor(FACES[b], dtype=torch.float64).reshape(-1, 4)
        w, h = (box[:, 2] - box[:, 0])[:, None], (box[:, 3] - box[:, 1])[:, None]
        px = torch.tensor([0.3, 0.7, 0.5, 0.35, 0.65], dtype=torch.float64) * w + box[:, :1]
        py = torch.tensor([0.4, 0.4, 0.6, 0.8, 0.8], dtype=torch.float64) * h + box[:, 1:2]
        out.append((box, torch.stack([px, py], 2).reshape(-1, 10)))
    return out


def fill(model):
    for name, p in model.named_parameters():
        r = rf_name(name)
        if p.dim() == 4:
            scale = math.sqrt(3.0) * math.sqrt(1.5 / (p.shape[1] * p.shape[2] * p.shape[3]))
            p.data = tensor(r, tuple(p.shape), scale * (0.1 if 'conv1x1' in r else 1.0))
        elif r.endswith('bn3.weight'):
            p.data = tensor(r, tuple(p.shape), 0.05, 0.2)
        elif r.endswith('weight'):
            p.data = tensor(r, tuple(p.shape), 0.25, 1.0)
        else:
            p.data = tensor(r, tuple(p.shape), 0.25)


def sample(name, t):
    torch.set_default_dtype(torch.float64)
    t = t.detach().reshape(-1)
    probe = torch.tensor(numbers(name + '.probe', t.numel()))
    at = [int(i) for i in np.unique(np.linspace(0, t.numel() - 1, 5).astype(int))]
    return dict(name=name, count=t.numel(), norm=float(t.norm()), probe=float((t * probe).sum()), probe_norm=float(probe.norm()),
                at=at, values=[float('%.10g' % t[i]) for i in at])


def run(ref, name, n, size, steps, lr, dtype):
    """Outputs, gradients of the first step, losses, statistics after the last: all as double."""
    torch.set_default_dtype(dtype)
    m = ref.RetinaFace(name).train()
    fill(m)
    m = m.to(dtype)
    x = nchw(tensor('input', (n, size, size, 3), 2.0)).contiguous().to(dtype)
    an = ref.anchors(name, size).to(dtype)
    tg = [(a.to(dtype), b.to(dtype)) for a, b in targets(n)]
    opt = torch.optim.SGD(m.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    result = dict(losses=[], params=sum(p.numel() for p in m.parameters()))
    for step in range(steps):
        o = m(x)
        loss = ref.loss_fn(o, an, tg)
        opt.zero_grad()
        loss.backward()
        if step == 0:
            result['outputs'] = {k: t.detach().double().clone() for k, t in zip(('loc', 'cls', 'points'), o)}
            result['grads'] = {rf_name(k): p.grad.double().clone() for k, p in m.named_parameters()}
        opt.step()
        result['losses'].append(float(loss))
    result['statistics'] = {rf_name(k): b.double() for k, b in m.named_buffers() if 'running' in k}
    return result


def worst(a, b):
    return max(float((a[k] - b[k]).norm() / b[k].norm()) for k in b)


def make_model(ref, name, n, size, steps, lr):
    # The reference casts to float32 in two places: in the double run that cast goes to double.
    cast = torch.Tensor.float
    single = run(ref, name, n, size, steps, lr, torch.float32)
    torch.Tensor.float = torch.Tensor.double
    r = run(ref, name, n, size, steps, lr, torch.float64)
    torch.Tensor.float = cast
    result = dict(model=name, batch=n, size=size, lr=lr, params=r['params'], losses=r['losses'])
    for key in ('outputs', 'grads', 'statistics'):
        result[key] = [sample(k, t) for k, t in r[key].items()]
        # How far PyTorch's own float32 is from its double: rounding that a float implementation may show too.
        result['float32_' + key] = worst(single[key], r[key])
    result['float32_losses'] = max(abs(a - b) / b for a, b in zip(single['losses'], r['losses']))
    golden_file.write_tree(os.path.join(OUT, name + '.safetensors'), result)
    print(name, 'losses', ' '.join('%.4f' % v for v in r['losses']),
          *('%s %.2g' % (k, v) for k, v in result.items() if k.startswith('float32')))


def main():
    sys.path.insert(0, sys.argv[1])
    import torch_ref as ref
    torch.set_default_dtype(torch.float64)
    os.makedirs(OUT, exist_ok=True)
    make_ops()
    make_model(ref, 'mnet025', 2, 128, 10, 1e-4)
    make_model(ref, 'r50', 2, 128, 10, 1e-4)


if __name__ == '__main__':
    main()
