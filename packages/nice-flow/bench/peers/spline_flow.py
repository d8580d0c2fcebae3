"""A spline coupling and a MAF in torch on the CPU, float32; protocol as in nice_flow.py: {"run": "spline" | "maf"}.

spline: one rational-quadratic coupling of 64-D, 8 bins, MLP 2x128, batch 512: log-likelihood, its gradient to all parameters, and the
inverse. maf: the density of 64-D by 5 masked affine layers 2x128, batch 512, no gradient. Plain torch, the way nflows goes about it:
softmax, cumulative sums, a bin search, gathers.
"""
import json
import math
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
torch.manual_seed(0)

BINS, BOUND, FEATURES, BATCH = 8, 3.0, 64, 512


def knots(raw):
    sizes = 1e-3 + (1 - 1e-3 * BINS) * F.softmax(raw, -1)
    ends = F.pad(sizes.cumsum(-1), (1, 0))
    ends = BOUND * (2 * ends - 1)
    return ends, ends[..., 1:] - ends[..., :-1]


def spline(x, raw, inverse=False):
    inside = (x >= -BOUND) & (x <= BOUND)
    out, log = x.clone(), torch.zeros_like(x)
    x, raw = x[inside], raw[inside]
    xs, ws = knots(raw[..., :BINS])
    ys, hs = knots(raw[..., BINS : 2 * BINS])
    slopes = 1e-3 + F.softplus(F.pad(raw[..., 2 * BINS :], (1, 1), value=math.log(math.exp(1 - 1e-3) - 1)))
    bins = ((x[..., None] >= (ys if inverse else xs)[..., :-1]).sum(-1) - 1)[..., None]
    take = lambda values: values.gather(-1, bins)[..., 0]
    x0, y0, w, h = take(xs), take(ys), take(ws), take(hs)
    d0, d1 = take(slopes), take(slopes[..., 1:])
    s = h / w
    if inverse:
        rise = x - y0
        a = h * (s - d0) + rise * (d0 + d1 - 2 * s)
        b = h * d0 - rise * (d0 + d1 - 2 * s)
        theta = 2 * s * rise / (b + torch.sqrt(b**2 + 4 * a * s * rise))
        value = x0 + theta * w
    else:
        theta = (x - x0) / w
    t = theta * (1 - theta)
    below = s + (d0 + d1 - 2 * s) * t
    if not inverse:
        value = y0 + h * (s * theta**2 + d0 * t) / below
    slope = torch.log(s**2 * (d1 * theta**2 + 2 * s * t + d0 * (1 - theta) ** 2)) - 2 * torch.log(below)
    out[inside], log[inside] = value, slope
    return out, log


def spline_step():
    half, numbers = FEATURES // 2, 3 * BINS - 1
    net = nn.Sequential(nn.Linear(half, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, half * numbers))
    x = torch.randn(BATCH, FEATURES)

    def run(x, inverse=False):
        raw = net(x[:, 0::2]).view(BATCH, half, numbers)
        moved, log = spline(x[:, 1::2], raw, inverse)
        z = torch.empty_like(x)
        z[:, 0::2], z[:, 1::2] = x[:, 0::2], moved
        return z, log.sum(1)

    def step():
        net.zero_grad()
        z, log = run(x)
        loss = (0.5 * (z**2).sum(1) - log).mean()
        loss.backward()
        with torch.no_grad():
            run(z.detach(), inverse=True)
        return loss.item()

    return step


class Masked(nn.Linear):
    def __init__(self, frm, to, strict):
        super().__init__(len(frm), len(to))
        mask = to[:, None] > frm if strict else to[:, None] >= frm
        self.register_buffer("mask", mask.float())

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


def maf_step():
    first = torch.arange(1, FEATURES + 1)
    inner = torch.arange(128) % (FEATURES - 1) + 1
    nets = [
        nn.Sequential(
            Masked(first, inner, False), nn.ReLU(), Masked(inner, inner, False), nn.ReLU(), Masked(inner, torch.cat([first, first]), True)
        )
        for _ in range(5)
    ]
    x = torch.randn(BATCH, FEATURES)

    def step():
        with torch.no_grad():
            z, total = x, 0
            for net in nets:
                shift, raw = net(z).chunk(2, 1)
                log = 2 * torch.tanh(raw / 2)
                z, total = (z + shift) * torch.exp(log), total + log.sum(1)
            return (total - 0.5 * (z**2).sum(1)).mean().item()

    return step


makers = {"spline": spline_step, "maf": maf_step}
ready = {}
for line in sys.stdin:
    name = json.loads(line)["run"]
    ready[name] = ready.get(name) or makers[name]()
    wall, cpu = time.perf_counter(), time.process_time()
    ready[name]()
    print(json.dumps({"wall": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3}), flush=True)
