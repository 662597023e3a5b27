# SPDX-License-Identifier: Apache-2.0
"""Faces in pictures and the curves of a training run, for Python 3.9 and later with numpy.

    import rf
    with rf.Detector("face") as detector:           # a name, a file, a run's folder, or a model file's bytes
        faces = detector.detect(picture)            # HxW or HxWx3 uint8, or a JPEG or PNG file
        faces.boxes, faces.scores, faces.points     # (n, 4), (n,), (n, 5, 2), by falling score
    rf.Run("runs/mine").curves["loss"]

It calls librf.so.0 by ctypes; docs/library.md of rf tells shapes, units, errors, ownership and threads. What goes wrong is
an rf.Error whose text is one sentence."""
import ctypes
import json
import operator
import os
import struct
import threading
import weakref

try:
    import numpy
except ImportError as missing:
    raise ImportError('rf.py needs numpy, which is not installed (Debian: apt-get install python3-numpy)') from missing

__version__ = '0.2.0'
__all__ = ['Detector', 'Error', 'Face', 'Faces', 'Run', 'align', 'load', 'version']

ARGUMENT, FORMAT, FILE, MEMORY, NOT_FINITE = 1, 2, 3, 4, 5  # codes of errors, as in rf/image.h


class Error(Exception):
    """What went wrong, in one sentence. `code` is ARGUMENT, FORMAT, FILE, MEMORY or NOT_FINITE."""

    def __init__(self, sentence, code=ARGUMENT):
        super().__init__(sentence)
        self.code = code

    def __reduce__(self):
        return Error, (self.args[0], self.code)


# ---- the library ----

class _Options(ctypes.Structure):
    _fields_ = [('size', ctypes.c_size_t), ('threads', ctypes.c_int), ('score', ctypes.c_float), ('iou', ctypes.c_float),
                ('long_side', ctypes.c_int), ('flip', ctypes.c_int), ('folders', ctypes.POINTER(ctypes.c_char_p)),
                ('settings', ctypes.POINTER(ctypes.c_char_p))]


class _Picture(ctypes.Structure):
    _fields_ = [('pixels', ctypes.c_void_p), ('width', ctypes.c_int), ('height', ctypes.c_int),
                ('stride', ctypes.c_ssize_t), ('format', ctypes.c_int)]


class _Detection(ctypes.Structure):
    _fields_ = [('box', ctypes.c_float * 4), ('score', ctypes.c_float), ('label', ctypes.c_int),
                ('n_points', ctypes.c_int), ('points', ctypes.c_void_p)]


_ROW = numpy.dtype({'names': [name for name, _ in _Detection._fields_],
                    'formats': ['(4,)f4', 'f4', 'i4', 'i4', 'u%d' % ctypes.sizeof(ctypes.c_void_p)],
                    'offsets': [getattr(_Detection, name).offset for name, _ in _Detection._fields_],
                    'itemsize': ctypes.sizeof(_Detection)})
_FORMATS = {('rgb', 3): 0, ('bgr', 3): 1, ('rgb', 1): 2, ('bgr', 1): 2, ('rgb', 4): 3, ('bgr', 4): 4}

_MODELS = 'best.safetensors', 'last.safetensors'  # of a run's folder, the first that there is

_loaded = None
_loading = threading.Lock()


def _places():
    """Where librf.so.0 may be: beside this file, in the source tree, below the prefix that this file is installed in."""
    for here in dict.fromkeys(os.path.dirname(path(__file__)) for path in (os.path.abspath, os.path.realpath)):
        yield os.path.join(here, 'librf.so.0')
        tree = os.path.dirname(here)
        if os.path.exists(os.path.join(tree, 'include', 'rf', 'detector.h')):
            yield os.path.join(tree, 'build', 'release', 'librf.so.0')
        if here.endswith(os.path.join('share', 'rf', 'python')):
            prefix = here[:-len(os.path.join('share', 'rf', 'python'))]
            yield os.path.join(prefix, 'lib', 'librf.so.0')
            yield os.path.join(prefix, 'lib64', 'librf.so.0')


