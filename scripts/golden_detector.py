# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/detector_{r18,mnet050,mnetv2,preresnet50,heads}.safetensors for tests/test_detector_golden.c and tests/golden/backbones.json
for tests/test_layers.c. Run by hand: /usr/bin/python3 (Debian's python3-torch, python3-torchvision). Detectors in double
precision with what golden_torch.py's models do not have: basic blocks, an extra level on three, shared heads, leaky activations
in a wide pyramid, odd map sizes, evaluation mode, ReLU6, normalisation before convolutions, contexts wider than the pyramid, classes with several candidates, heads for whole heads. Weights, input and output gradients are numbers that C and Python compute
alike from a name and an index. Stored: some rows of the three outputs in training and in evaluation mode and, for each parameter,
two sums over its gradient. backbones.json: how many learnable values a backbone has without the classifier, those of torchvision's
models and those of MobileNet v1 as it is built here."""
import json
import pathlib
import sys
import zlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

import golden_file

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden"
ROW_STEP = 7  # every seventh row of the outputs is stored


def noise(name, shape):
    """Uniform in [-1,1): an integer hash of the index, started at the CRC-32 of the name."""
    n = int(np.prod(shape)) if len(shape) else 1
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(n, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(zlib.crc32(name.encode()))) & mask
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) & mask
    x ^= x >> np.uint64(16)
    return torch.from_numpy(x.astype(np.float64) / 2**31 - 1).reshape(shape)


def value(name, shape, shift):
    u = noise(name, shape)
    if name.endswith("running_var"):
        u = 1 + 0.5 * u
    elif name.endswith("running_mean"):
        u = 0.2 * u
    elif len(shape) == 4:
        u = u * (6 / (shape[1] * shape[2] * shape[3])) ** 0.5
    elif name.endswith(".weight"):
        u = 1 + 0.3 * u
    else:
        u = (shift if name.startswith("body.") else 0.2) * u
    return u.float().double()


def conv_bn(i, o, k, s, slope):
    layers = [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([] if slope == 1 else [nn.LeakyReLU(slope)]))


class ResBody(nn.Module):
    def __init__(self, depth, first):
        super().__init__()
        net = getattr(torchvision.models, "resnet%d" % depth)(weights=None)
        for name in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"):
            setattr(self, name, getattr(net, name))
        self.first = first
        self.channels = [64 * (4 if depth >= 50 else 1) << k for k in range(4)][first:]

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        out = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            out.append(x)
        return out[self.first:]


class PreBlock(nn.Module):
    """He et al. 2016 (arXiv 1603.05027), bottleneck: normalisation and ReLU come before each convolution."""

    def __init__(self, i, width, stride):
        super().__init__()
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(i), nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(i, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        if stride > 1 or i != 4 * width:
            self.sc = nn.Conv2d(i, 4 * width, 1, stride, bias=False)

    def forward(self, x):
        a = F.relu(self.bn1(x))
        self.middle = F.relu(self.bn2(self.conv1(a)))
        y = self.conv3(F.relu(self.bn3(self.conv2(self.middle))))
        return y + (self.sc(a) if hasattr(self, "sc") else x)


class PreResBody(nn.Module):
    """MXNet's pre-activation ResNets; maps as insightface takes them: the last of each stride."""

    def __init__(self, blocks, first=0):
        super().__init__()
        self.bn_data, self.bn0, self.bn1 = nn.BatchNorm2d(3), nn.BatchNorm2d(64), nn.BatchNorm2d(2048)
        self.bn_data.weight.requires_grad_(False)
        self.conv0 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        i = 64
        for s, n in enumerate(blocks):
            stage = []
            for b in range(n):
                stage.append(PreBlock(i, 64 << s, 2 if b == 0 and s else 1))
                i = 256 << s
            setattr(self, "stage%d" % (s + 1), nn.Sequential(*stage))
        self.first = first
        self.channels = [128, 256, 512, 2048][first:]

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn0(self.conv0(self.bn_data(x)))), 3, 2, 1)
        out = []
        for s in range(4):
            stage = getattr(self, "stage%d" % (s + 1))
            x = stage(x)
            if s:
                out.append(stage[0].middle)
        return (out + [F.relu(self.bn1(x))])[self.first:]


