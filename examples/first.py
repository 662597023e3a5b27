#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The faces of a picture.  PYTHONPATH=FOLDER-OF-rf.py python3 first.py MODEL PHOTO"""
import sys

import rf

if len(sys.argv) != 3:
    sys.exit("usage: first.py MODEL PHOTO")
try:
    with rf.Detector(sys.argv[1]) as detector:
        faces = detector.detect(sys.argv[2])  # or an array of (height, width, 3) bytes; colour="bgr" for OpenCV's
except rf.Error as error:
    sys.exit(str(error))
for face in faces:
    print("%.2f  %.1f %.1f %.1f %.1f" % (face.score, *face.box))
