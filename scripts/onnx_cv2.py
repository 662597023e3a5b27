#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs an ONNX model of rf-export in OpenCV's dnn and compares it with what rf computed (tests/dump/dump_network.c).
  onnx_cv2.py MODEL.onnx DUMP       raw or anchors outputs of a fixed size
Prints one line; exit code 1 when a difference is too large, 77 when OpenCV is not installed."""
import json
import sys

try:
    import cv2
    import numpy
except ImportError:
    print('skip: OpenCV for Python is missing (apt-get install python3-opencv)')
    sys.exit(77)

RELATIVE = 1e-4
model, dump = sys.argv[1:3]
card = json.load(open(model + '.json'))
shapes = json.load(open(dump + '/shapes.json'))


def numbers(name):
    return numpy.fromfile('%s/%s.f32' % (dump, name), numpy.float32).reshape(shapes[name])


cv2.setNumThreads(2)
net = cv2.dnn.readNetFromONNX(model)
names = [output['name'] for output in card['outputs']]
net.setInput(numbers('input')[None], card['input']['name'])
results = net.forward(names)
worst, where = 0, ''
for name, have in zip(names, results):
    want = numbers(name)
    if have.size != want.size:
        sys.exit('failed: %s is %s, expected %s' % (name, have.shape, want.shape))
    difference = float(numpy.abs(have.reshape(want.shape) - want).max() / numpy.abs(want).max())
    if not numpy.isfinite(difference):
        sys.exit('failed: %s is not finite' % name)
    if difference >= worst:
        worst, where = difference, name
print('largest relative difference %.1e (%s, %d outputs)' % (worst, where, len(names)))
sys.exit(0 if worst <= RELATIVE else 1)
