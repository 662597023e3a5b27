#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether two programs found the same faces: JSON lines as rf-detect --json writes them.
  same_faces.py WANT HAVE [PIXELS [SCORE]]     largest differences allowed (0.01 and 1e-5)
Prints one line; exit code 1 when they differ."""
import json
import sys

want, have = ([json.loads(line)['faces'] for line in open(file)] for file in sys.argv[1:3])
pixels, score = (float(word) for word in (sys.argv[3:] + ['0.01', '1e-5'][len(sys.argv) - 3:])[:2])
if [len(faces) for faces in want] != [len(faces) for faces in have]:
    sys.exit('failed: %s faces, expected %s' % ([len(f) for f in have], [len(f) for f in want]))


def distance(a, b):
    return max(abs(x - y) for key in ('box', 'points') for x, y in zip(a[key], b[key]))


worst_pixels = worst_score = count = 0
for wanted, got in zip(want, have):
    for face in wanted:
        # Faces of nearly equal scores may come in another order.
        near = [g for g in got if abs(g['score'] - face['score']) <= score] or got
        best = min(near, key=lambda g: distance(face, g))
        worst_pixels = max(worst_pixels, distance(face, best))
        worst_score = max(worst_score, abs(face['score'] - best['score']))
        count += 1
print('%d faces, boxes and points within %.1e px, scores within %.1e' % (count, worst_pixels, worst_score))
sys.exit(0 if worst_pixels <= pixels and worst_score <= score else 1)
