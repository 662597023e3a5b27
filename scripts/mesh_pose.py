#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How well the poses of predicted meshes agree with the annotated ones (docs/models.md).

usage: scripts/mesh_pose.py MESH.obj LABEL.txt FOUND.jsonl      (Debian: python3-numpy)
FOUND.jsonl is what rf-detect --mesh --json wrote. The pose of a face is read from its vertices: an affine map of the mesh's
x y z to the picture is fitted by least squares; yaw, pitch and roll follow from its first row and column. Printed are
Pearson's correlations over the faces found with IoU >= 0.5, and the vertices' mean error / sqrt(w h).
"""
import json, struct, sys
import numpy as np

mesh_path, label_path, found_path = sys.argv[1:4]
mesh = np.array([[float(v) for v in l.split()[1:4]] for l in open(mesh_path) if l.startswith('v ')])
basis = np.c_[mesh - (mesh.min(0) + mesh.max(0)) / 2, np.ones(len(mesh))]


def pose(xy):
    a = np.linalg.lstsq(basis, xy, rcond=None)[0]
    size = np.hypot(a[0, 0], a[0, 1]) + 1e-9
    return np.arctan2(a[2, 0], a[0, 0]), np.arctan2(a[2, 1], -a[1, 1]), np.arcsin(np.clip(a[0, 1] / size, -1, 1))


raw = open(label_path.rsplit('.', 1)[0] + '.mesh.safetensors', 'rb').read()
size = struct.unpack('<Q', raw[:8])[0]
head = json.loads(raw[8:8 + size])


def array(name, dtype):
    lo, hi = head[name]['data_offsets']
    return np.frombuffer(raw[8 + size + lo:8 + size + hi], dtype).reshape(head[name]['shape'])


row_of = {int(l): i for i, l in enumerate(array('line', '<i4'))}
truth, name = {}, ''
for number, line in enumerate(open(label_path), 1):
    if line.startswith('#'):
        name = line[1:].strip()
    elif number in row_of:
        x, y, w, h = [float(v) for v in line.split()[:4]]
        truth.setdefault(name, []).append(((x, y, x + w, y + h), array('vertices', '<f4')[row_of[number]]))


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


pairs, errors = [], []
for line in open(found_path):
    item = json.loads(line)
    for box, xy in next((v for k, v in truth.items() if item['image'].endswith(k)), []):
        best = max(item['faces'], key=lambda f: iou(f['box'], box), default=None)
        if best is None or iou(best['box'], box) < 0.5:
            continue
        got = np.array(best['mesh']).reshape(-1, 2)
        pairs.append(pose(xy) + pose(got))
        errors.append(np.hypot(*(got - xy).T).mean() / np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
if len(pairs) < 2:
    sys.exit('%d faces found: too few to compare' % len(pairs))
pairs = np.array(pairs)
names = ('yaw', 'pitch', 'roll')
print('%d faces, vertices %.4f,' % (len(pairs), np.mean(errors)),
      ', '.join('%s %.3f' % (n, np.corrcoef(pairs[:, k], pairs[:, 3 + k])[0, 1]) for k, n in enumerate(names)))
