"""torch on the CPU, float32, PEER_THREADS threads. Each line of JSON on stdin is answered with the milliseconds of one
repetition, wall and CPU:

  {"op": "conv", "dilation": d, "pass": "forward" | "all", "channelsLast": true}   x 4x64x64x64, filter 3x3x64x64
  {"op": "tcn"}   batch 16, 4096 steps, 64 channels, 3 taps, rates 1..512: forward and backward, channels first
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
torch.manual_seed(0)
RATES = [2**i for i in range(10)]
images = {}
series = {}


def conv(request):
    form = torch.channels_last if request["channelsLast"] else torch.contiguous_format
    if form not in images:
        x = torch.randn(4, 64, 64, 64).to(memory_format=form).requires_grad_()
        images[form] = x, (torch.randn(64, 64, 3, 3) * 0.05).requires_grad_(), torch.ones(4, 64, 64, 64).to(memory_format=form)
    x, w, dy = images[form]
    d = request["dilation"]
    if request["pass"] == "forward":
        with torch.no_grad():
            return F.conv2d(x, w, padding=d, dilation=d)
    return torch.autograd.grad(F.conv2d(x, w, padding=d, dilation=d), [x, w], dy)


def tcn(_request):
    if not series:
        series["x"] = torch.randn(16, 64, 4096, requires_grad=True)
        series["w"] = [[(torch.randn(64, 64, 3) * 0.07).requires_grad_() for _ in range(2)] for _ in RATES]
        series["b"] = [[torch.zeros(64, requires_grad=True) for _ in range(2)] for _ in RATES]
    y = series["x"]
    for rate, weights, biases in zip(RATES, series["w"], series["b"]):
        h = y
        for w, b in zip(weights, biases):
            h = F.relu(F.conv1d(F.pad(h, (2 * rate, 0)), w, b, dilation=rate))
        y = F.relu(h + y)
    leaves = [series["x"], *sum(series["w"], []), *sum(series["b"], [])]
    return torch.autograd.grad(y.sum(), leaves)


OPS = {"conv": conv, "tcn": tcn, "version": lambda _: None}
for line in sys.stdin:
    request = json.loads(line)
    wall, cpu = time.perf_counter(), time.process_time()
    OPS[request["op"]](request)
    answer = {"wall": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3, "version": torch.__version__}
    print(json.dumps(answer), flush=True)
