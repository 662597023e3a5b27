# SPDX-License-Identifier: Apache-2.0
"""Faces in pictures, with rf's shared library; and the curves of its training runs.

    import rf
    found = rf.Detector("face").detect(rf.load("photo.jpg"))
    found.boxes, found.scores, found.labels, found.points

Pictures are numpy arrays of uint8: [height, width, 3] in RGB (or order="BGR", as OpenCV reads them), [height, width, 4] with an
alpha that is not looked at, or [height, width] grey. Coordinates are pixels. Whatever goes wrong raises rf.Error in one sentence.
Needs librf.so.0 and numpy, nothing else. Each function of the library is described in docs/library.md.
"""
import collections
import ctypes
import json
import os

import numpy

__all__ = ["Detector", "Error", "Found", "Run", "align", "decode", "load", "version"]

POINTS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")
_RGB, _BGR, _GREY, _RGBA, _BGRA = range(5)


class Error(Exception):
    """What the library refused, in one sentence; `code` is the library's, 0 when rf.py itself refused."""

    def __init__(self, sentence, code=0):
        super().__init__(sentence)
        self.code = code


class _Picture(ctypes.Structure):
    _fields_ = [("pixels", ctypes.c_void_p), ("width", ctypes.c_int), ("height", ctypes.c_int),
                ("stride", ctypes.c_ssize_t), ("format", ctypes.c_int)]


class _Detection(ctypes.Structure):
    _fields_ = [("box", ctypes.c_float * 4), ("score", ctypes.c_float), ("label", ctypes.c_int),
                ("n_points", ctypes.c_int), ("points", ctypes.POINTER(ctypes.c_float))]


class _Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("threads", ctypes.c_int), ("score", ctypes.c_float),
                ("iou", ctypes.c_float), ("long_side", ctypes.c_int), ("flip", ctypes.c_int),
                ("folders", ctypes.POINTER(ctypes.c_char_p)), ("settings", ctypes.POINTER(ctypes.c_char_p))]


