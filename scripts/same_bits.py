#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what two builds of rf made of one case (scripts/same_bits.sh), with Python's own library alone.
  same_bits.py CASE WANT HAVE [ALLOWED]     WANT, HAVE: folders with the case's files
Prints one line a comparison. Weights, predictions and numbers of a log must have the same bits. What the first build says
the second must say, too; what only the second says (a new key) is named and no difference. Names of nodes mean nothing:
a network is compared by what its outputs compute. ALLOWED: lines "CASE/COMPARISON reason", with * for any text.
Last line: counts of passed, failed, allowed."""
import fnmatch
import hashlib
import json
import os
import struct
import sys
import zipfile

case, want_dir, have_dir = sys.argv[1:4]
counts = {'passed': 0, 'failed': 0, 'allowed': 0}
allowed = []
if len(sys.argv) > 4:
    for number, line in enumerate(open(sys.argv[4], encoding='utf-8'), 1):
        words = line.split(None, 1)
        if not words or words[0].startswith('#'):
            continue
        if len(words) < 2:
            sys.exit('same_bits: %s:%d: a reason is missing behind %s' % (sys.argv[4], number, words[0]))
        allowed.append((words[0], words[1].strip()))


def say(what, difference, note=''):
    name = '%s/%s' % (case, what)
    if not difference:
        counts['passed'] += 1
        print('ok    %s%s' % (name, note and ': ' + note))
        return
    for pattern, reason in allowed:
        if fnmatch.fnmatchcase(name, pattern):
            counts['allowed'] += 1
            print('allow %s: %s (%s)' % (name, reason, difference))
            return
    counts['failed'] += 1
    print('FAIL  %s: %s' % (name, difference))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


# ---- values that may have new members --------------------------------------------------------------------------------

# Times, and what names a build.
UNSTEADY = {'img_s', 'data_wait', 'seconds', 'ms_per_image', 'made_by', 'rf.version', 'rf.commit', 'rf.build', 'rf.crc32',
            'generator', 'version', 'commit'}


def differ(want, have, path, new, skip):
    """The first difference in words, or ''. Keys that only `have` has go to `new`."""
    if isinstance(want, dict) and isinstance(have, dict):
        for key in have:
            if key not in want and key not in UNSTEADY:
                new.add(key)
        for key in want:
            if key in UNSTEADY or key in skip:
                continue
            if key not in have:
                return '%s%s is gone' % (path, key)
            found = differ(want[key], have[key], '%s%s.' % (path, key), new, skip)
            if found:
                return found
        return ''
    if isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            return '%s: %d, was %d' % (path, len(have), len(want))
        for i, (a, b) in enumerate(zip(want, have)):
            found = differ(a, b, '%s%d.' % (path, i), new, skip)
            if found:
                return found
        return ''
    return '' if want == have else '%s is %s, was %s' % (path.rstrip('.'), have, want)


def settings(lines):
    """INI text as {section: {key: value}}."""
    out, section = {}, None
    for line in lines:
        line = line.strip()
        if line.startswith('['):
            section = out.setdefault(line, {})
        elif '=' in line and not line.startswith(('#', ';')):
            key, value = line.split('=', 1)
            section[key.strip()] = value.strip()
    return out


def same_json(what, name, skip=()):
    new = set()
    # Numbers stay texts: equal digits are wanted, not equal values.
    load = [[json.loads(line, parse_float=str, parse_int=str) for line in read(os.path.join(side, name)).splitlines()]
            for side in (want_dir, have_dir)]
    for side in load:
        for row in side:
            if isinstance(row, dict) and isinstance(row.get('config'), list):
                row['config'] = settings(row['config'])
            elif isinstance(row, dict) and 'config_crc32' in row:
                row.pop('config_crc32')
    found = differ(load[0], load[1], 'line ' if len(load[0]) > 1 else '', new, skip)
    say(what, found, '%d lines' % len(load[0]) + (', new: ' + ' '.join(sorted(new)) if new else ''))


# ---- weight files ----------------------------------------------------------------------------------------------------


def safetensors(path):
    data = read(path)
    bytes_ = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + bytes_])
    meta = header.pop('__metadata__', {})
    tensors = {}
    for name, item in header.items():
        begin, end = item['data_offsets']
        tensors[name] = (item['dtype'], item['shape'], data[8 + bytes_ + begin:8 + bytes_ + end])
    if 'rf.config' in meta:
        meta['rf.config'] = settings(meta['rf.config'].splitlines())
    return tensors, meta


def same_tensors(what, name):
    (want, want_meta), (have, have_meta) = (safetensors(os.path.join(side, name)) for side in (want_dir, have_dir))
    found = ''
    if set(want) != set(have):
        found = 'tensors %s' % ' '.join(sorted(set(want) ^ set(have))[:4])
    unlike = [key for key in sorted(want) if key in have and want[key] != have[key]]
    if unlike:
        found = '%d of %d tensors, %s first' % (len(unlike), len(want), unlike[0])
    say(what, found, '%d tensors, %d bytes' % (len(want), sum(len(t[2]) for t in want.values())))
    new = set()
    found = differ(dict(sorted(want_meta.items())), dict(sorted(have_meta.items())), '', new, ())
    say(what + '_meta', found, 'new: ' + ' '.join(sorted(new)) if new else '')


def records(path):
    """Tensors of a .pth as a sorted list of their bytes, with the pickle that names them; and its configuration."""
    with zipfile.ZipFile(path) as file:
        names = {name.split('/', 1)[-1]: name for name in file.namelist()}
        config = names.pop('rf.config', None)
        return (sorted((short, hashlib.sha256(file.read(name)).hexdigest()) for short, name in names.items()),
                settings(file.read(config).decode().splitlines()) if config else {})


# ---- networks as what their outputs compute --------------------------------------------------------------------------


def fields(data):
    """(number, value) of a protobuf message; bytes or numbers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(tag & 7) or varint()
        yield tag >> 3, data[at:at + size]
        at += size


