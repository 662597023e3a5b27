#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Faces in a picture with OpenCV's dnn: a model written by
  rf-export best.safetensors -o face.onnx --outputs anchors --input 480x640
  faces_opencv.py face.onnx picture.png          (apt-get install python3-opencv)
OpenCV needs fixed sizes: the picture is scaled into the upper left corner of the input. The card face.onnx.json tells
size, colours, mean, anchors and thresholds. Prints one JSON line, in pixels of the picture."""
import json
import sys

import cv2
import numpy


def make_anchors(card, height, width):
    """cx cy w h of every anchor, order: level, row, column, size."""
    a, rows = card['anchors'], []
    for stride, widths, heights, first in zip(a['strides'], a['widths'], a['heights'], a['first_centre']):
        y, x = numpy.mgrid[0:-(-height // stride), 0:-(-width // stride)]
        of_shape = [(x * stride + first, y * stride + first, 0 * x + w, 0 * x + h) for w, h in zip(widths, heights)]
        rows.append(numpy.stack([numpy.stack(f, -1) for f in of_shape], 2).reshape(-1, 4))
    return numpy.concatenate(rows)


def level_factors(card, height, width):
    """What the score of each anchor is multiplied by."""
    a = card['anchors']
    cells = [-(-height // stride) * -(-width // stride) * len(sizes) for stride, sizes in zip(a['strides'], a['sizes'])]
    return numpy.repeat(numpy.float32(card['thresholds']['level_scores']), cells)


def decode(card, anchors, loc, landms):
    """Corners and points in pixels of the input."""
    centre, size, v = anchors[:, :2], anchors[:, 2:], card['variances']
    middle = centre + loc[:, :2] * v['centre'] * size
    half = (size * numpy.exp(loc[:, 2:] * v['size']) - card['anchors']['plus_one']) / 2
    points = centre[:, None] + landms.reshape(-1, 5, 2) * v['centre'] * size[:, None]
    return numpy.concatenate([middle - half, middle + half], 1), points.reshape(-1, 10)


def suppress(boxes, scores, limit):
    """Places of the boxes that stay, best first; pixels count inclusively (+ 1), as in the field's evaluations."""
    order, kept = numpy.argsort(-scores, kind='stable'), []
    while order.size:
        best, rest = boxes[order[0]], boxes[order[1:]]
        kept.append(order[0])
        low, high = numpy.maximum(best[:2], rest[:, :2]), numpy.minimum(best[2:], rest[:, 2:])
        shared = numpy.prod(numpy.maximum(high - low + 1, 0), 1)
        area = numpy.prod(best[2:] - best[:2] + 1) + numpy.prod(rest[:, 2:] - rest[:, :2] + 1, 1)
        order = order[1:][shared / (area - shared) <= limit]
    return kept


def main(model, file):
    card = json.load(open(model + '.json'))
    _, _, height, width = card['input']['shape']
    picture = cv2.imread(file)
    if picture is None:
        sys.exit(f'faces_opencv: {file} is missing or no picture that OpenCV reads')
    scale = min(width / picture.shape[1], height / picture.shape[0])
    resized = cv2.resize(picture, (round(picture.shape[1] * scale), round(picture.shape[0] * scale))) if scale != 1 else picture
    mean = card['input']['mean'] if card['input']['colour'] == 'bgr' else card['input']['mean'][::-1]  # OpenCV has BGR
    canvas = numpy.empty((height, width, 3), numpy.float32)
    canvas[:] = mean
    canvas[:resized.shape[0], :resized.shape[1]] = resized
    blob = cv2.dnn.blobFromImage(canvas, 1.0, mean=mean, swapRB=card['input']['colour'] == 'rgb')
    blob /= numpy.array(card['input']['std'], numpy.float32)[:, None, None]

    net = cv2.dnn.readNetFromONNX(model)
    net.setInput(blob)
    loc, conf, landms = (result[0] for result in net.forward(['loc', 'conf', 'landms']))
    scores = conf[:, 1] * level_factors(card, height, width)
    found = scores >= card['thresholds']['score']
    boxes, points = decode(card, make_anchors(card, height, width)[found], loc[found], landms[found])
    scores = scores[found]
    if card['thresholds']['clip']:
        sides = numpy.array(resized.shape[1::-1] * 2) - card['anchors']['plus_one']
        boxes = numpy.clip(boxes, 0, sides)
    faces = [{'score': float(scores[i]), 'box': (boxes[i] / scale).tolist(), 'points': (points[i] / scale).tolist()}
             for i in suppress(boxes, scores, card['thresholds']['iou'])]
    print(json.dumps({'image': file, 'width': picture.shape[1], 'height': picture.shape[0], 'faces': faces}))


if len(sys.argv) != 3:
    sys.exit('usage: faces_opencv.py MODEL.onnx PICTURE')
main(sys.argv[1], sys.argv[2])