class MobileBodyV1(nn.Module):
    """Pytorch_Retinaface's MobileNetV1 at another width."""

    def __init__(self, width, slope=0.1):
        super().__init__()
        c = [int(k * width) for k in (32, 64, 128, 128, 256, 256) + (512,) * 6 + (1024, 1024)]
        strides = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
        layers = [conv_bn(3, c[0], 3, 2, slope)] + [self.block(c[k - 1], c[k], strides[k], slope) for k in range(1, 14)]
        self.stage1, self.stage2, self.stage3 = (nn.Sequential(*layers[a:b]) for a, b in ((0, 6), (6, 12), (12, 14)))
        self.channels = [c[5], c[11], c[13]]

    @staticmethod
    def block(i, o, s, slope):
        deep = [nn.Conv2d(i, i, 3, s, 1, groups=i, bias=False), nn.BatchNorm2d(i), nn.LeakyReLU(slope)]
        return nn.Sequential(*deep, *conv_bn(i, o, 1, 1, slope))

    def forward(self, x):
        a = self.stage1(x)
        b = self.stage2(a)
        return [a, b, self.stage3(b)]


class MobileBodyV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torchvision.models.mobilenet_v2(weights=None).features
        self.channels = [32, 96, 1280]

    def forward(self, x):
        out = []
        for k, layer in enumerate(self.features):
            x = layer(x)
            if k in (6, 13, 18):
                out.append(x)
        return out


class Pyramid(nn.Module):
    def __init__(self, channels, c, slope, extra):
        super().__init__()
        self.n = len(channels)
        for k, i in enumerate(channels):
            setattr(self, "output%d" % (k + 1), conv_bn(i, c, 1, 1, slope))
        for k in range(self.n - 1):
            setattr(self, "merge%d" % (k + 1), conv_bn(c, c, 3, 1, slope))
        if extra:
            self.extra1 = conv_bn(channels[-1], c, 3, 2, slope)

    def forward(self, maps):
        p = [getattr(self, "output%d" % (k + 1))(m) for k, m in enumerate(maps)]
        for k in range(self.n - 2, -1, -1):
            up = F.interpolate(p[k + 1], size=p[k].shape[2:], mode="nearest")
            p[k] = getattr(self, "merge%d" % (k + 1))(p[k] + up)
        return p + ([self.extra1(maps[-1])] if hasattr(self, "extra1") else [])