def hashed(*parts):
    """Of nested lists, texts, numbers and bytes; weights are not copied."""
    digest = hashlib.sha256()

    def add(part):
        if isinstance(part, (list, tuple)):
            digest.update(b'(%d' % len(part))
            for one in part:
                add(one)
        else:
            data = part if isinstance(part, bytes) else repr(part).encode()
            digest.update(b'%d:' % len(data))
            digest.update(data)
    add(parts)
    return digest.hexdigest()


def onnx(path):
    """{output: hash of all that it is computed from}, sorted hashes of the weights, and what else a model says."""
    model = list(fields(read(path)))
    graph = list(fields(next(v for n, v in model if n == 7)))
    rest = [(n, v) for n, v in model if n not in (2, 3, 6, 7, 14)]
    values, weights, outputs = {}, [], {}
    for number, item in graph:
        if number == 5:
            tensor = list(fields(item))
            digest = hashed('weights', [(n, v) for n, v in tensor if n not in (8, 12)])
            values[next(v for n, v in tensor if n == 8)] = digest
            weights.append(digest)
        elif number == 11:
            info = list(fields(item))
            values[next(v for n, v in info if n == 1)] = hashed('input', info)
    for number, item in graph:
        if number != 1:
            continue
        node = list(fields(item))
        inputs = [values[v] if v else '' for n, v in node if n == 1]
        digest = hashed([v for n, v in node if n in (4, 7)], inputs, sorted(v for n, v in node if n == 5))
        for i, name in enumerate(v for n, v in node if n == 2):
            values[name] = hashed(digest, i)
    for number, item in graph:
        if number == 12:
            info = list(fields(item))
            name = next(v for n, v in info if n == 1)
            outputs[name.decode()] = (values[name], info)
    return outputs, sorted(weights), rest


def run_onnx(path):
    """Outputs of the network for one drawn picture, by onnxruntime; None where that is not installed."""
    try:
        import numpy
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    item = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else 1 if i == 0 else 128 for i, d in enumerate(item.shape)]
    kind = numpy.uint8 if 'uint8' in item.type else numpy.float16 if 'float16' in item.type else numpy.float32
    picture = numpy.random.default_rng(1).integers(0, 256, shape).astype(kind)
    return [(o.name, value.shape, value.tobytes()) for o, value in zip(session.get_outputs(), session.run(None, {item.name: picture}))]


def same_onnx(what, name):
    paths = [os.path.join(side, name) for side in (want_dir, have_dir)]
    (want, weights, rest), (have, have_weights, have_rest) = (onnx(path) for path in paths)
    if rest != have_rest:
        return say(what, 'operator set or file version')
    if list(want) != list(have):
        return say(what, 'outputs %s, were %s' % (' '.join(have), ' '.join(want)))
    unlike = [key for key in want if want[key] != have[key]]
    if not unlike:
        return say(what, '', '%d outputs of the same nodes and %d weights' % (len(want), len(weights)))
    if [want[key][1] for key in want] != [have[key][1] for key in want]:
        return say(what, 'shapes of the outputs')
    ran = [run_onnx(path) for path in paths]
    if ran[0] is None:
        return say(what, '%s is computed by other nodes%s, and onnxruntime is not installed to run them' %
                   (unlike[0], '' if weights == have_weights else ' from other weights'))
    return say(what, '' if ran[0] == ran[1] else 'onnxruntime computes something else', 'other nodes, the same bits in onnxruntime')