def _open_library():
    """Beside this file, in the source tree's build folder, below the prefix that this file is installed in, else the
    system's."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [here, os.path.join(here, "..", "build", "release"), os.path.join(here, "..", "..", "..", "lib")]
    for place in places:
        path = os.path.join(place, "librf.so.0")
        if os.path.exists(path):
            return ctypes.CDLL(path)
    try:
        return ctypes.CDLL("librf.so.0")
    except OSError as error:
        raise ImportError("librf.so.0 was not found: install librf0, or run `make lib` in rf's source tree") from error


def _declare(library):
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    picture = ctypes.POINTER(_Picture)
    for name, result, arguments in (
            ("rf_version", text, []),
            ("rf_last_error", text, []),
            ("rf_picture_load", ctypes.c_int, [text, picture]),
            ("rf_picture_decode", ctypes.c_int, [text, size, picture]),
            ("rf_picture_align", ctypes.c_int,
             [picture, ctypes.POINTER(ctypes.c_float), ctypes.c_int, ctypes.c_int, picture]),
            ("rf_picture_free", None, [picture]),
            ("rf_detector_open", ctypes.c_int, [text, ctypes.POINTER(_Options), ctypes.POINTER(pointer)]),
            ("rf_detector_open_bytes", ctypes.c_int,
             [text, size, ctypes.POINTER(_Options), ctypes.POINTER(pointer)]),
            ("rf_detector_close", None, [pointer]),
            ("rf_detector_detect", ctypes.c_int,
             [pointer, picture, ctypes.POINTER(ctypes.POINTER(_Detection)), ctypes.POINTER(size)]),
            ("rf_detector_info", text, [pointer, text]),
            ("rf_detector_label", text, [pointer, ctypes.c_int])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_librf = _declare(_open_library())


def _check(code):
    if code:
        raise Error(_librf.rf_last_error().decode("utf-8", "replace"), code)


def _text(value):
    return None if value is None else value.decode("utf-8", "replace")


def _texts(values):
    """A NULL-terminated list of strings, or NULL."""
    if values is None:
        return None
    if isinstance(values, (str, bytes, os.PathLike)):
        values = [values]
    values = [os.fsencode(v) for v in values]
    return (ctypes.c_char_p * (len(values) + 1))(*values, None)


def _picture(array, order):
    """The array as the library sees it, and what holds its memory."""
    array = numpy.asarray(array)
    if array.dtype != numpy.uint8:
        raise Error("a picture of %s: expected an array of uint8" % array.dtype)
    if order not in ("RGB", "BGR"):
        raise Error("order is %r: expected 'RGB' or 'BGR'" % (order,))
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        channels, kind = 1, _GREY
    elif array.ndim == 3 and array.shape[2] in (3, 4):
        channels = array.shape[2]
        kind = {3: (_RGB, _BGR), 4: (_RGBA, _BGRA)}[channels][order == "BGR"]
    else:
        raise Error("a picture of shape %s: expected [height, width], [height, width, 3] or [height, width, 4]" %
                    (array.shape,))
    if 0 in array.shape:
        raise Error("a picture of shape %s has no pixels" % (array.shape,))
    height, width = array.shape[:2]
    rows_apart = array.strides[0] if height > 1 else channels * width
    packed = array.strides[1] == channels or width == 1
    if array.ndim == 3:
        packed = packed and array.strides[2] == 1
    if not packed or abs(rows_apart) < channels * width:
        array = numpy.ascontiguousarray(array)
        rows_apart = channels * width
    return _Picture(array.ctypes.data, width, height, rows_apart, kind), array


def _take(picture):
    """The library's picture as an array of our own."""
    try:
        n = picture.width * picture.height * 3
        pixels = numpy.frombuffer((ctypes.c_ubyte * n).from_address(picture.pixels), numpy.uint8).copy()
        return pixels.reshape(picture.height, picture.width, 3)
    finally:
        _librf.rf_picture_free(ctypes.byref(picture))


def version():
    """The library's version, "0.2.0"."""
    return _text(_librf.rf_version())


def load(path):
    """A JPEG or PNG file as an array [height, width, 3] in RGB, upright."""
    picture = _Picture()
    _check(_librf.rf_picture_load(os.fsencode(path), ctypes.byref(picture)))
    return _take(picture)


def decode(data):
    """The same of a file's bytes."""
    picture, data = _Picture(), bytes(data)
    _check(_librf.rf_picture_decode(data, len(data), ctypes.byref(picture)))
    return _take(picture)


