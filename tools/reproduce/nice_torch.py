"""The steps of `npm run reproduce -- nice-mnist` in torch, to set its curve beside ours: nice_torch.py <train-images-idx3-ubyte> [steps].

784 pixels with uniform noise on [0, 1], four additive couplings on even and odd pixels with five hidden ReLU layers of 1,000 units,
scaling, logistic prior; Adam(1e-3, betas (0.9, 0.99), eps 1e-4), batches of 200 from the first 50,000 images. The nets start as torch's
do, ours with a last layer of zeros. Prints the mean log-likelihood in nats of every 50 steps.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)
images = np.fromfile(sys.argv[1], np.uint8)[16:].reshape(-1, 784)[:50_000]
images = torch.from_numpy(images)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 700


def net():
    sizes = [392] + 5 * [1000]
    hidden = [part for i, o in zip(sizes, sizes[1:]) for part in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(1000, 392))


nets = nn.ModuleList(net() for _ in range(4))
log_scale = nn.Parameter(torch.zeros(784))
optimizer = torch.optim.Adam([log_scale, *nets.parameters()], lr=1e-3, betas=(0.9, 0.99), eps=1e-4)


def log_likelihood(x):
    even, odd = x[:, 0::2], x[:, 1::2]
    for i, net in enumerate(nets):
        if i % 2 == 0:
            odd = odd + net(even)
        else:
            even = even + net(odd)
    z = torch.stack([even, odd], 2).flatten(1) * torch.exp(log_scale)
    return (-F.softplus(z) - F.softplus(-z)).sum(1) + log_scale.sum()


total, order = 0.0, torch.randperm(len(images))
for step in range(1, steps + 1):
    at = (step - 1) * 200 % len(images)
    if at == 0:
        order = torch.randperm(len(images))
    x = images[order[at : at + 200]].float()
    loss = -log_likelihood((x + torch.rand_like(x)) / 256).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total -= loss.item()
    if step % 50 == 0:
        print(step, f"{total / 50:.1f}", flush=True)
        total = 0.0
