#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The faces of a picture.  python3 first.py MODEL PHOTO"""
import sys

import rf

if len(sys.argv) != 3:
    sys.exit("usage: first.py MODEL PHOTO")
try:
    with rf.Detector(sys.argv[1]) as detector:
        found = detector.detect(rf.load(sys.argv[2]))  # or any array of [height, width, 3] bytes: RGB
except rf.Error as error:
    sys.exit(str(error))
for box, score in zip(found.boxes, found.scores):
    print("%.2f  %.1f %.1f %.1f %.1f" % (score, *box))