def param(path):
    """Lines of an ncnn .param with layers and inner blobs numbered as they appear."""
    lines = [line.split() for line in read(path).decode().splitlines()]
    read_blobs, names, out = set(), {}, [lines[0], lines[1]]
    for words in lines[2:]:
        n_in = int(words[2])
        read_blobs.update(words[4:4 + n_in])
    for words in lines[2:]:
        n_in, n_out = int(words[2]), int(words[3])
        blobs = words[4:4 + n_in + n_out]
        for blob in blobs:
            inner = blob in read_blobs and words[0] != 'Input'
            names.setdefault(blob, len(names) if inner else blob)
        out.append([words[0], words[2], words[3]] + [names[blob] for blob in blobs] + words[4 + n_in + n_out:])
    return out


# ---- one case --------------------------------------------------------------------------------------------------------


def same_bytes(what, name):
    want, have = (read(os.path.join(side, name)) for side in (want_dir, have_dir))
    at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b), min(len(want), len(have)))
    say(what, '' if want == have else 'byte %d of %d' % (at, len(want)), '%d bytes' % len(want))


def same_export(name):
    paths = [os.path.join(side, name) for side in (want_dir, have_dir)]
    if read(paths[0]) == read(paths[1]):
        return say(name, '', 'the same file')
    if name.endswith('.onnx'):
        return same_onnx(name, name)
    if name.endswith('.param'):
        return say(name, '' if param(paths[0]) == param(paths[1]) else 'other layers')
    if name.endswith('.safetensors'):
        return same_tensors(name, name)
    if name.endswith('.pth'):
        (want, want_config), (have, have_config) = (records(path) for path in paths)
        new = set()
        found = differ(want_config, have_config, 'rf.config ', new, ()) if want == have else 'other records'
        return say(name, found, 'new: ' + ' '.join(sorted(new)) if new else '')
    return same_bytes(name, name)


def compare(name):
    if name.endswith('.code'):  # of a program: refused as before, or not
        a, b = (read(os.path.join(side, name)).decode().split() for side in (want_dir, have_dir))
        if a != b or a != ['0']:
            say(name[:-5], '' if a == b else 'exit code %s, was %s' % (b[0], a[0]), 'refused by both (%s)' % a[0])
    elif name.endswith('.onnx') or name.endswith('.param') or name.endswith('.pth') or name == 'x.safetensors':
        same_export(name)
    elif name.endswith('.safetensors'):
        same_tensors(name[:-12], name)
    elif name.endswith('.json') and name.startswith(('x', 'retinaface')):
        # Sizes and sums of a file whose nodes have other names are compared with the file.
        same_json(name, name, skip=('bytes', 'crc32', 'files'))
    elif name.endswith(('.json', '.jsonl')):
        same_json(name, name)
    else:
        same_bytes(name, name)


def listed(side):
    out = set()
    for folder, _, names in os.walk(side):
        out |= {os.path.relpath(os.path.join(folder, name), side) for name in names}
    # The source of the network is compared by running it (c.faces); pictures of a run are drawn from its log.
    return {n for n in out if not n.endswith(('.txt.log', '.ini', '.c', '.h', '.svg', '.lock'))}


def main():
    want, have = listed(want_dir), listed(have_dir)
    predictions = sorted(n for n in want if n.startswith('pred/'))
    for name in sorted(want - have):
        say(name, 'is not written any more')
    for name in sorted((want & have) - set(predictions)):
        try:
            compare(name)
        except (ValueError, KeyError, IndexError, StopIteration, struct.error, zipfile.BadZipFile) as error:
            say(name, 'cannot be read: %r' % error)
    if predictions:
        unlike = [n for n in predictions if n in have and read(os.path.join(want_dir, n)) != read(os.path.join(have_dir, n))]
        rows = sum(read(os.path.join(want_dir, n)).count(b'\n') for n in predictions)
        say('predictions', unlike and unlike[0], '%d pictures, %d lines' % (len(predictions), rows))
    print('%(passed)d passed, %(failed)d failed, %(allowed)d allowed' % counts)


main()
