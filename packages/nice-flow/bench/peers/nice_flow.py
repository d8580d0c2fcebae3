"""Training steps in torch on the CPU, float32. Each line of JSON on stdin, {"run": "nice" | "glow" | "normflows"}, is answered with the wall
and CPU milliseconds of one step.

nice: 784-D, 4 additive couplings on odd and even entries, 5 hidden ReLU layers of 1000 units, scaling, logistic prior, batch
200, Adam(1e-3, betas (0.9, 0.01), eps 1e-4); plain torch.
glow: L=2, K=8, hidden 128, 16x16x3, batch 16, Adam; plain torch. normflows: the same sizes with its blocks, if it is installed.
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
torch.manual_seed(0)


class Nice(nn.Module):
    def __init__(self, features=784, couplings=4, units=1000, layers=5):
        super().__init__()
        sizes = [features // 2] + [units] * layers + [features // 2]
        self.nets = nn.ModuleList()
        for _ in range(couplings):
            net = []
            for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
                net += [nn.Linear(inputs, outputs)] + ([nn.ReLU()] if i < layers else [])
            self.nets.append(nn.Sequential(*net))
        self.log_scale = nn.Parameter(torch.zeros(features))

    def loss(self, x):
        even, odd = x[:, 0::2], x[:, 1::2]
        for i, net in enumerate(self.nets):
            if i % 2 == 0:
                odd = odd + net(even)
            else:
                even = even + net(odd)
        z = torch.cat([even, odd], 1) * torch.exp(self.log_scale)
        return -((-F.softplus(z) - F.softplus(-z)).sum(1) + self.log_scale.sum()).mean()


def nice_step():
    model = Nice()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.01), eps=1e-4)
    x = torch.rand(200, 784)

    def step():
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


class GlowStep(nn.Module):
    """actnorm, 1x1 convolution by PLU, affine coupling with sigmoid(raw + 2), as in Glow's program."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.logs = nn.Parameter(torch.zeros(channels, 1, 1))
        p, l, u = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels))[0])
        self.register_buffer("p", p)
        self.register_buffer("sign", torch.sign(torch.diagonal(u)))
        self.register_buffer("eye", torch.eye(channels))
        self.lower = nn.Parameter(torch.tril(l, -1))
        self.upper = nn.Parameter(torch.triu(u, 1))
        self.log_s = nn.Parameter(torch.log(torch.abs(torch.diagonal(u))))
        self.net = nn.Sequential(
            nn.Conv2d(channels // 2, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )

    def forward(self, x):
        positions = x.shape[2] * x.shape[3]
        z = (x + self.bias) * torch.exp(self.logs)
        upper = torch.triu(self.upper, 1) + torch.diag(self.sign * torch.exp(self.log_s))
        w = self.p @ (torch.tril(self.lower, -1) + self.eye) @ upper
        z1, z2 = F.conv2d(z, w[:, :, None, None]).chunk(2, 1)
        shift, raw = self.net(z1).chunk(2, 1)
        z2 = (z2 + shift) * torch.sigmoid(raw + 2)
        log_det = positions * (self.logs.sum() + self.log_s.sum()) + F.logsigmoid(raw + 2).sum((1, 2, 3))
        return torch.cat([z1, z2], 1), log_det


class Glow(nn.Module):
    def __init__(self, levels=2, steps=8, hidden=128, channels=3, side=16):
        super().__init__()
        self.levels, self.priors = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            channels, side = channels * 4, side // 2
            self.levels.append(nn.ModuleList([GlowStep(channels, hidden) for _ in range(steps)]))
            if level < levels - 1:
                self.priors.append(nn.Conv2d(channels // 2, channels, 3, padding=1))
                channels //= 2
        self.mean = nn.Parameter(torch.zeros(channels, side, side))
        self.logs = nn.Parameter(torch.zeros(channels, side, side))

    @staticmethod
    def normal(z, mean, logs):
        return (-0.5 * ((z - mean) * torch.exp(-logs)) ** 2 - logs - 0.9189385332).sum((1, 2, 3))

    def loss(self, x):
        total = 0
        for level, steps in enumerate(self.levels):
            x = F.pixel_unshuffle(x, 2)
            for step in steps:
                x, log_det = step(x)
                total = total + log_det
            if level < len(self.priors):
                x, out = x.chunk(2, 1)
                total = total + self.normal(out, *self.priors[level](x).chunk(2, 1))
        return -(total + self.normal(x, self.mean, self.logs)).mean()


def plain_glow_step():
    model = Glow()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(16, 3, 16, 16)

    def step():
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def glow_step():
    import normflows as nf

    levels, steps, hidden, shape = 2, 8, 128, (3, 16, 16)
    bases, merges, flows = [], [], []
    for i in range(levels):
        channels = shape[0] * 2 ** (levels + 1 - i)
        blocks = [nf.flows.GlowBlock(channels, hidden, split_mode="channel", scale=True) for _ in range(steps)]
        flows.append(blocks + [nf.flows.Squeeze()])
        if i > 0:
            merges.append(nf.flows.Merge())
            latent = (shape[0] * 2 ** (levels - i), shape[1] // 2 ** (levels - i), shape[2] // 2 ** (levels - i))
        else:
            latent = (shape[0] * 2 ** (levels + 1), shape[1] // 2**levels, shape[2] // 2**levels)
        bases.append(nf.distributions.DiagGaussian(latent))
    model = nf.MultiscaleFlow(bases, flows, merges)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(16, *shape)

    def step():
        optimizer.zero_grad()
        loss = model.forward_kld(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


makers = {"nice": nice_step, "glow": plain_glow_step, "normflows": glow_step}
ready = {}
for line in sys.stdin:
    name = json.loads(line)["run"]
    try:
        ready[name] = ready.get(name) or makers[name]()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        continue
    wall, cpu = time.perf_counter(), time.process_time()
    ready[name]()
    print(
        json.dumps({"wall": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3}),
        flush=True,
    )