def _load():
    for path in _places():
        if os.path.exists(path):
            break
    else:
        path = 'librf.so.0'  # where the system looks
    try:
        return ctypes.CDLL(path)
    except OSError as reason:
        if path != 'librf.so.0' or 'No such file' not in str(reason) or not str(reason).startswith('librf.so.0'):
            raise Error('librf.so.0 cannot be loaded: %s' % reason, FILE) from None
        raise Error("librf.so.0 is neither beside rf.py nor in the source tree's build/release nor among the system's "
                    'libraries: build it with `make lib`, or install the package librf0', FILE) from None


def _library():
    global _loaded
    with _loading:
        if _loaded:
            return _loaded
        lib = _load()
        text, size, pointer = ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER
        picture, detector = pointer(_Picture), ctypes.c_void_p
        functions = {
            'rf_version': (text, []),
            'rf_version_number': (ctypes.c_int, []),
            'rf_last_error': (text, []),
            'rf_picture_load': (ctypes.c_int, [text, picture]),
            'rf_picture_decode': (ctypes.c_int, [text, size, picture]),
            'rf_picture_align': (ctypes.c_int, [picture, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, picture]),
            'rf_picture_free': (None, [picture]),
            'rf_detector_open': (ctypes.c_int, [text, pointer(_Options), pointer(detector)]),
            'rf_detector_open_bytes': (ctypes.c_int, [text, size, pointer(_Options), pointer(detector)]),
            'rf_detector_close': (None, [detector]),
            'rf_detector_detect': (ctypes.c_int, [detector, picture, pointer(ctypes.c_void_p), pointer(size)]),
            'rf_detector_info': (text, [detector, text]),
            'rf_detector_label': (text, [detector, ctypes.c_int]),
        }
        for name, (result, arguments) in functions.items():
            function = getattr(lib, name, None)
            if function is None:
                raise Error('%s has no %s: it is older than this rf.py, %s' % (lib._name, name, __version__))
            function.restype, function.argtypes = result, arguments
        _loaded = lib
        return lib


def _check(lib, code):
    if code:
        raise Error(lib.rf_last_error().decode(errors='replace'), code)


# ---- what callers give ----

def _shown(value):
    """A wrong value in a few words."""
    if isinstance(value, (str, bytes, int, float, type(None))) and len(repr(value)) < 200:
        return repr(value)
    return 'of type %s' % type(value).__name__


def _whole(name, value):
    try:
        number = operator.index(value)
    except TypeError:
        raise Error('%s is %s: expected a whole number' % (name, _shown(value))) from None
    if not -2**31 <= number < 2**31:
        raise Error('%s is %d: that is no number of 32 bits' % (name, number))
    return number


