#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/refineface*.safetensors: what scripts/refine_ref.py computes in double precision, for tests/test_refineface.c.

usage: scripts/golden_refine.py    (Debian: python3-torch python3-torchvision; run by hand, not by the tests)
Weights and inputs are golden_torch.py's hashes of names. One file a set of modules: outputs, gradients of every parameter, three
steps of SGD.
"""
import math
import os

import torch

import golden_file
import golden_torch as g
import refine_ref as ref

SIZE, BATCH, LR, STEPS, CHANNELS, ROIS, DROP = 128, 2, 1e-6, 3, 16, 8, 0.6
SML = dict(margin=0.7, size=24.0)
# One near an anchor of almost every level, so that both steps have positives.
FACES = [[[18, 14, 76, 84], [60, 20, 67, 29], [100, 90, 120, 114]], [[38, 28, 122, 126], [5, 80, 20, 98], [90, 4, 118, 40]]]
MODULES = {
    '': dict(rfe=True, fsm=True, stc=(0, 1, 2), refine=(3, 4, 5), sml=True),
    '_base': dict(rfe=False, fsm=False, stc=(), refine=(), sml=False),
    '_stc': dict(rfe=True, fsm=False, stc=(0, 1, 2), refine=(), sml=False),
    '_str': dict(rfe=False, fsm=False, stc=(), refine=(3, 4, 5), sml=True),
}


def settings(modules):
    out = ['model.preset=refineface', 'model.backbone=resnet18', 'model.channels=%d' % CHANNELS, 'model.freeze_stages=0',
           'model.landmarks=no', 'model.share_heads=yes', 'match.positive_iou=0.5', 'match.negative_iou=0.4', 'match.force_best=no', 'loss.box_weight=1',
           'optim.decay_bn_bias=yes', 'cascade.drop=%g' % DROP, 'loss.sml_margin=%g' % SML['margin'], 'loss.sml_size=%g' % SML['size'],
           'loss.fsm_rois=%d' % ROIS, 'loss.fsm_weight=1', 'model.rfe=%s' % ('yes' if modules['rfe'] else 'no'),
           'model.fsm=%s' % ('yes' if modules['fsm'] else 'no'), 'loss.sml=%s' % ('yes' if modules['sml'] else 'no')]
    if not modules['stc']:
        out.append('cascade.strides_cls=')
    if not modules['refine']:
        out.append('cascade.strides_box=')
    if not modules['stc'] and not modules['refine']:
        out.append('cascade.stages=1')
    return out


def fill(model):
    for name, p in model.named_parameters():
        if p.dim() == 4:
            p.data = g.tensor(name, tuple(p.shape), math.sqrt(3.0) * math.sqrt(1.5 / (p.shape[1] * p.shape[2] * p.shape[3])))
        else:
            bn = name.endswith('weight')
            p.data = g.tensor(name, tuple(p.shape), 0.25, 1.0 if bn else 0.0)


def run(modules, dtype):
    torch.set_default_dtype(torch.float64)
    model = ref.RefineFace('resnet18', CHANNELS, modules['rfe'], modules['fsm'], modules['stc'], modules['refine']).train()
    fill(model)
    model = model.to(dtype)
    x = g.nchw(g.tensor('input', (BATCH, SIZE, SIZE, 3), 2.0)).contiguous().to(dtype)
    torch.set_default_dtype(torch.float32)
    anchors, first = ref.make_anchors(SIZE)
    faces = [torch.tensor(f, dtype=torch.float32).reshape(-1, 4) for f in FACES]
    opt = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9, weight_decay=5e-4)
    result = dict(losses=[], params=sum(p.numel() for p in model.parameters()))
    for step in range(STEPS):
        o = model(x)
        parts = ref.loss(model, o, faces, anchors, first, DROP, SML if modules['sml'] else None, ROIS if modules['fsm'] else 0)
        opt.zero_grad()
        parts['total'].backward()
        if step == 0:
            single = not modules['stc'] and not modules['refine']
            result['outputs'] = {}
            for name in ('cls', 'loc', 'cls2', 'loc2'):
                if name in o:
                    t = o[name].detach().double()
                    t = torch.stack([torch.zeros_like(t), t], -1) if 'cls' in name else t
                    result['outputs'][name.rstrip('2') if single else name] = t.clone()
            result['grads'] = {k: p.grad.double().clone() for k, p in model.named_parameters()}
        opt.step()
        result['losses'].append(float(parts['total']))
        print('  step', step + 1, {k: round(float(v), 5) for k, v in parts.items()})
    result['statistics'] = {k: b.double() for k, b in model.named_buffers() if 'running' in k}
    return result


for suffix, modules in MODULES.items():
    single, r = run(modules, torch.float32), run(modules, torch.float64)
    out = dict(model='refineface' + suffix, settings=settings(modules), batch=BATCH, size=SIZE, lr=LR, faces=FACES, params=r['params'], losses=r['losses'])
    for key in ('outputs', 'grads', 'statistics'):
        out[key] = [g.sample(k, t) for k, t in r[key].items()]
        out['float32_' + key] = g.worst(single[key], r[key])
    out['float32_losses'] = max(abs(a - b) / b for a, b in zip(single['losses'], r['losses']))
    golden_file.write_tree(os.path.join(g.OUT, 'refineface%s.safetensors' % suffix), out)
    print('refineface' + suffix, out['params'], {k: '%.2g' % v for k, v in out.items() if k.startswith('float32')})
