#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python/rf.py with the library and programs that are built: rf.Detector finds what `rf detect --json` lists, and rf.Run
reads what `rf train` writes. Usage: python/test_rf.py [--module FOLDER] [-v] [NAME...], after `make programs lib`.
  --module    where the rf.py to test is; without it, beside this file"""
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import numpy
except ImportError:
    print('skip: numpy is not installed (apt-get install python3-numpy)')
    sys.exit(0)
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(HERE), 'build', 'release', 'rf')
for needed in (PROGRAM, os.path.join(os.path.dirname(PROGRAM), 'librf.so.0')):
    if not os.path.exists(needed):
        print('skip: build/release/%s is not built (make programs lib)' % os.path.basename(needed))
        sys.exit(0)
MODULE = HERE
if sys.argv[1:2] == ['--module']:
    MODULE = os.path.abspath(sys.argv[2])
    del sys.argv[1:3]
sys.dont_write_bytecode = True
sys.path.insert(0, MODULE)
import rf  # noqa: E402

# ArcFace's.
TEMPLATE = numpy.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def run_rf(*words):
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Set.folder)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout.decode()


class Set:
    """What every test uses: drawn pictures, a run of a few updates, and what `rf detect` finds with it."""

    @classmethod
    def make(cls):
        cls.folder = tempfile.mkdtemp(prefix='rf-python-')
        run_rf('data', 'synth', '--out', 'set', '--train', '8', '--val', '3', '--seed', '5', '--size', '160x128', '--min-face',
               '24', '--max-faces', '3', '--no-crowds')
        run_rf('train', 'mnet025', '--data', 'set', '--out', 'run', '--input.size', '64', '--batch', '2', '--epochs', '3',
               '--train.log_every', '1', '--set', 'data.terms=drawn*/none', '-t', '1')
        with rf.Detector(cls.at('run'), score=0) as detector:
            picture = cls.at('set/val/images', os.listdir(cls.at('set/val/images'))[0])
            while os.path.isdir(picture):
                picture = os.path.join(picture, sorted(os.listdir(picture))[0])
            cls.score = round(float(numpy.median(detector.detect(picture).scores)), 3)  # the better half
        cls.listed = [json.loads(line) for line in run_rf('detect', 'run/best.safetensors', 'set/val/images', '--json', '-', '--score',
                                                          str(cls.score)).splitlines() if line.startswith('{')]
        for row in cls.listed:
            row['image'] = os.path.join(cls.folder, row['image'])

    @classmethod
    def at(cls, *names):
        return os.path.join(cls.folder, *names)


def setUpModule():
    Set.make()


def tearDownModule():
    shutil.rmtree(Set.folder)


def open_detector(**options):
    options.setdefault('threads', 1)
    return rf.Detector(Set.at('run'), score=options.pop('score', Set.score), **options)


def align_by_numpy(picture, points, size):
    """Least squares by numpy, then four pixels by their weights."""
    rows, right = [], []
    for (x, y), to in zip(points, TEMPLATE * size / 112):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        right += to.tolist()
    a, b, x0, y0 = numpy.linalg.lstsq(numpy.array(rows, float), numpy.array(right), rcond=None)[0]
    v, u = numpy.mgrid[:size, :size]
    x, y, _ = numpy.linalg.inv([[a, -b, x0], [b, a, y0], [0, 0, 1]]) @ [u.ravel(), v.ravel(), numpy.ones(size * size)]
    out = numpy.zeros((size * size, 3))
    height, width = picture.shape[:2]
    for dy in (0, 1):
        for dx in (0, 1):
            i, j = numpy.floor(x).astype(int) + dx, numpy.floor(y).astype(int) + dy
            inside = (i >= 0) & (j >= 0) & (i < width) & (j < height)
            weight = (1 - abs(x - i)) * (1 - abs(y - j)) * inside
            out += weight[:, None] * picture[j.clip(0, height - 1), i.clip(0, width - 1)]
    return out.reshape(size, size, 3)


class Case(unittest.TestCase):
    def wrong(self, words, function, *arguments, code=None, **named):
        with self.assertRaises(rf.Error) as caught:
            function(*arguments, **named)
        self.assertIn(words, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))
        if code is not None:
            self.assertEqual(caught.exception.code, code)

    def same(self, a, b):
        for name in ('boxes', 'scores', 'labels', 'points'):
            numpy.testing.assert_array_equal(getattr(a, name), getattr(b, name))


class Detect(Case):
    def test_finds_what_the_program_lists(self):
        with open_detector() as detector:
            self.assertEqual(len(Set.listed), 3)
            for row in Set.listed:
                faces = detector.detect(row['image'])
                self.assertGreater(len(faces), 4)
                self.assertEqual(len(faces), len(row['faces']))
                for name, key, shape in (('boxes', 'box', (-1, 4)), ('scores', 'score', (-1,)), ('points', 'points', (-1, 5, 2))):
                    have = getattr(faces, name)
                    self.assertEqual(have.dtype, numpy.float32)
                    want = numpy.array([face[key] for face in row['faces']]).astype(numpy.float32).reshape(shape)
                    numpy.testing.assert_array_equal(have, want)  # nine digits tell every float
                self.assertTrue((faces.labels == 0).all())
                self.assertTrue((numpy.diff(faces.scores) <= 0).all())

    def test_arrays_of_every_kind(self):
        file = Set.listed[0]['image']
        picture = rf.load(file)
        self.assertEqual((picture.shape, picture.dtype), ((128, 160, 3), numpy.uint8))
        grey = numpy.ascontiguousarray(picture[..., 1])
        wide = numpy.full((140, 200, 3), 7, numpy.uint8)
        wide[5:133, 11:171] = picture
        alpha = numpy.concatenate([picture, grey[..., None]], 2)
        with open_detector() as detector, open_detector(colour='bgr') as other:
            want = detector.detect(picture)
            with open(file, 'rb') as stream:
                data = stream.read()
            for given in (file, data, bytearray(data), memoryview(data), wide[5:133, 11:171], picture[::-1].copy()[::-1],
                          numpy.asfortranarray(picture), picture[:, ::-1].copy()[:, ::-1], alpha,
                          memoryview(picture)):
                self.same(detector.detect(given), want)
            self.same(other.detect(file), want)
            self.same(other.detect(picture[..., ::-1]), want)
            self.same(other.detect(numpy.ascontiguousarray(picture[..., ::-1])), want)
            self.same(other.detect(picture, colour='rgb'), want)
            self.same(detector.detect(alpha[..., [2, 1, 0, 3]], colour='bgr'), want)
            three = detector.detect(numpy.repeat(grey[..., None], 3, 2))
            self.same(detector.detect(grey), three)
            self.same(detector.detect(grey[..., None]), three)
            self.same(detector.detect(numpy.broadcast_to(grey[:1], (128, 160))), detector.detect(numpy.repeat(grey[:1], 128, 0)))
            self.same(detector.detect(picture[:1]), detector.detect(picture[:1].copy()))
            self.assertFalse(numpy.array_equal(detector.detect(picture, colour='bgr').scores, want.scores))

    def test_pillow_pictures_are_rgb(self):
        class Image:  # what of Pillow's is used
            def __init__(self, mode, array):
                self.mode, self.array = mode, array

            def convert(self, mode):
                return Image(mode, picture)

            def __array__(self, *_, **__):
                return self.array

        picture = rf.load(Set.listed[0]['image'])
        with open_detector(colour='bgr') as detector:
            want = detector.detect(picture, 'rgb')
            self.same(detector.detect(Image('RGB', picture)), want)
            self.same(detector.detect(Image('P', picture[..., 0])), want)
            numpy.testing.assert_array_equal(detector.align(Image('RGB', picture), want[0]),
                                             rf.align(picture, want[0])[..., ::-1])

    def test_faces_are_own_and_like_a_list(self):
        with open_detector() as detector:
            faces = detector.detect(Set.listed[0]['image'])
            before = [getattr(faces, name).copy() for name in ('boxes', 'scores', 'labels', 'points')]
            detector.detect(Set.listed[1]['image'])
        for array, name in zip(before, ('boxes', 'scores', 'labels', 'points')):
            numpy.testing.assert_array_equal(getattr(faces, name), array)
            self.assertTrue(getattr(faces, name).flags.owndata)
        self.assertEqual([face.score for face in faces], faces.scores.tolist())
        numpy.testing.assert_array_equal(faces[1].box, faces.boxes[1])
        numpy.testing.assert_array_equal(faces[-1].points, faces.points[-1])
        self.assertEqual(len(faces[:3]), 3)
        self.assertEqual(len(faces[faces.scores >= faces.scores[1]]), int((faces.scores >= faces.scores[1]).sum()))
        with self.assertRaises(IndexError):
            faces[len(faces)]
        self.assertIn('Face(', repr(faces[0]))

    def test_options_do_what_they_say(self):
        picture = rf.load(Set.listed[0]['image'])
        with open_detector(score=0) as all_of_them, open_detector() as few, open_detector(score=1) as none:
            self.assertGreater(len(all_of_them.detect(picture)), len(few.detect(picture)))
            nothing = none.detect(picture)
            self.assertEqual((len(nothing), nothing.boxes.shape, nothing.points.shape), (0, (0, 4), (0, 5, 2)))
            self.assertEqual(list(nothing), [])
            want = few.detect(picture)
        with rf.Detector(Set.at('run'), settings=['eval.score=%g' % Set.score]) as detector:
            self.same(detector.detect(picture), want)
        with rf.Detector(Set.at('run'), settings={'eval.score': Set.score, 'eval.flip': False}, threads=2) as detector:
            self.same(detector.detect(picture), want)
        for different in ({'flip': True}, {'long_side': 96}, {'iou': 0.9}, {'settings': {'eval.scales': [96, 128]}}):
            with open_detector(**different) as detector:
                self.assertFalse(numpy.array_equal(detector.detect(picture).boxes, want.boxes), different)

    def test_models_by_name_and_bytes(self):
        picture = rf.load(Set.listed[0]['image'])
        file = rf.Run(Set.at('run')).model
        os.makedirs(Set.at('zoo'), exist_ok=True)
        shutil.copy(file, Set.at('zoo', 'tiny.safetensors'))
        with open_detector() as detector:
            want = detector.detect(picture)
            self.assertIn('preset', detector.info('configuration'))
            self.assertIn('safetensors', detector.info('file'))
            self.assertEqual(detector.info('terms'), 'drawn*/none')
            self.assertIsNone(detector.info('nothing'))
            self.assertEqual((detector.label(0), detector.label(7)), ('face', None))
        with open(file, 'rb') as stream:
            data = stream.read()
        for model, folders in ((file, ()), (data, ()), ('tiny', [Set.at('zoo')]), ('tiny.safetensors', [Set.at('zoo')])):
            with rf.Detector(model, score=Set.score, folders=folders) as detector:
                self.same(detector.detect(picture), want)
        before = os.getcwd()
        os.chdir(Set.folder)
        try:
            for model in ('run', 'zoo/tiny.safetensors', pathlib.Path('run')):
                with rf.Detector(model, score=Set.score) as detector:
                    self.same(detector.detect(pathlib.Path(Set.listed[0]['image'])), want)
            os.chdir('zoo')
            for model in ('tiny', 'tiny.safetensors'):
                rf.Detector(model).close()
        finally:
            os.chdir(before)
        os.environ['RF_MODELS'] = '::%s' % Set.at('zoo')
        try:
            rf.Detector('tiny').close()
        finally:
            del os.environ['RF_MODELS']
        self.wrong('memory', rf.Detector, data[:1000], code=rf.FORMAT)

    def test_threads(self):
        pictures = [rf.load(row['image']) for row in Set.listed]
        with open_detector() as shared:
            want = [shared.detect(picture) for picture in pictures]
            failed = []

            def work(own):
                try:
                    for i in range(12):
                        self.same(own.detect(pictures[i % 3]), want[i % 3])
                except BaseException as reason:  # noqa: B902
                    failed.append(reason)

            for detectors in ([open_detector(threads=1 + i % 2) for i in range(4)], [shared] * 4):
                threads = [threading.Thread(target=work, args=(detector,)) for detector in detectors]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(failed, [])

    def test_align_like_numpy(self):
        picture = rf.load(Set.listed[0]['image'])
        points = numpy.array([[41, 52], [78, 48], [60, 70], [45, 95], [77, 92]], numpy.float32)
        for size in (112, 57, 300):
            self.assertLessEqual(abs(rf.align(picture, points, size) - align_by_numpy(picture, points, size)).max(), 1)

    def test_align(self):
        picture = rf.load(Set.listed[0]['image'])
        canvas = numpy.zeros((112, 112, 3), numpy.uint8)
        canvas[:, :] = picture[:112, :112]
        self.assertLessEqual(int(numpy.abs(rf.align(canvas, TEMPLATE).astype(int) - canvas).max()), 1)  # already upright
        with open_detector(colour='bgr') as detector:
            face = detector.detect(picture[..., ::-1])[0]
            large = detector.align(picture[..., ::-1], face, 224)
        self.assertEqual((large.shape, large.dtype), ((224, 224, 3), numpy.uint8))
        numpy.testing.assert_array_equal(large[..., ::-1], rf.align(picture, face.points, size=224))
        numpy.testing.assert_array_equal(large[..., ::-1], rf.align(Set.listed[0]['image'], face, 224))
        self.wrong('(5, 2)', rf.align, picture, face.points.ravel())
        self.wrong('(5, 2)', rf.align, picture, 'left')
        self.wrong('5', rf.align, picture, face.points[:3])
        self.wrong('size', rf.align, picture, face, 1.5)
        self.wrong('', rf.align, picture, face, 0)
        self.wrong('', rf.align, picture, face.points * numpy.nan)


class Mistakes(Case):
    def test_pictures(self):
        with open_detector() as detector:
            picture = numpy.zeros((20, 20, 3), numpy.uint8)
            for shape in ((20,), (20, 20, 2), (20, 20, 5), (0, 20, 3), (20, 0), (2, 20, 20, 3), ()):
                self.wrong('shape', detector.detect, numpy.zeros(shape, numpy.uint8))
            for kind in ('float32', 'bool', 'int64', 'uint16'):
                self.wrong('uint8', detector.detect, picture.astype(kind))
            self.wrong('None', detector.detect, None)
            self.wrong('* 255', detector.detect, picture / 255)
            self.wrong('transpose', detector.detect, picture.transpose(2, 0, 1))
            self.wrong('cannot open', detector.detect, '-', code=rf.FILE)
            self.wrong('ndarray', rf.load, picture)
            self.wrong('colour', detector.detect, picture, colour='RGBA')
            self.wrong('colour', detector.detect, picture, colour='')
            self.wrong('none.jpg', detector.detect, Set.at('none.jpg'), code=rf.FILE)
            self.wrong('zero byte', detector.detect, 'a\0b.jpg')
            self.wrong('', detector.detect, b'no picture', code=rf.FORMAT)
            self.wrong('', detector.detect, b'')
            detector.detect(picture)  # and goes on

    def test_options(self):
        for words, named in (('threads', {'threads': -1}), ('threads', {'threads': 'two'}), ('32 bits', {'threads': 2**32}),
                             ('score', {'score': 1.5}), ('score', {'score': float('nan')}), ('score', {'score': 'high'}),
                             ('iou', {'iou': -1}), ('8192', {'long_side': 100000}), ('scorr', {'settings': {'eval.scorr': 1}}),
                             ('a list', {'settings': 'eval.score=1'}), ('a list', {'folders': '/usr'}),
                             ('a list', {'settings': 5}), ('flip', {'flip': 'no'}),
                             ('a setting', {'settings': [3]}), ('colour', {'colour': 'grey'})):
            self.wrong(words, rf.Detector, Set.at('run'), **named)
        self.wrong('nowhere', rf.Detector, 'nowhere', code=rf.FILE)
        self.wrong('set', rf.Detector, Set.at('set'))
        self.wrong('text or a path', rf.Detector, 7)
        self.wrong('', rf.Detector, b'')
        self.wrong('', rf.Detector, Set.listed[0]['image'])

    def test_closed(self):
        detector = open_detector()
        detector.close()
        detector.close()
        self.wrong('closed', detector.detect, numpy.zeros((20, 20), numpy.uint8))
        self.wrong('closed', detector.info, 'file')

    def test_error_travels(self):
        error = pickle.loads(pickle.dumps(rf.Error('a sentence', rf.FILE)))
        self.assertEqual((str(error), error.code), ('a sentence', rf.FILE))

    def test_without_a_library(self):
        alone = Set.at('alone')
        os.makedirs(alone)
        shutil.copy(os.path.join(MODULE, 'rf.py'), alone)
        script = 'import sys; sys.path.insert(0, %r); import rf; print(rf.__version__, len(rf.Run(%r).curves["loss"]))\n' \
                 'try: rf.Detector(%r)\nexcept rf.Error as e: print(e)\nelse: print("found")' % (alone, Set.at('run'), Set.at('run'))

        def run():
            return subprocess.run([sys.executable, '-c', script], stdout=subprocess.PIPE, cwd=alone).stdout.decode().splitlines()
        version, told = run()
        self.assertEqual(version, '%s 12' % rf.__version__)
        if told != 'found':  # one is installed here
            self.assertIn('make lib', told)
        with open(os.path.join(alone, 'librf.so.0'), 'w') as file:
            file.write('no library')
        self.assertIn('cannot be loaded', run()[1])
        os.remove(os.path.join(alone, 'librf.so.0'))
        shutil.copy(os.path.join(os.path.dirname(PROGRAM), 'librf.so.0'), alone)
        self.assertEqual(run()[1], 'found')

    def test_version(self):
        self.assertEqual(rf.version(), rf.__version__)


class Runs(Case):
    def copy(self):
        folder = tempfile.mkdtemp(dir=Set.folder)
        return shutil.copytree(Set.at('run'), os.path.join(folder, 'run'))

    def test_curves(self):
        run = rf.Run(Set.at('run'))
        with open(Set.at('run', 'train.jsonl')) as file:
            lines = [json.loads(line) for line in file]
        for kind, prefix in (('train', ''), ('eval', 'eval.'), ('epoch', 'epoch.')):
            rows = [line for line in lines if line['kind'] == kind]
            self.assertTrue(rows)
            for name in rows[0]:
                if name != 'kind':
                    want = numpy.array([row[name] for row in rows], numpy.float64)
                    numpy.testing.assert_array_equal(run.curves[prefix + name], want)
        self.assertEqual(run.curves['step'].tolist(), list(range(1, 13)))
        numpy.testing.assert_array_equal(run.curves['voc_ap50'], run.curves['eval.voc_ap50'])
        self.assertEqual(len(run.curves['voc_ap50']), len(run.curves['eval.step']))

    def test_settings_and_best(self):
        run = rf.Run(Set.at('run'))
        self.assertEqual((run.config['input']['size'], run.config['train']['batch']), ('64', '2'))
        self.assertEqual(run.changes, [])
        self.assertEqual(os.path.basename(run.model), 'best.safetensors')
        at = run.curves['eval.step'].tolist().index(run.best.step)
        self.assertEqual(run.best.metric, 'voc_ap50')
        self.assertAlmostEqual(run.best.value, run.curves['voc_ap50'][at], places=7)
        self.assertEqual(run.best.value, max(run.best.value, *run.curves['voc_ap50'] - 1e-7))
        self.assertEqual((run.best.file, run.best.epoch), (run.model, run.curves['eval.epoch'][at]))

    def test_a_run_that_goes_on(self):
        folder = self.copy()
        run = rf.Run(folder)
        log = os.path.join(folder, 'train.jsonl')
        for torn in (b'{"kind":"train","step":13,"lo', b'{"kind":"train","step":13,"name":"\xc3', b'\0\0\0\0', b'12'):
            with open(Set.at('run', 'train.jsonl'), 'rb') as file:
                whole = file.read()
            with open(log, 'wb') as file:
                file.write(whole + torn)
            self.assertEqual(len(run.reload().curves['step']), 12)
        with open(log, 'wb') as file:
            file.write(whole + b'{"kind":"train","step":13,"epoch":3.25,"loss":null,"new":4}\n'
                       b'{"kind":"settings","step":13,"epoch":3.25,"revision":1,"changed":{"optim.lr":{"before":"1","now":"2"}}}\n')
        run.reload()
        self.assertEqual(run.curves['step'][-1], 13)
        self.assertTrue(numpy.isnan(run.curves['loss'][-1]) and numpy.isnan(run.curves['new'][0]))
        self.assertEqual(run.changes[0]['changed']['optim.lr']['now'], '2')

    def test_mistakes(self):
        self.wrong('train.jsonl', rf.Run, Set.at('nowhere'), code=rf.FILE)
        self.wrong('train.jsonl', rf.Run, Set.at('set'))
        self.wrong('folder', rf.Run, Set.at('run', 'train.jsonl'))
        self.wrong('a run', rf.Run, None)
        folder = self.copy()
        with open(os.path.join(folder, 'train.jsonl'), 'w') as file:
            file.write('{"kind":"train","step":1}\nno json\n{"kind":"train","step":2}\n')
        self.wrong('train.jsonl:2', rf.Run, folder, code=rf.FORMAT)
        folder = self.copy()
        with open(os.path.join(folder, 'best.safetensors'), 'wb') as file:
            file.write(b'no model')
        self.wrong('best.safetensors', rf.Run, folder, code=rf.FORMAT)
        os.remove(os.path.join(folder, 'best.safetensors'))
        self.assertEqual((rf.Run(folder).best, os.path.basename(rf.Run(folder).model)), (None, 'last.safetensors'))
        open(os.path.join(folder, 'train.jsonl'), 'w').close()
        self.assertEqual(rf.Run(folder).curves, {})


if __name__ == '__main__':
    unittest.main()
