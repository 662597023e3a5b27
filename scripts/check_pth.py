#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whether torch.load reads what rf-export --to pth wrote: every tensor of the safetensors file, with the same bits.
usage: check_pth.py FILE.pth FILE.safetensors    (Debian: python3-torch; without it exit code 77)"""
import json
import struct
import sys

try:
    import numpy
    import torch
except ImportError:
    print("skip: python3-torch is missing")
    sys.exit(77)

state = torch.load(sys.argv[1], map_location="cpu")
with open(sys.argv[2], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    begin = file.tell()
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, end = entry["data_offsets"]
        file.seek(begin + first)
        kind = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}[entry["dtype"]]
        wanted = numpy.frombuffer(file.read(end - first), dtype=kind).reshape(entry["shape"])
        if name not in state or not numpy.array_equal(state[name].numpy(), wanted):
            sys.exit(f"{name} is missing or differs")
print(f"{len(state)} tensors")