def _share(name, value):
    """0 to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Error('%s is %s: expected a number from 0 to 1' % (name, _shown(value))) from None
    if not 0 <= number <= 1:
        raise Error('%s is %g: expected 0 to 1' % (name, number))
    return number


def _text(name, value):
    """A name, path or setting as the library takes it."""
    try:
        data = os.fsencode(value)
    except TypeError:
        raise Error('%s is %s: expected a text or a path' % (name, _shown(value))) from None
    except UnicodeError:
        raise Error("%s is %r: it cannot be written in the file system's encoding" % (name, value)) from None
    if b'\0' in data:
        raise Error('%s is %r: a name holds no zero byte' % (name, value))
    return data


def _texts(items):
    return (ctypes.c_char_p * (len(items) + 1))(*items, None)


def _file_bytes(value):
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None


def _list(name, value):
    if isinstance(value, (str, bytes, os.PathLike)) or not hasattr(value, '__iter__'):
        raise Error('%s are %s: expected a list of them' % (name, _shown(value)))
    return list(value)


def _setting(key, value):
    if isinstance(value, (bool, numpy.bool_)):
        value = 'yes' if value else 'no'
    elif isinstance(value, (list, tuple)):
        value = ','.join(str(item) for item in value)
    return '%s=%s' % (key, value)


def _colour(colour):
    if not isinstance(colour, str) or colour not in ('rgb', 'bgr'):
        raise Error("colour is %s: expected 'rgb' or 'bgr'" % _shown(colour))
    return colour


def _pixels(picture, colour):
    """The array that has a picture's pixels, and its _Picture. Rows whose pixels follow each other are not copied."""
    if hasattr(picture, 'mode') and hasattr(picture, 'convert'):  # Pillow's, which are RGB
        colour = 'rgb'
        if picture.mode not in ('L', 'RGB', 'RGBA'):
            picture = picture.convert('RGB')
    array = numpy.asarray(picture)
    if array.dtype != numpy.uint8:
        if array.dtype == object:
            raise Error('a picture is %s: expected an array of uint8, or a JPEG or PNG file by its path or bytes' % _shown(picture))
        hint = '; where it is 0 to 1: (picture * 255).astype(numpy.uint8)' if array.dtype.kind == 'f' else ''
        raise Error('a picture of %s: expected uint8, 0 to 255%s' % (array.dtype, hint))
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if (colour, channels) not in _FORMATS or 0 in array.shape:
        hint = '; channels come last: picture.transpose(1, 2, 0)' if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ''
        raise Error('a picture of shape %s: expected (height, width), or (height, width, channels) with 1, 3 or 4 '
                    'channels, without a side of 0%s' % (array.shape, hint))
    height, width = array.shape[:2]
    packed = (channels, 1)[:array.ndim - 1]
    if array.strides[1:] != packed or (height > 1 and abs(array.strides[0]) < width * channels):
        array = numpy.ascontiguousarray(array)
    if max(height, width) >= 2**31:
        raise Error('a picture of %d x %d pixels: expected sides up to 1000000' % (width, height))
    stride = array.strides[0] if height > 1 else width * channels
    return array, _Picture(array.ctypes.data, width, height, stride, _FORMATS[colour, channels])


def _take(lib, picture, colour='rgb'):
    """The library's picture as an array of Python's own; the library's is given back."""
    try:
        shape = (picture.height, picture.width, 3)
        pixels = (ctypes.c_ubyte * (shape[0] * shape[1] * 3)).from_address(picture.pixels)
        array = numpy.frombuffer(pixels, numpy.uint8).reshape(shape)
        return (array[..., ::-1] if colour == 'bgr' else array).copy(order='C')
    finally:
        lib.rf_picture_free(ctypes.byref(picture))


def version():
    """The library's version, "0.2.0"; that of rf.py is rf.__version__."""
    return _library().rf_version().decode()


# ---- pictures ----

def load(picture, colour='rgb'):
    """A JPEG or PNG file, by its path or its bytes, as an array (height, width, 3) uint8, upright as its EXIF orientation
    says. colour: 'rgb', or 'bgr' as OpenCV has it."""
    lib, out = _library(), _Picture()
    _colour(colour)
    data = _file_bytes(picture)
    if data is not None:
        _check(lib, lib.rf_picture_decode(data, len(data), ctypes.byref(out)))
    else:
        path = _text('a picture', picture)
        path = b'./-' if path == b'-' else path  # a file's name here, not the standard input
        _check(lib, lib.rf_picture_load(path, ctypes.byref(out)))
    return _take(lib, out, colour)


def _array(picture, colour):
    """A picture's array; a file is read."""
    if isinstance(picture, (str, os.PathLike, bytes, bytearray, memoryview)):
        if not (isinstance(picture, memoryview) and picture.ndim > 1):
            return load(picture, colour)
    return picture


def align(picture, face, size=112, colour='rgb'):
    """A face turned upright, (size, size, 3) uint8, as networks that recognise faces expect it: its five points lie
    nearest to ArcFace's template. picture: as Detector.detect takes it; face: a Face, or its points, (5, 2). The
    result has the picture's order of colours."""
    lib, out = _library(), _Picture()
    array, given = _pixels(_array(picture, _colour(colour)), colour)
    points = getattr(face, 'points', face)
    try:
        points = numpy.ascontiguousarray(points, numpy.float32)
    except (TypeError, ValueError):
        raise Error('a face is %s: expected a Face or its points, (5, 2)' % _shown(face)) from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise Error('points of shape %s: expected those of one face, (5, 2)' % (points.shape,))
    _check(lib, lib.rf_picture_align(ctypes.byref(given), points.ctypes.data, len(points), _whole('size', size),
                                     ctypes.byref(out)))
    return _take(lib, out, colour)


