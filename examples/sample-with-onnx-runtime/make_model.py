"""Trains a small denoiser of points on a spiral and writes it as an ONNX file: noise = spiral.onnx(sample, timestep).

usage: python make_model.py spiral.onnx
requires: torch==2.13.0 onnx==1.23.1 numpy==2.4.6 (a minute on one core; the file that is here was made so)

Loss and noise schedule: Ho et al., Denoising Diffusion Probabilistic Models, 2020 (arXiv:2006.11239), linear betas.
"""
import sys
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

torch.manual_seed(7)
torch.set_num_threads(1)
WIDTH, FREQUENCIES = 96, [1, 2, 4, 8, 16, 32]
alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0).float()


def spiral(count):
    """One and a half turns, radius 0.3 to 1.5; the example measures distances to the same curve."""
    turn = torch.rand(count).sqrt()
    angle = 3 * np.pi * turn
    radius = 0.3 + 1.2 * turn
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)


def features(x, timestep):
    angles = timestep[:, None] / 1000 * torch.tensor(FREQUENCIES, dtype=torch.float32)
    return torch.cat([x, torch.sin(angles), torch.cos(angles)], 1)


inputs = 2 + 2 * len(FREQUENCIES)
layers = [torch.nn.Linear(*shape) for shape in ((inputs, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, 2))]


def denoiser(x, timestep):
    h = features(x, timestep)
    for layer in layers[:-1]:
        h = torch.relu(layer(h))
    return layers[-1](h)


parameters = [p for layer in layers for p in layer.parameters()]
optimizer = torch.optim.Adam(parameters, 2e-3)
STEPS = 12000
rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
for step in range(STEPS):
    x0, epsilon, t = spiral(512), torch.randn(512, 2), torch.randint(0, 1000, (512,))
    a = alphas_cumprod[t][:, None]
    loss = ((denoiser(a.sqrt() * x0 + (1 - a).sqrt() * epsilon, t.float()) - epsilon) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    rate.step()
    if step % 3000 == 2999:
        print(step + 1, float(loss))

initial, nodes = [], []


def constant(name, value):
    initial.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def node(kind, inputs, output, **attributes):
    nodes.append(helper.make_node(kind, inputs, [output], **attributes))
    return output


t = node("Cast", ["timestep"], "time", to=TensorProto.FLOAT)
t = node("Unsqueeze", [t, constant("last", np.array([1], np.int64))], "column")
angles = node("Mul", [t, constant("frequencies", np.float32([FREQUENCIES]) / 1000)], "angles")
h = node("Concat", ["sample", node("Sin", [angles], "sin"), node("Cos", [angles], "cos")], "features", axis=1)
for index, layer in enumerate(layers):
    w = constant(f"w{index}", layer.weight.detach().numpy().T)
    b = constant(f"b{index}", layer.bias.detach().numpy())
    last = index + 1 == len(layers)
    h = node("Gemm", [h, w, b], "noise" if last else f"linear{index}")
    if not last:
        h = node("Relu", [h], f"relu{index}")
graph = helper.make_graph(
    nodes, "spiral",
    [helper.make_tensor_value_info("sample", TensorProto.FLOAT, ["batch", 2]),
     helper.make_tensor_value_info("timestep", TensorProto.INT64, ["batch"])],
    [helper.make_tensor_value_info("noise", TensorProto.FLOAT, ["batch", 2])], initial)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
