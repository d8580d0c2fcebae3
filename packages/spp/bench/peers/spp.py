"""torch's CPU pools, channels last, and torchvision's RoIAlign if it is there. Each line of JSON on stdin, {"case": name,
"pass": "forward" | "both"}, is answered with the wall and CPU milliseconds of one repetition; {"versions": true} with the versions."""
import json
import sys
import time

import torch
import torch.nn.functional as F

try:
    import torchvision
except Exception:  # absent, or built for another torch
    torchvision = None

torch.set_num_threads(1)
torch.manual_seed(0)


def spp(x):
    return torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (1, 2, 4)], 1)


def yolo_spp(x):
    return torch.cat([x] + [F.max_pool2d(x, k, 1, k // 2) for k in (5, 9, 13)], 1)


def sppf(x):
    maps = [x]
    for _ in range(3):
        maps.append(F.max_pool2d(maps[-1], 5, 1, 2))
    return torch.cat(maps, 1)


def roi_align(boxes):
    return lambda x: torchvision.ops.roi_align(x, boxes, 7, 1 / 16, 2, True)


cases = {}


def prepare(name, shape, function):
    x = torch.randn(*shape).to(memory_format=torch.channels_last)
    xa = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.no_grad():
        dy = torch.ones_like(function(x))
    cases[name] = (x, xa, dy, function)


prepare("spp", (8, 256, 64, 64), spp)
prepare("yolo-spp", (8, 512, 20, 20), yolo_spp)
prepare("sppf", (8, 512, 20, 20), sppf)
for line in sys.stdin:
    request = json.loads(line)
    if "versions" in request:
        answer = {"torch": torch.__version__, "torchvision": torchvision and torchvision.__version__}
    elif "boxes" in request:
        prepare("roi-align", (1, 256, 64, 64), roi_align(torch.tensor(request["boxes"])))
        answer = {}
    else:
        x, xa, dy, function = cases[request["case"]]
        wall, cpu = time.perf_counter(), time.process_time()
        if request["pass"] == "forward":
            with torch.no_grad():
                function(x)
        else:
            torch.autograd.grad(function(xa), xa, dy)
        answer = {"wall": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3}
    print(json.dumps(answer), flush=True)