# ---- detection ----

class Face:
    """One face: box (4,) x1 y1 x2 y2 and points (k, 2) in pixels, score 0 to 1, label (0: face)."""

    __slots__ = 'box', 'score', 'label', 'points'

    def __init__(self, box, score, label, points):
        self.box, self.score, self.label, self.points = box, score, label, points

    def __repr__(self):
        return 'Face(box=%s, score=%.3f, label=%d, points=%d)' % (
            [round(float(x), 1) for x in self.box], self.score, self.label, len(self.points))


class Faces:
    """The faces of a picture by falling score, in arrays of their own: boxes (n, 4) float32, x1 y1 x2 y2 in pixels of the
    picture; scores (n,) float32; labels (n,) int32; points (n, k, 2) float32, k 5, or 0 of a model without points, NaN
    where a face has fewer than others. len(), [i] (a Face), [i:j] and [mask] (Faces), and loops as in a list."""

    def __init__(self, boxes, scores, labels, points):
        self.boxes, self.scores, self.labels, self.points = boxes, scores, labels, points

    def __len__(self):
        return len(self.scores)

    def __getitem__(self, which):
        parts = self.boxes[which], self.scores[which], self.labels[which], self.points[which]
        if numpy.ndim(parts[1]):
            return Faces(*parts)
        return Face(parts[0], float(parts[1]), int(parts[2]), parts[3])

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return 'Faces(%d)' % len(self)


def _copy_points(rows, empty):
    """(n, k, 2) of the library's points; k is `empty` without any face."""
    counts = rows['n_points']
    most = int(counts.max()) if len(rows) else empty
    points = numpy.full((len(rows), most, 2), numpy.nan, numpy.float32)
    for i in numpy.flatnonzero(counts):
        ctypes.memmove(points[i].ctypes.data, int(rows['points'][i]), int(counts[i]) * 8)
    return points


def _model_folders():
    """Where models have names, as the programs look: here, $RF_MODELS, the source tree or installation of this file."""
    yield '.'
    yield from filter(None, os.environ.get('RF_MODELS', '').split(':'))
    above = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    yield os.path.join(above, 'models')  # of the source tree, or of PREFIX/share/rf


def _here(name):
    """A name as a path where a model's file or a run's folder here is called so, as the programs take it."""
    name = 'face' if name is None or name == '' else name
    if isinstance(name, str) and '/' not in name:
        if os.path.isfile(name) or any(os.path.isfile(os.path.join(name, model)) for model in _MODELS):
            return os.path.join('.', name)
    return name