class Context(nn.Module):
    def __init__(self, i, c, slope):
        super().__init__()
        self.conv3X3 = conv_bn(i, c // 2, 3, 1, 1)
        self.conv5X5_1 = conv_bn(i, c // 4, 3, 1, slope)
        self.conv5X5_2 = conv_bn(c // 4, c // 4, 3, 1, 1)
        self.conv7X7_2 = conv_bn(c // 4, c // 4, 3, 1, slope)
        self.conv7x7_3 = conv_bn(c // 4, c // 4, 3, 1, 1)

    def forward(self, x):
        t = self.conv5X5_1(x)
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(t), self.conv7x7_3(self.conv7X7_2(t))], 1))


class Head(nn.Module):
    def __init__(self, c, width):
        super().__init__()
        self.conv1x1 = nn.Conv2d(c, width, 1)

    def forward(self, x):
        return self.conv1x1(x).permute(0, 2, 3, 1)


def maxout(x, background, face):
    """[..., candidates] to the largest of the background's and the largest of the face's."""
    return torch.stack([x[..., :background].amax(-1), x[..., background:].amax(-1)], -1)


class Detector(nn.Module):
    def __init__(self, body, c, slope, extra, anchors, share, wide=None, maxout=False, head=False):
        super().__init__()
        self.body = body
        self.fpn = Pyramid(body.channels, c, slope, extra)
        self.n = len(body.channels) + extra
        for k in range(self.n):
            setattr(self, "ssh%d" % (k + 1), Context(c, wide or c, slope))
        for name, width in (("BboxHead", 4), ("ClassHead", 2), ("LandmarkHead", 10)):
            setattr(self, name, self.heads(wide or c, anchors, width if width != 2 or not maxout else 4, share))
        self.maxout = maxout
        if head:
            self.head = nn.Module()
            self.head.BboxHead = self.heads(wide or c, anchors, 4, share)
            self.head.ClassHead = self.heads(wide or c, anchors, 4 if maxout else 2, share)

    def heads(self, c, anchors, width, share):
        return nn.ModuleList([Head(c, anchors * width) for _ in range(1 if share else self.n)])

    def rows(self, levels, head, width):
        out = []
        for k, p in enumerate(levels):
            y = head[min(k, len(head) - 1)](p)
            if width == 2 and self.maxout:
                y = maxout(y.reshape(len(p), -1, 4), *((1, 3) if k else (3, 1)))
            out.append(y.reshape(len(p), -1, width))
        return torch.cat(out, 1)

    def forward(self, x):
        levels = [getattr(self, "ssh%d" % (k + 1))(p) for k, p in enumerate(self.fpn(self.body(x)))]
        parts = [("cls", self.ClassHead, 2), ("loc", self.BboxHead, 4), ("points", self.LandmarkHead, 10)]
        if hasattr(self, "head"):
            parts += [("head_cls", self.head.ClassHead, 2), ("head_loc", self.head.BboxHead, 4)]
        return {name: self.rows(levels, head, width) for name, head, width in parts}


def write(path, tensors, meta):
    raw = {k: ("F32", t.shape, t.detach().float().contiguous().numpy().tobytes()) for k, t in tensors.items()}
    golden_file.write(path, raw, meta)


def make(name, model, n, h, w, shift=0.2):
    model = model.double().train()
    state = {k: value(k, tuple(v.shape), shift) for k, v in model.state_dict().items() if not k.endswith("tracked")}
    model.load_state_dict(state, strict=False)
    x = 2 * noise("input", (n, h, w, 3)).float().double().permute(0, 3, 1, 2)
    tensors = {}
    model.eval()
    with torch.no_grad():
        for k, v in model(x).items():
            tensors["eval." + k] = v[:, ::ROW_STEP]
    model.train()
    out = model(x)
    sum((v * noise("grad." + k, tuple(v.shape)).float().double()).sum() for k, v in out.items()).backward()
    for k, v in out.items():
        tensors["train." + k] = v[:, ::ROW_STEP]
    sums = []
    for k, p in model.named_parameters():
        g = p.grad if p.grad is not None else torch.zeros_like(p)
        sums.append((k, torch.stack([(g * g).sum().sqrt(), (g * noise("probe." + k, tuple(g.shape))).sum()])))
    for k, v in sums:
        tensors["gradient." + k] = v
    params = sum(p.numel() for p in model.parameters())
    write(OUT / ("detector_%s.safetensors" % name), tensors, {"params": str(params)})
    print(name, params, {k: tuple(v.shape) for k, v in out.items()}, file=sys.stderr)


PRERESNETS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def learnable(model, without=()):
    return sum(p.numel() for k, p in model.named_parameters() if k.split(".")[0] not in without)


def count_backbones():
    counts = {"resnet%d" % d: learnable(getattr(torchvision.models, "resnet%d" % d)(weights=None), ("fc",)) for d in (18, 34, 50, 101, 152)}
    counts["mobilenetv2"] = learnable(torchvision.models.mobilenet_v2(weights=None), ("classifier",))
    for width in (25, 50, 75, 100):
        counts["mobilenet%03d" % width] = learnable(MobileBodyV1(width / 100))
    for depth, blocks in PRERESNETS.items():
        counts["preresnet%d" % depth] = learnable(PreResBody(blocks))
    (OUT / "backbones.json").write_text(json.dumps(counts, indent=1) + "\n")


count_backbones()
make("r18", Detector(ResBody(18, 1), 128, 0.1, True, 3, True), 2, 66, 95)
make("mnet050", Detector(MobileBodyV1(0.5), 16, 0.1, False, 2, False), 2, 66, 95)
# With such shifts after the normalisation some values lie beyond the 6 of ReLU6.
make("mnetv2", Detector(MobileBodyV2(), 16, 0.1, False, 2, False), 2, 66, 95, 4)
make("preresnet50", Detector(PreResBody(PRERESNETS[50], 1), 16, 0.1, False, 2, False, 32), 2, 66, 95)
make("heads", Detector(MobileBodyV1(0.25), 16, 0.1, False, 2, False, maxout=True, head=True), 2, 66, 95)
