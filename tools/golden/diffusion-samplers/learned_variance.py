"""Runs of DDPM whose model gives the variance, with injected noise, in float64 from diffusers' float32 betas.

usage: python learned_variance.py ../../../packages/diffusion-samplers/test/golden/learned-variance.json
requires: torch==2.13.0

The step is DDPMScheduler's of diffusers, written down anew from Ho et al. 2020 (arXiv:2006.11239, eq. 6 and 7) and
Nichol, Dhariwal 2021 (arXiv:2102.09672, eq. 15): 'learned_range' interpolates the logarithms of the posterior's variance and of beta,
'learned' takes the output as the variance itself; the timestep before is the grid's next; no noise at timestep 0. The
model is the noise of data N(0, 0.5^2), sigma x / (0.25 alpha^2 + sigma^2), and zero for v, plus what 'added' has: [batch, 2 channels, ...].
"""
import json
import sys

import torch

SHAPE = (2, 2, 3)
TRAIN, STEPS = 1000, 6
TIMESTEPS = {
    "leading": [k * (TRAIN // STEPS) for k in reversed(range(STEPS))],
    "linspace": torch.linspace(0, TRAIN - 1, STEPS, dtype=torch.float64).round().long().flip(0).tolist(),
}


def run(variance_type, spacing, generator):
    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    betas = torch.linspace(1e-4, 0.02, TRAIN, dtype=torch.float32)
    products = torch.cumprod(1 - betas, 0).double()
    initial = x = normal(*SHAPE)
    added, draws, states = [], [], []
    timesteps = TIMESTEPS[spacing]
    for t, before_t in zip(timesteps, [*timesteps[1:], None]):
        now, before = products[t], torch.ones_like(x[0, 0, 0]) if before_t is None else products[before_t]
        error = 0.1 * now.sqrt() * normal(*SHAPE)
        epsilon = (1 - now).sqrt() * x / (0.25 * now + 1 - now) + error
        v = 1.2 * torch.tanh(normal(*SHAPE))  # Not held to [-1, 1].
        if variance_type == "learned":
            v = 0.5 * v.abs()
        added.append(torch.cat([error, v], 1))
        beta = 1 - now / before
        x0 = (x - (1 - now).sqrt() * epsilon) / now.sqrt()
        mean = (before.sqrt() * beta * x0 + (now / before).sqrt() * (1 - before) * x) / (1 - now)
        posterior = (beta * (1 - before) / (1 - now)).clamp(min=1e-20)
        z = normal(*SHAPE)
        draws.append(z)
        # As a power of the two bounds, eq. 15 without logarithms.
        variance = v if variance_type == "learned" else posterior * (beta / posterior) ** ((1 + v) / 2)
        x = mean + variance.sqrt() * z if t > 0 else mean
        states.append(x)
    flat = lambda tensors: [tensor.flatten().tolist() for tensor in tensors]
    return {
        "variance_type": variance_type,
        "timestep_spacing": spacing,
        "timesteps": timesteps,
        "initial": initial.flatten().tolist(),
        "added": flat(added),
        "draws": flat(draws),
        "states": flat(states),
    }


generator = torch.Generator().manual_seed(21)
cases = [run(kind, spacing, generator) for kind in ("learned_range", "learned") for spacing in TIMESTEPS]
source = f"DDPMScheduler's step in torch {torch.__version__.split('+')[0]}, tools/golden/diffusion-samplers/learned_variance.py"
with open(sys.argv[1], "w") as file:
    body = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"source": {json.dumps(source)}, "shape": {json.dumps(SHAPE)}, "cases": [\n{body}\n]}}\n')
