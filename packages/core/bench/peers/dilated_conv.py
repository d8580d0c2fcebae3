"""torch's CPU convolution, channels last, x 4x64x64x64, filter 3x3x64x64. Each line of JSON on stdin, {"dilation": d,
"pass": "forward" | "all"}, is answered with the CPU milliseconds of one repetition."""
import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(4, 64, 64, 64).to(memory_format=torch.channels_last)
w = torch.randn(64, 64, 3, 3) * 0.05
xa = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
wa = w.clone().requires_grad_()
dy = torch.ones(4, 64, 64, 64).to(memory_format=torch.channels_last)
for line in sys.stdin:
    request = json.loads(line)
    d = request["dilation"]
    start = time.process_time()
    if request["pass"] == "forward":
        with torch.no_grad():
            F.conv2d(x, w, padding=d, dilation=d)
    else:
        torch.autograd.grad(F.conv2d(xa, wa, padding=d, dilation=d), [xa, wa], dy)
    print(json.dumps({"cpu": (time.process_time() - start) * 1e3}), flush=True)
