"""Makes tests/golden/torch_zip.pth and torch_legacy.pth, which tests/test_weights.c reads. Run by hand: /usr/bin/python3 (Debian's
python3-torch). The same tensors in PyTorch's two file forms: float32, a channels-last tensor, a scalar counter, a view into
another tensor's storage, float64; and a checkpoint's surroundings (an epoch, an optimiser's state, an unknown class)."""
import argparse
import collections
import pathlib

import torch

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden"
a = torch.arange(24.0).reshape(2, 3, 2, 2)
state = collections.OrderedDict(
    a=a, b=a.to(memory_format=torch.channels_last) + 100, counter=torch.tensor(7), row=a[1], wide=torch.arange(3.0).double() / 3
)
whole = {"epoch": 3, "lr": 0.5, "best": torch.tensor(46.5), "args": argparse.Namespace(x=1), "state_dict": state,
         "optimizer": {"state": {}, "groups": [{"params": [1, 2], "big": 1 << 70}]}}
torch.save(whole, OUT / "torch_zip.pth")
torch.save(whole, OUT / "torch_legacy.pth", _use_new_zipfile_serialization=False)
