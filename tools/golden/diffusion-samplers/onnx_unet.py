"""A small U-Net-shaped ONNX model with seeded weights, in float32 and float16, and runs of it by the Python onnxruntime.

usage: python onnx_unet.py <folder>      writes unet.onnx, unet16.onnx and runs.json
requires: onnx==1.23.1 onnxruntime==1.30.0 numpy

The samplers are plain float64 numpy after the papers (DDIM: arXiv:2010.02502 eq. 12; Euler: arXiv:2206.00364 in
sigma / alpha; DPM-Solver++ 2M midpoint: arXiv:2211.01095) on Stable Diffusion's betas; latents are rounded to float32
only where the model takes them.
"""
import json, sys
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
rng = np.random.default_rng(7)


def build(dtype):
    rng_local = np.random.default_rng(7)
    elem = TensorProto.FLOAT if dtype == np.float32 else TensorProto.FLOAT16
    init, nodes = [], []

    def weight(name, *shape, scale=0.2):
        init.append(numpy_helper.from_array((rng_local.standard_normal(shape) * scale).astype(dtype), name))
        return name

    def const(name, value):
        init.append(numpy_helper.from_array(np.array(value), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    # Time embedding: cos and sin of t / 1000 times four frequencies, then a linear layer.
    t = node("Cast", ["timestep"], "t_float", to=TensorProto.FLOAT)
    t = node("Unsqueeze", [t, const("axis1", np.array([1], np.int64))], "t_column")
    angles = node("Mul", [t, const("frequencies", (np.array([[1, 3, 9, 27]]) / 1000).astype(np.float32))], "angles")
    embedding = node("Concat", [node("Sin", [angles], "sin"), node("Cos", [angles], "cos")], "embedding32", axis=1)
    embedding = node("Cast", [embedding], "embedding", to=elem)
    embedding = node("MatMul", [embedding, weight("time_w", 8, 8)], "time")
    embedding = node("Reshape", [embedding, const("time_shape", np.array([0, 8, 1, 1], np.int64))], "time4")

    h = node("Conv", ["sample", weight("in_w", 8, 4, 3, 3), weight("in_b", 8)], "h_in", pads=[1, 1, 1, 1])
    skip = node("Tanh", [node("Add", [h, embedding], "h_time")], "skip")
    down = node("Conv", [skip, weight("down_w", 12, 8, 3, 3), weight("down_b", 12)], "h_down", pads=[1, 1, 1, 1], strides=[2, 2])
    down = node("Tanh", [down], "middle")
    up = node("ConvTranspose", [down, weight("up_w", 12, 8, 2, 2), weight("up_b", 8)], "h_up", strides=[2, 2])
    both = node("Concat", [node("Tanh", [up], "up"), skip], "both", axis=1)
    node("Conv", [both, weight("out_w", 4, 16, 3, 3), weight("out_b", 4)], "out_sample", pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        nodes, "unet",
        [helper.make_tensor_value_info("sample", elem, ["batch", 4, "height", "width"]),
         helper.make_tensor_value_info("timestep", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("out_sample", elem, ["batch", 4, "height", "width"])], init)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
ab = np.cumprod(1 - betas)
N, SHAPE = 6, (2, 4, 8, 8)


def runner(path, dtype):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    def model(x, t):
        out = session.run(None, {"sample": x.astype(np.float32).astype(dtype), "timestep": np.full(x.shape[0], t, np.int64)})[0]
        return out.astype(np.float64)
    return model


def ddim(model, x):
    states = []
    ts = [1 + i * (1000 // N) for i in range(N)][::-1]
    for i, t in enumerate(ts):
        a = ab[t]
        b = ab[ts[i + 1]] if i + 1 < N else ab[0]
        e = model(x, t)
        x = np.sqrt(b) * (x - np.sqrt(1 - a) * e) / np.sqrt(a) + np.sqrt(1 - b) * e
        states.append(x)
    return states


def dpmpp_2m(model, x):
    states, past = [], None
    ts = [int(v) for v in np.round(np.linspace(0, 999, N + 1))][1:][::-1]
    for i, t in enumerate(ts):
        al, s = np.sqrt(ab[t]), np.sqrt(1 - ab[t])
        m = (x - s * model(x, t)) / al
        if i + 1 == N:
            x = m
        else:
            a2, s2 = np.sqrt(ab[ts[i + 1]]), np.sqrt(1 - ab[ts[i + 1]])
            h = np.log(a2 / s2) - np.log(al / s)
            d = m if past is None else m + 0.5 * h / past[1] * (m - past[0])
            x = s2 / s * x - a2 * np.expm1(-h) * d
            past = (m, h)
        states.append(x)
    return states


def euler(model, x):
    states = []
    ts = [int(round(1000 - i * 1000 / N)) - 1 for i in range(N)]
    for i, t in enumerate(ts):
        s = np.sqrt((1 - ab[t]) / ab[t])
        n = np.sqrt((1 - ab[ts[i + 1]]) / ab[ts[i + 1]]) if i + 1 < N else 0.0
        e = model(x, t)
        x = (x * np.sqrt(1 + s * s) + (n - s) * e) / np.sqrt(1 + n * n)
        states.append(x)
    return states


start = np.random.default_rng(3).standard_normal(SHAPE)
runs = {"source": f"onnxruntime {ort.__version__}, numpy {np.__version__}, tools/golden/diffusion-samplers/onnx_unet.py", "shape": list(SHAPE),
        "steps": N, "init": [float(f"{v:.9g}") for v in start.astype(np.float32).ravel()], "runs": []}
init = start.astype(np.float32).astype(np.float64)
for dtype, name in ((np.float32, "unet.onnx"), (np.float16, "unet16.onnx")):
    onnx.save(build(dtype), f"{folder}/{name}")
    model = runner(f"{folder}/{name}", dtype)
    for sampler in (ddim, dpmpp_2m, euler):
        states = sampler(model, init)
        runs["runs"].append({"model": name, "sampler": sampler.__name__,
                             "states": [[float(f"{v:.7g}") for v in s.ravel()] for s in states]})
json.dump(runs, open(f"{folder}/runs.json", "w"), separators=(",", ":"))