class Detector:
    """A model that finds faces. model: a file, the folder of a run, a name ("face" comes with rf; looked for in `folders`,
    here, in $RF_MODELS and where rf is installed), or the bytes of a model's file.

    threads    0: as many as the process may use
    score      faces below are not given (0.5, or as the model says)
    iou        of faces that overlap more one is kept (as the model says)
    long_side  pictures are resized to this longer side; 0: as the model says, mostly as they are. Smaller is faster
    flip       True or False: whether the mirror image is looked at, too; None: as the model says
    folders    where models are looked for by name, before the others
    settings   any of rf's configuration: {"eval.tile": 2048} or ["eval.tile=2048"]
    colour     of arrays, 'rgb' or 'bgr' (OpenCV's)

    Threads that share a detector wait for each other; several detectors work at once."""

    def __init__(self, model='face', threads=0, score=None, iou=None, long_side=0, flip=None, folders=(), settings=(),
                 colour='rgb'):
        self._close = None
        lib = self._lib = _library()
        self.colour = _colour(colour)
        self._lock = threading.Lock()
        if flip is not None and not isinstance(flip, (bool, numpy.bool_)):
            raise Error('flip is %s: expected True, False or None' % _shown(flip))
        options = _Options(ctypes.sizeof(_Options), _whole('threads', threads), 0, 0, _whole('long_side', long_side),
                           0 if flip is None else 1 if flip else -1)
        given = [_setting(*item) for item in settings.items()] if hasattr(settings, 'items') else _list('settings', settings)
        for name, value in (('score', score), ('iou', iou)):
            if value is not None:
                setattr(options, name, _share(name, value))
                if not getattr(options, name):  # there, 0 is the default
                    given.insert(0, 'eval.%s=0' % name)
        folders = [_text('a folder', folder) for folder in (*_list('folders', folders), *_model_folders())]
        texts = _texts(folders), _texts([_text('a setting', setting) for setting in given])
        options.folders, options.settings = (ctypes.cast(t, ctypes.POINTER(ctypes.c_char_p)) for t in texts)
        handle, data = ctypes.c_void_p(), _file_bytes(model)
        if data is not None:
            code = lib.rf_detector_open_bytes(data, len(data), ctypes.byref(options), ctypes.byref(handle))
        else:
            code = lib.rf_detector_open(_text('model', _here(model)), ctypes.byref(options), ctypes.byref(handle))
        _check(lib, code)
        self._handle = handle
        self._close = weakref.finalize(self, lib.rf_detector_close, handle)
        model = _sections(self.info('configuration') or '').get('model', {})
        self.classes = []  # the names of labels 0, 1, ...: the kinds of objects that the model tells apart
        while self.label(len(self.classes)) is not None:
            self.classes.append(self.label(len(self.classes)))
        self._points = 0 if model.get('landmarks') == 'no' else 5  # of a picture without faces

    def _open_handle(self):
        if not self._close or not self._close.alive:
            raise Error('this detector is closed: open another one')
        return self._handle

    def detect(self, picture, colour=None):
        """The Faces in a picture: an array (height, width) or (height, width, 1, 3 or 4) of uint8, whose pixels are not
        copied where those of a row follow each other, or a JPEG or PNG file by its path or bytes. colour: that of the
        array where it is not the detector's."""
        colour = _colour(self.colour if colour is None else colour)
        array, given = _pixels(_array(picture, colour), colour)
        found, n = ctypes.c_void_p(), ctypes.c_size_t()
        with self._lock:  # what is found is the detector's until its next picture
            handle = self._open_handle()
            _check(self._lib, self._lib.rf_detector_detect(handle, ctypes.byref(given), ctypes.byref(found),
                                                           ctypes.byref(n)))
            del array
            if n.value:
                rows = numpy.frombuffer((ctypes.c_char * (n.value * _ROW.itemsize)).from_address(found.value), _ROW)
            else:
                rows = numpy.empty(0, _ROW)
            return Faces(rows['box'].copy(), rows['score'].copy(), rows['label'].copy(), _copy_points(rows, self._points))

    def align(self, picture, face, size=112, colour=None):
        """rf.align with the detector's order of colours."""
        return align(picture, face, size, self.colour if colour is None else colour)

    def info(self, key):
        """What the model says under "description", "terms", "file", "configuration" and others; None: nothing."""
        with self._lock:
            text = self._lib.rf_detector_info(self._open_handle(), _text('key', key))
        return None if text is None else text.decode(errors='replace')

    def label(self, number):
        """The name of a label, as in `classes`; None when the model has no such label."""
        with self._lock:
            text = self._lib.rf_detector_label(self._open_handle(), _whole('label', number))
        return None if text is None else text.decode(errors='replace')

    def close(self):
        """Frees the model and ends its threads. May be called again; the faces that were found stay."""
        with self._lock:
            if self._close:
                self._close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- runs ----

