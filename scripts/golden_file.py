# SPDX-License-Identifier: Apache-2.0
"""Golden numbers as safetensors: what the scripts beside this one write and tests/golden.c reads.

write(path, tensors, meta): tensors by name, bytes of little-endian numbers with their type and shape.
write_tree(path, tree): what JSON can hold, as text under "golden" in the file's metadata. A list of at least LONG numbers is
in the one tensor "numbers" (F64); its place in the text is "@FIRST+COUNT"."""
import json
import pathlib
import struct

LONG = 6


def write(path, tensors, meta):
    """tensors: name -> (type, shape, bytes)."""
    header, data = ({"__metadata__": meta} if meta else {}), b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_tree(path, tree):
    numbers = []

    def place(node):
        if isinstance(node, dict):
            return {k: place(v) for k, v in node.items()}
        if not isinstance(node, (list, tuple)):
            return node
        if len(node) < LONG or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in node):
            return [place(v) for v in node]
        numbers.extend(node)
        return "@%d+%d" % (len(numbers) - len(node), len(node))

    text = json.dumps(place(tree), separators=(",", ":"))
    write(path, {"numbers": ("F64", [len(numbers)], struct.pack("<%dd" % len(numbers), *numbers))}, {"golden": text})
