# SPDX-License-Identifier: Apache-2.0
"""rf.py against what the C program prints and against numpy. Usage: test_rf.py MODEL PHOTO LINES_OF_FIRST_C RUN"""
import sys
import threading

import numpy

import rf

MODEL, PHOTO, LINES, RUN = sys.argv[1:]


def refuses(words, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except rf.Error as error:
        assert words in str(error), error
        return
    raise AssertionError("not refused: %s" % words)


def same(a, b):
    return all(numpy.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b))


def naive_align(image, points, side):
    """Least squares by numpy, then four pixels by their weights."""
    template = numpy.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
                            [70.7299, 92.2041]]) * side / 112
    rows, right = [], []
    for (x, y), (u, v) in zip(points, template):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        right += [u, v]
    a, b, x0, y0 = numpy.linalg.lstsq(numpy.array(rows, float), numpy.array(right), rcond=None)[0]
    v, u = numpy.mgrid[:side, :side]
    place = numpy.linalg.inv([[a, -b, x0], [b, a, y0], [0, 0, 1]]) @ [u.ravel(), v.ravel(), numpy.ones(side * side)]
    x, y = place[:2]
    out = numpy.zeros((side * side, 3))
    height, width = image.shape[:2]
    for dy in (0, 1):
        for dx in (0, 1):
            i, j = numpy.floor(x).astype(int) + dx, numpy.floor(y).astype(int) + dy
            inside = (i >= 0) & (j >= 0) & (i < width) & (j < height)
            weight = (1 - abs(x - i)) * (1 - abs(y - j)) * inside
            out += weight[:, None] * image[j.clip(0, height - 1), i.clip(0, width - 1)]
    return out.reshape(side, side, 3)


def test_like_c(image):
    with rf.Detector(MODEL) as detector:
        found = detector.detect(image)
        assert found.boxes.shape == (len(found), 4) and found.points.shape == (len(found), 5, 2) and len(found) > 0
        assert detector.label(found.labels[0]) == "face" and detector.label(9) is None
        assert detector.info("file") and "[model]" in detector.info("configuration") and detector.info("no") is None
    lines = ["%.2f  %.1f %.1f %.1f %.1f" % (s, *b) for b, s in zip(found.boxes, found.scores)]
    assert lines == open(LINES).read().splitlines()
    refuses("closed", detector.detect, image)


def test_arrays(image):
    detector = rf.Detector(MODEL, threads=1)
    want = detector.detect(image)
    wide = numpy.zeros((image.shape[0] + 4, image.shape[1] + 9, 3), numpy.uint8)
    wide[2:-2, 5:-4] = image
    alpha = numpy.dstack([image, image[:, :, 0]])
    assert same(want, detector.detect(wide[2:-2, 5:-4]))
    assert same(want, detector.detect(image[::-1].copy()[::-1]))
    assert same(want, detector.detect(image[:, ::-1].copy()[:, ::-1]))
    assert same(want, detector.detect(numpy.asfortranarray(image)))
    assert same(want, detector.detect(image[:, :, ::-1], order="BGR"))
    assert same(want, detector.detect(alpha))
    grey = image[:, :, 1]
    assert same(detector.detect(numpy.dstack([grey] * 3)), detector.detect(grey))
    assert len(detector.detect(numpy.zeros((1, 1), numpy.uint8)).boxes) >= 0
    with open(MODEL, "rb") as file:
        assert same(want, rf.Detector(file.read(), threads=1).detect(image))
    few = rf.Detector(MODEL, score=0.9, settings={"eval.keep": 1}).detect(image)
    assert len(few) == 1
    with open(PHOTO, "rb") as file:
        assert numpy.array_equal(rf.decode(file.read()), image)


def test_align(image):
    points = numpy.array([[41, 52], [78, 48], [60, 70], [45, 95], [77, 92]], numpy.float32)
    for side in (112, 57):
        assert abs(rf.align(image, points, side) - naive_align(image, points, side)).max() <= 1


def test_threads(image):
    want = rf.Detector(MODEL, threads=1).detect(image)
    got = [None] * 4

    def work(i):
        with rf.Detector(MODEL, threads=2) as detector:
            for _ in range(3):
                got[i] = detector.detect(image)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert all(same(want, g) for g in got)


def test_errors(image):
    refuses("no such model", rf.Detector, "no such model")
    refuses("expected 0 to 1", rf.Detector, MODEL, score=3)
    refuses("sccore", rf.Detector, MODEL, settings=["eval.sccore=1"])
    refuses("memory", rf.Detector, b"nothing")
    refuses("nothing.jpg", rf.load, "nothing.jpg")
    refuses("neither JPEG nor PNG", rf.load, __file__)
    detector = rf.Detector(MODEL)
    refuses("uint8", detector.detect, image.astype(float))
    refuses("shape", detector.detect, image[:, :, :2])
    refuses("no pixels", detector.detect, image[:0])
    refuses("order", detector.detect, image, order="GBR")
    refuses("3 points", rf.align, image, [[1, 2], [3, 4], [5, 6]])
    refuses("train.jsonl", rf.Run, "no/such/run")


def test_run():
    curves = rf.Run(RUN).curves
    assert numpy.array_equal(curves["train"]["step"], [1, 2, 3]) and curves["train"]["loss"][2] == 0.5
    assert numpy.isnan(curves["train"]["img_s"][:2]).all() and curves["train"]["img_s"][2] == 7
    assert numpy.array_equal(curves["eval"]["ap.easy"], [0.25])


def main():
    assert rf.version().count(".") == 2
    image = rf.load(PHOTO)
    test_like_c(image)
    test_arrays(image)
    test_align(image)
    test_threads(image)
    test_errors(image)
    test_run()
    print("python: rf.py %s with numpy %s" % (rf.version(), numpy.__version__))


main()