def _sections(text):
    """The sections of a configuration: {section: {key: text}}."""
    sections, keys = {}, {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith('[') and ']' in line:
            keys = sections.setdefault(line[1:line.index(']')], {})
        elif '=' in line and line[0] not in '#;':
            key, value = line.split('=', 1)
            keys[key.strip()] = value.strip()
    return sections


def _meta(path):
    """What a safetensors file says of itself."""
    try:
        with open(path, 'rb') as file:
            size, = struct.unpack('<Q', file.read(8))
            if size > 100 * 2**20:
                raise ValueError('its header is too long')
            return json.loads(file.read(size)).get('__metadata__', {})
    except OSError as reason:
        raise Error('%s: %s' % (path, reason.strerror), FILE) from None
    except (ValueError, struct.error, AttributeError) as reason:
        raise Error('%s is no model that rf wrote: %s' % (path, reason), FORMAT) from None


_FACTS = 'step', 'epoch', 'images', 'unreadable', 'shrunk', 'missing'  # numbers of a validation that are no metrics


class Best:
    """A run's best validation: metric (its name), value, step, epoch, and the file that holds the weights."""

    __slots__ = 'metric', 'value', 'step', 'epoch', 'file'

    def __init__(self, metric, value, step, epoch, file):
        self.metric, self.value, self.step, self.epoch, self.file = metric, value, step, epoch, file

    def __repr__(self):
        return 'Best(%s=%.4f, step=%d, file=%r)' % (self.metric, self.value, self.step, self.file)


class Run:
    """A training run's folder, as it is when it is read; reload() reads it again.

    curves   {name: array of float64} of train.jsonl. What every line of training says has its name: step, epoch, loss, cls,
             box, points, lr, grad_norm, ...; what validations say has it, too (voc_ap50, hard, ...), at the steps
             curves["eval.step"], and the means over epochs are "epoch.loss", at curves["epoch.step"]. What a line lacks is NaN
    config   {section: {key: text}}: every setting as used
    best     the best validation (metric, value, step, epoch, file), None before the first
    model    the file to open: best.safetensors, else last.safetensors, None before the first
    changes  the changes of settings that the run was resumed with
    A last line that is being written is left out."""

    def __init__(self, folder):
        self.folder = os.fsdecode(_text('a run', folder))
        self.reload()

    def __repr__(self):
        return 'Run(%r)' % self.folder

    def _read(self, name):
        try:
            with open(os.path.join(self.folder, name), 'rb') as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as reason:
            raise Error('%s: %s' % (os.path.join(self.folder, name), reason.strerror), FILE) from None

    def _lines(self, data):
        lines = data.split(b'\0', 1)[0].split(b'\n')  # a crash may leave zeros behind the last line
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError
            except ValueError:
                if number == len(lines):
                    return
                raise Error('%s:%d: expected a JSON object' % (os.path.join(self.folder, 'train.jsonl'), number),
                            FORMAT) from None
            yield value

    def reload(self):
        """Reads the folder again, and returns the run."""
        log = self._read('train.jsonl')
        if log is None:
            raise Error('%s has no train.jsonl: expected the folder of a training run' % self.folder, FILE)
        kinds, self.changes = {}, []
        for line in self._lines(log):
            if line.get('kind') == 'settings':
                self.changes.append(line)
            else:
                kinds.setdefault(line.get('kind'), []).append(line)
        self.curves = {}
        for kind in sorted(kinds, key=lambda kind: kind != 'train'):
            for name, values in _columns(kinds[kind]).items():
                self.curves[name if kind == 'train' else '%s.%s' % (kind, name)] = values
                if kind == 'eval' and name not in _FACTS:
                    self.curves.setdefault(name, values)
        self.config = _sections((self._read('config.ini') or b'').decode(errors='replace'))
        files = [os.path.join(self.folder, name) for name in _MODELS]
        self.model = next(filter(os.path.exists, files), None)
        self.best = self._find_best(files[0], kinds.get('eval', []))
        return self

    def _find_best(self, file, evaluations):
        if not os.path.exists(file):
            return None
        meta = _meta(file)
        try:
            value, step = float(meta['rf.best']), int(meta['rf.best_step'])
        except (KeyError, ValueError):
            raise Error('%s does not say what it was the best of: expected a checkpoint that rf train wrote' % file,
                        FORMAT) from None
        line = next((line for line in evaluations if line.get('step') == step), {})
        metric = next((name for name in line if name != 'kind' and name not in _FACTS), '')  # the first one leads
        return Best(metric, value, step, float(line.get('epoch', 'nan')), file)


def _columns(lines):
    """The numbers of lines of one kind: {name: an array, a number a line}."""
    names = dict.fromkeys(name for line in lines for name, value in line.items()
                          if isinstance(value, (int, float)) and not isinstance(value, bool))
    nan = float('nan')
    number = (int, float)
    return {name: numpy.array([line[name] if isinstance(line.get(name), number) else nan for line in lines], numpy.float64)
            for name in names}