def align(array, points, side=112, order="RGB"):
    """The face with these points ([5, 2]) upright in a picture [side, side, 3] in RGB, as ArcFace's template has it."""
    points = numpy.ascontiguousarray(points, numpy.float32)
    if points.size % 2:
        raise Error("points of shape %s: expected [5, 2]" % (points.shape,))
    picture, keep = _picture(array, order)
    out = _Picture()
    _check(_librf.rf_picture_align(ctypes.byref(picture), points.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                                   points.size // 2, side, ctypes.byref(out)))
    del keep
    return _take(out)


class Found(collections.namedtuple("Found", "boxes scores labels points")):
    """Of n detections by falling score: boxes [n, 4] (x1 y1 x2 y2), scores [n], labels [n] and points [n, 5, 2] (NaN
    where a detection has none), in arrays of their own."""
    __slots__ = ()

    def __len__(self):
        return len(self.scores)


class Detector:
    """A model that finds faces: a file, a run's folder, a name, or a file's bytes. Options as in rf/detector.h; `settings` is a
    dictionary or a list of "section.key=value". One thread at a time uses a detector; several detectors work at once.
    """

    def __init__(self, model="face", *, threads=0, score=0.0, iou=0.0, long_side=0, flip=None, folders=None,
                 settings=None):
        self._handle = ctypes.c_void_p()
        if isinstance(settings, dict):
            settings = ["%s=%s" % item for item in settings.items()]
        flip = 0 if flip is None else 1 if flip else -1
        options = _Options(ctypes.sizeof(_Options), threads, score, iou, long_side, flip, _texts(folders),
                           _texts(settings))
        out = ctypes.byref(self._handle)
        if isinstance(model, (bytes, bytearray, memoryview)):
            model = bytes(model)
            _check(_librf.rf_detector_open_bytes(model, len(model), ctypes.byref(options), out))
        else:
            _check(_librf.rf_detector_open(os.fsencode(model), ctypes.byref(options), out))

    def detect(self, array, order="RGB"):
        """The faces of a picture, as rf.Found."""
        self._open()
        picture, keep = _picture(array, order)
        faces, n = ctypes.POINTER(_Detection)(), ctypes.c_size_t()
        _check(_librf.rf_detector_detect(self._handle, ctypes.byref(picture), ctypes.byref(faces), ctypes.byref(n)))
        del keep
        count = n.value
        most = max([faces[i].n_points for i in range(count)], default=len(POINTS)) or len(POINTS)
        found = Found(numpy.empty((count, 4), numpy.float32), numpy.empty(count, numpy.float32),
                      numpy.empty(count, numpy.int32), numpy.full((count, most, 2), numpy.nan, numpy.float32))
        for i in range(count):
            face = faces[i]
            found.boxes[i], found.scores[i], found.labels[i] = face.box[:], face.score, face.label
            if face.n_points:
                found.points[i, :face.n_points].flat = face.points[:2 * face.n_points]
        return found

    def info(self, key):
        """What the model says of itself: "description", "terms", "license", "file", "configuration"; None: nothing."""
        self._open()
        return _text(_librf.rf_detector_info(self._handle, key.encode()))

    def label(self, number):
        """The name of a label, "face" for 0."""
        self._open()
        return _text(_librf.rf_detector_label(self._handle, int(number)))

    def close(self):
        """Frees the model; allowed at any time, also twice."""
        handle, self._handle = self._handle, ctypes.c_void_p()
        if handle:
            _librf.rf_detector_close(handle)

    def _open(self):
        if not self._handle:
            raise Error("this detector is closed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", None) and _librf:
            self.close()


class Run:
    """A training run's folder. `curves` holds what train.jsonl says, by kind of line ("train", "epoch", "eval") and key: arrays
    as long as the kind has lines, NaN where a line lacks the key. run.curves["train"]["step"], run.curves["eval"]["easy"]
    """

    def __init__(self, folder):
        self.folder = os.fspath(folder)
        self.path = os.path.join(self.folder, "train.jsonl")
        self.curves = self._read()

    def _read(self):
        rows = {}
        try:
            with open(self.path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith("\n"):
                        break  # the run goes on and is writing this one
                    try:
                        row = json.loads(line)
                        rows.setdefault(row["kind"], []).append(row)
                    except (ValueError, TypeError, KeyError) as error:
                        raise Error("%s:%d: not a line of a run's log: expected a JSON object with a kind" %
                                    (self.path, number)) from error
        except OSError as error:
            raise Error("%s: %s; expected the folder of a training run" % (self.path, error.strerror)) from error
        return {kind: self._arrays(of_kind) for kind, of_kind in rows.items()}

    @staticmethod
    def _arrays(rows):
        """Numbers, also those inside of objects ("wider.easy")."""
        flat = [dict(Run._numbers(row)) for row in rows]
        keys = dict.fromkeys(key for row in flat for key in row)
        return {key: numpy.array([row.get(key, numpy.nan) for row in flat], numpy.float64) for key in keys}

    @staticmethod
    def _numbers(row, before=""):
        for key, value in row.items():
            if isinstance(value, dict):
                yield from Run._numbers(value, before + key + ".")
            elif isinstance(value, (int, float)):
                yield before + key, float(value)
