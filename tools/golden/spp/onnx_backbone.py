"""A backbone as ONNX, of any image size, and what PyTorch computes with PSPNet's head and a spatial pyramid behind it.

  python onnx_backbone.py ../../../packages/spp/test/onnx
"""
import json
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(3)
kernel = (random.integers(-64, 65, (6, 3, 3, 3)) / 128).astype(np.float32)
bias = (random.integers(-64, 65, 6) / 128).astype(np.float32)
bins = [1, 2, 3, 6]
branches = [((random.integers(-64, 65, (2, 6)) / 64).astype(np.float32), (random.integers(-64, 65, 2) / 64).astype(np.float32)) for _ in bins]


def backbone():
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel", "bias"], ["convolved"], strides=[2, 2], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["convolved"], ["features"]),
        ],
        "backbone",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 6, "fh", "fw"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tfkit")
    onnx.checker.check_model(model)
    return model


def case(height, width):
    image = (random.integers(-64, 65, (2, 3, height, width)) / 64).astype(np.float32)
    x = F.relu(F.conv2d(torch.tensor(image).double(), torch.tensor(kernel).double(), torch.tensor(bias).double(), 2, 1))
    parts = [x]
    for n, (k, b) in zip(bins, branches):
        pooled = F.adaptive_avg_pool2d(x, n)
        y = F.relu(F.conv2d(pooled, torch.tensor(k).double()[:, :, None, None], torch.tensor(b).double()))
        parts.append(F.interpolate(y, x.shape[2:], mode="bilinear", align_corners=False))
    pyramid = torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (1, 2, 4)], 1)
    tensor = lambda t: {"dims": list(t.shape), "data": [float(np.float32(v)) for v in np.asarray(t).ravel()]}
    return {"image": tensor(image), "head": tensor(torch.cat(parts, 1)), "pyramid": tensor(pyramid)}


folder = sys.argv[1]
onnx.save(backbone(), f"{folder}/backbone.onnx")
flat = lambda a: [float(v) for v in a.ravel()]
with open(f"{folder}/expected.json", "w") as file:
    json.dump(
        {
            "source": f"tools/golden/spp/onnx_backbone.py: torch {torch.__version__} in float64; onnx {onnx.__version__}",
            "bins": bins,
            "branches": [{"kernel": flat(k), "bias": flat(b)} for k, b in branches],
            "cases": [case(13, 17), case(22, 9)],
        },
        file,
    )
