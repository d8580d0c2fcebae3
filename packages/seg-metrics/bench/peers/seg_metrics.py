"""Segmentation counts and HD95 of numpy, torchmetrics and scipy. Answers each line of JSON on stdin with one on stdout:
{"load": file, "maps": n, "classes": c} reads the uint8 maps that the benchmark wrote (target, prediction, target, ...);
{"run": name} does that work once and answers {"wall": ms, "cpu": ms, "value": the score}.
"""
import json
import sys
import time

import numpy as np
import torch
import torchmetrics
from scipy import ndimage
from torchmetrics.classification import MulticlassConfusionMatrix

torch.set_num_threads(1)
state = {}


def load(message):
    shape = (message["maps"], 2) + tuple(message["shape"])
    data = np.fromfile(message["load"], np.uint8).reshape(shape)
    state.update(data=data, classes=message.get("classes", 2))
    return {"numpy": np.__version__, "torchmetrics": torchmetrics.__version__, "scipy": __import__("scipy").__version__}


def miou(c):
    d = np.diag(c).astype(float)
    with np.errstate(invalid="ignore"):
        return float(np.nanmean(d / (c.sum(0) + c.sum(1) - d)))


def fast_hist():
    n = state["classes"]
    total = np.zeros((n, n), np.int64)
    for t, p in state["data"]:
        valid = t < n
        total += np.bincount(n * t[valid].astype(np.int64) + p[valid], minlength=n * n).reshape(n, n)
    return miou(total)


def torchmetrics_unchecked():
    metric = MulticlassConfusionMatrix(state["classes"], ignore_index=255, validate_args=False)
    for t, p in state["data"]:
        metric.update(torch.from_numpy(p)[None], torch.from_numpy(t)[None])
    return miou(metric.compute().numpy())


def hd95_scipy():
    """As MONAI does it: cropped to the box of both masks, scipy's transform, the larger of both 95 % quantiles."""
    t, p = state["data"][0] > 0
    box = ndimage.find_objects((t | p).astype(np.uint8))[0]
    a, b = np.pad(p[box], 1), np.pad(t[box], 1)
    edge_a, edge_b = a & ~ndimage.binary_erosion(a), b & ~ndimage.binary_erosion(b)
    near = ndimage.distance_transform_edt
    return float(max(np.quantile(near(~edge_b)[edge_a], 0.95), np.quantile(near(~edge_a)[edge_b], 0.95)))


work = {"fast_hist": fast_hist, "torchmetrics": torchmetrics_unchecked, "hd95": hd95_scipy}
for line in sys.stdin:
    message = json.loads(line)
    if "load" in message:
        answer = load(message)
    else:
        wall, cpu = time.perf_counter(), time.process_time()
        value = work[message["run"]]()
        answer = {"wall": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3, "value": value}
    print(json.dumps(answer), flush=True)
