# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/torch_zip.pth, torch_legacy.pth and the files of 16-bit numbers half_zip.pth, half_legacy.pth and
half.safetensors, which tests/test_weights.c reads. Run by hand: /usr/bin/python3 (Debian's
python3-torch). The same tensors in PyTorch's two file forms: float32, a channels-last tensor, a scalar counter, a view into
another tensor's storage, float64; and a checkpoint's surroundings (an epoch, an optimiser's state, an unknown class)."""
import argparse
import collections
import pathlib

import torch

import golden_file

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden"
a = torch.arange(24.0).reshape(2, 3, 2, 2)
state = collections.OrderedDict(
    a=a, b=a.to(memory_format=torch.channels_last) + 100, counter=torch.tensor(7), row=a[1], wide=torch.arange(3.0).double() / 3
)
whole = {"epoch": 3, "lr": 0.5, "best": torch.tensor(46.5), "args": argparse.Namespace(x=1), "state_dict": state,
         "optimizer": {"state": {}, "groups": [{"params": [1, 2], "big": 1 << 70}]}}
torch.save(whole, OUT / "torch_zip.pth")
torch.save(whole, OUT / "torch_legacy.pth", _use_new_zipfile_serialization=False)

# Numbers of 16 bits beside what PyTorch makes of them: ordinary, negative, largest, the least, below the normal ones.
numbers = torch.tensor([1 / 3, -2.5, 65504.0, 2.0**-24, -3 * 2.0**-20, 0.0]).reshape(2, 3)
half, brain = numbers.half(), (numbers * 1e30).bfloat16()
narrow = collections.OrderedDict(half=half, half_float=half.float(), brain=brain, brain_float=brain.float(), turned=half.t())
torch.save(narrow, OUT / "half_zip.pth")
torch.save(narrow, OUT / "half_legacy.pth", _use_new_zipfile_serialization=False)
tensors = {}
for name, kind in (("half_float", "F32"), ("brain_float", "F32"), ("half", "F16"), ("brain", "BF16"), ("turned", "F16")):
    tensor = narrow[name].contiguous()
    tensors[name] = (kind, tensor.shape, (tensor if kind == "F32" else tensor.view(torch.int16)).numpy().tobytes())
golden_file.write(OUT / "half.safetensors", tensors, None)
