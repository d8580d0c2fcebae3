"""Checkpoints as nflows 0.14, normflows 1.7.3 and zuko 1.6 write them, and their log_prob: packages/nice-flow/test/checkpoints.

    python checkpoints.py ../../../packages/nice-flow/test/checkpoints

The three libraries are not imported: the state dicts are random tensors under the names and shapes that they publish, and the
densities are computed here in float64 from their parameterisations, written down anew (splines: Durkan et al. 2019, eq. 4-8; nflows' and
normflows' couplings divide the numbers of widths and heights by the root of the hidden units; zuko's numbers are softly clipped).
"""
import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20)
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)


class State(dict):
    """Random tensors by name, float32 as saved, float64 as used."""

    def linear(self, name, outputs, inputs, gain=1.0, mask=None):
        self[f"{name}.weight"] = torch.randn(outputs, inputs) * gain / math.sqrt(inputs)
        self[f"{name}.bias"] = torch.randn(outputs) * 0.3 * gain
        if mask is not None:
            self[f"{name}.mask"] = mask

    def apply(self, name, x):
        weight = self[f"{name}.weight"].double()
        if f"{name}.mask" in self:
            weight = weight * self[f"{name}.mask"].double()
        return x @ weight.T + self[f"{name}.bias"].double()

    def param(self, name, *shape, gain=0.5):
        self[name] = torch.randn(*shape) * gain


def spline(x, widths, heights, slopes, bound):
    """Knots from bin sizes that add up to 1, and slopes at all knots; the identity outside."""
    zero = torch.zeros_like(widths[..., :1])
    xs = bound * (2 * torch.cat([zero, widths.cumsum(-1)], -1) - 1)
    ys = bound * (2 * torch.cat([zero, heights.cumsum(-1)], -1) - 1)
    inside = (x > -bound) & (x < bound)
    point = torch.where(inside, x, torch.zeros_like(x))
    k = ((point[..., None] >= xs[..., :-1]).sum(-1) - 1)[..., None]
    at = lambda values, i: values.gather(-1, i)[..., 0]
    x0, x1, y0, y1, d0, d1 = at(xs, k), at(xs, k + 1), at(ys, k), at(ys, k + 1), at(slopes, k), at(slopes, k + 1)
    s, theta = (y1 - y0) / (x1 - x0), (point - x0) / (x1 - x0)
    t = theta * (1 - theta)
    below = s + (d0 + d1 - 2 * s) * t
    z = y0 + (y1 - y0) * (s * theta**2 + d0 * t) / below
    log = torch.log(s**2 * (d1 * theta**2 + 2 * s * t + d0 * (1 - theta) ** 2) / below**2)
    return torch.where(inside, z, x), torch.where(inside, log, torch.zeros_like(x)).sum(-1)


def durkan_spline(x, raw, bins, bound, hidden=None):
    """raw [..., 3 bins - 1], softplus slopes that are 1 at the ends."""
    root = math.sqrt(hidden) if hidden else 1
    sizes = lambda part: 1e-3 + (1 - 1e-3 * bins) * F.softmax(part / root, -1)
    one = torch.ones_like(raw[..., :1])
    slopes = torch.cat([one, 1e-3 + F.softplus(raw[..., 2 * bins :]), one], -1)
    return spline(x, sizes(raw[..., :bins]), sizes(raw[..., bins : 2 * bins]), slopes, bound)


# nflows and normflows


def residual_net(state, name, inputs, outputs, hidden, context=0, blocks=2):
    state.linear(f"{name}.initial_layer", hidden, inputs + context)
    for i in range(blocks):
        for j in range(2):
            state.linear(f"{name}.blocks.{i}.linear_layers.{j}", hidden, hidden)
        if context:
            state.linear(f"{name}.blocks.{i}.context_layer", hidden, context)
    state.linear(f"{name}.final_layer", outputs, hidden)

    def run(x, c):
        h = state.apply(f"{name}.initial_layer", torch.cat([x, c], 1) if context else x)
        for i in range(blocks):
            block = f"{name}.blocks.{i}"
            r = state.apply(f"{block}.linear_layers.1", F.relu(state.apply(f"{block}.linear_layers.0", F.relu(h))))
            if context:
                r = r * torch.sigmoid(state.apply(f"{block}.context_layer", c))
            h = h + r
        return state.apply(f"{name}.final_layer", h)

    return run


def made(state, name, features, numbers, hidden, style, context=0, blocks=2, residual=True):
    """style 'nflows' activates the added context and adds one within blocks; 'normflows' adds it, and gates the blocks."""
    inner = torch.arange(hidden) % max(1, features - 1) + min(1, features - 1)
    first = torch.arange(1, features + 1)
    last = first.repeat_interleave(numbers)
    mask = lambda to, frm, strict=False: ((to[:, None] > frm) if strict else (to[:, None] >= frm)).float()
    state.linear(f"{name}.initial_layer", hidden, features, mask=mask(inner, first))
    state[f"{name}.initial_layer.degrees"] = inner.clone()
    if context:
        state.linear(f"{name}.context_layer", hidden, context)
    for i in range(blocks):
        for part in [f"linear_layers.{j}" for j in range(2)] if residual else ["linear"]:
            state.linear(f"{name}.blocks.{i}.{part}", hidden, hidden, mask=mask(inner, inner))
            state[f"{name}.blocks.{i}.{part}.degrees"] = inner.clone()
        if context and residual:
            state.linear(f"{name}.blocks.{i}.context_layer", hidden, context)
    # A gain below 1: scales far from 1 cannot be inverted in float32.
    state.linear(f"{name}.final_layer", features * numbers, hidden, 0.5, mask=mask(last, inner, True))
    state[f"{name}.final_layer.degrees"] = last.clone()

    def run(x, c):
        h = state.apply(f"{name}.initial_layer", x)
        if context:
            shift = state.apply(f"{name}.context_layer", c)
            h = h + (F.relu(shift) if style == "nflows" else shift)
        if not residual and style == "nflows":
            h = F.relu(h)
        for i in range(blocks):
            block = f"{name}.blocks.{i}"
            if not residual:
                h = F.relu(state.apply(f"{block}.linear", h))
                continue
            r = state.apply(f"{block}.linear_layers.0", F.relu(h))
            if context and style == "nflows":
                r = r + state.apply(f"{block}.context_layer", c)
            r = state.apply(f"{block}.linear_layers.1", F.relu(r))
            if context and style == "normflows":
                r = r * torch.sigmoid(state.apply(f"{block}.context_layer", c))
            h = h + r
        return state.apply(f"{name}.final_layer", h)

    return run


def coupling(state, name, features, kind, hidden=8, bins=5, bound=3.0, context=0, own=False, odd=False):
    identity = torch.arange(features)[(torch.arange(features) % 2 == 0) ^ odd]
    changed = torch.arange(features)[(torch.arange(features) % 2 == 1) ^ odd]
    state[f"{name}.identity_features"], state[f"{name}.transform_features"] = identity, changed
    numbers = {"affine": 2, "additive": 1, "spline": 3 * bins - 1}[kind]
    net = residual_net(state, f"{name}.transform_net", len(identity), numbers * len(changed), hidden, context)
    if own:
        for part, count in [("widths", bins), ("heights", bins), ("derivatives", bins - 1)]:
            state.param(f"{name}.unconditional_transform.unnormalized_{part}", len(identity), count, gain=1)

    def run(x, c):
        raw, moved = net(x[:, identity], c), x[:, changed]
        z, log = x.clone(), torch.zeros(len(x)).double()
        if kind == "additive":
            z[:, changed] = moved + raw
        elif kind == "affine":
            shift, raw_scale = raw.chunk(2, 1)
            scale = torch.sigmoid(raw_scale + 2) + 1e-3
            z[:, changed], log = moved * scale + shift, scale.log().sum(1)
        else:
            z[:, changed], log = durkan_spline(moved, raw.reshape(len(x), len(changed), -1), bins, bound, hidden)
        if own:
            parts = [state[f"{name}.unconditional_transform.unnormalized_{p}"].double() for p in ("widths", "heights", "derivatives")]
            raw = torch.cat(parts, -1).expand(len(x), -1, -1)
            z[:, identity], more = durkan_spline(x[:, identity], raw, bins, bound)
            log = log + more
        return z, log

    return run


def masked(state, name, features, kind, style, hidden=9, bins=4, bound=3.0, context=0, residual=True):
    numbers = 2 if kind == "affine" else 3 * bins - 1
    net = made(state, f"{name}.autoregressive_net", features, numbers, hidden, style, context, residual=residual)

    def run(x, c):
        raw = net(x, c).reshape(len(x), features, -1)
        if kind == "spline":
            return durkan_spline(x, raw, bins, bound)
        scale = 1e-3 + (F.softplus(raw[..., 0]) if style == "nflows" else torch.sigmoid(raw[..., 0] + 2))
        return x * scale + raw[..., 1], scale.log().sum(1)

    return run


def lu(state, name, features):
    count = features * (features - 1) // 2
    for part in ("lower_entries", "upper_entries"):
        state.param(f"{name}.{part}", count)
    state.param(f"{name}.unconstrained_upper_diag", features)
    state.param(f"{name}.bias", features)

    def run(x, c):
        get = lambda part: state[f"{name}.{part}"].double()
        lower, upper = torch.eye(features).double(), torch.zeros(features, features).double()
        rows, columns = torch.tril_indices(features, features, -1)
        lower[rows, columns] = get("lower_entries")
        rows, columns = torch.triu_indices(features, features, 1)
        upper[rows, columns] = get("upper_entries")
        diagonal = F.softplus(get("unconstrained_upper_diag")) + 1e-3
        upper = upper + torch.diag(diagonal)
        return x @ (lower @ upper).T + get("bias"), diagonal.log().sum()

    return run


def permutation(state, name, features):
    order = torch.randperm(features)
    state[name] = order
    return lambda x, c: (x[:, order], 0.0)


def write(name, state, layers, features, context=0, base=None, **options):
    """Layers from data to latent."""
    x = (torch.randn(12, features) * 1.5).float()
    c = torch.randn(12, context).float() if context else None
    z, total = x.double(), torch.zeros(12).double()
    for layer in layers:
        z, log = layer(z, c.double() if context else None)
        total = total + log
    mean, log_scale = base(state) if base else (0.0, torch.zeros(features).double())
    total = total - 0.5 * (((z - mean) * torch.exp(-log_scale)) ** 2).sum(1) - log_scale.sum() - features * 0.5 * math.log(2 * math.pi)
    save_file({key: value.contiguous() for key, value in state.items()}, out / f"{name}.safetensors")
    document = {
        "source": f"tools/golden/nice-flow/checkpoints.py, torch {torch.__version__}, float64",
        "options": options | ({"contextSize": context} if context else {}),
        "x": {"shape": list(x.shape), "data": x.flatten().tolist()},
        "context": {"shape": list(c.shape), "data": c.flatten().tolist()} if context else None,
        "logProb": total.tolist(),
    }
    (out / f"{name}.json").write_text(json.dumps(document))
    print(name, total[:3].tolist())


def nflows_files():
    features, prefix = 5, "_transform._transforms"
    state = State()
    layers = [
        coupling(state, f"{prefix}.0", features, "spline", context=2),
        permutation(state, f"{prefix}.1._permutation", features),
        lu(state, f"{prefix}.2", features),
        coupling(state, f"{prefix}.3", features, "spline", context=2, own=True, odd=True),
    ]
    state.param(f"{prefix}.4.log_scale", features)
    state.param(f"{prefix}.4.shift", features)
    state[f"{prefix}.4.initialized"] = torch.tensor(True)
    log_scale, shift = state[f"{prefix}.4.log_scale"].double(), state[f"{prefix}.4.shift"].double()
    layers.append(lambda x, c: (x * log_scale.exp() + shift, log_scale.sum()))
    state["_distribution._log_z"] = torch.tensor(0.5 * features * math.log(2 * math.pi))
    write("nflows-spline-coupling", state, layers, features, context=2, tailBound=3)

    features, state = 4, State()
    layers = [
        masked(state, f"{prefix}.0", features, "affine", "nflows", context=3),
        permutation(state, f"{prefix}.1._permutation", features),
        masked(state, f"{prefix}.2", features, "spline", "nflows", context=3, bound=2.5),
        masked(state, f"{prefix}.3", features, "affine", "nflows", context=3, residual=False),
    ]
    for part in ("unconstrained_weight", "bias", "running_mean"):
        state.param(f"{prefix}.4.{part}", features)
    state[f"{prefix}.4.running_var"] = torch.rand(features) + 0.5

    def batch_norm(x, c):
        get = lambda part: state[f"{prefix}.4.{part}"].double()
        weight, variance = F.softplus(get("unconstrained_weight")) + 1e-5, get("running_var") + 1e-5
        return weight * (x - get("running_mean")) / variance.sqrt() + get("bias"), (weight.log() - 0.5 * variance.log()).sum()

    state.param("_distribution.mean_", 1, features)
    state.param("_distribution.log_std_", 1, features)
    base = lambda s: (s["_distribution.mean_"].double(), s["_distribution.log_std_"].double())
    write("nflows-maf", state, [*layers, batch_norm], features, context=3, base=base, tailBound=2.5)

    state = State()
    layers = [coupling(state, f"{prefix}.0", features, "affine"), coupling(state, f"{prefix}.1", features, "additive", odd=True)]
    state.param(f"{prefix}.2._shift", features)
    state[f"{prefix}.2._scale"] = torch.rand(features) + 0.5
    scale, shift = state[f"{prefix}.2._scale"].double(), state[f"{prefix}.2._shift"].double()
    layers.append(lambda x, c: (x * scale + shift, scale.log().sum()))
    write("nflows-affine", state, layers, features)


def mlp(state, name, sizes):
    for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
        state.linear(f"{name}.net.{2 * i}", outputs, inputs)

    def run(x):
        for i in range(len(sizes) - 1):
            x = state.apply(f"{name}.net.{2 * i}", x if i == 0 else F.relu(x))
        return x

    return run


def normflows_base(state, features):
    state.param("q0.loc", 1, features)
    state.param("q0.log_scale", 1, features)
    return lambda s: (s["q0.loc"].double(), s["q0.log_scale"].double())


def normflows_files():
    features, state = 4, State()
    base = normflows_base(state, features)
    # The library has its flows from latent to data: ours run from the last index to 0.
    linear = lu(state, "flows.1.linear", features)
    order = permutation(state, "flows.1.permutation._permutation", features)

    def lu_permute(x, c):
        return linear(order(x, c)[0], c)

    layers = [
        coupling(state, "flows.3.prqct", features, "spline", own=True, odd=True, context=2),
        masked(state, "flows.2.mprqat", features, "spline", "normflows", context=2),
        lu_permute,
        coupling(state, "flows.0.prqct", features, "spline", own=True, context=2),
    ]
    # The context is that of every layer.
    write("normflows-spline", state, layers, features, context=2, base=base)

    features, state = 4, State()
    base = normflows_base(state, features)
    masks = [torch.tensor([1.0, 0.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])]

    def masked_affine(i, mask, has_scale=True):
        state[f"flows.{i}.b"] = mask[None]
        t = mlp(state, f"flows.{i}.t", [features, 6, features])
        s = mlp(state, f"flows.{i}.s", [features, 6, features]) if has_scale else None
        b = mask.double()

        def run(x, c):
            scale = s(b * x) if s else torch.zeros_like(x)
            return b * x + (1 - b) * (x - t(b * x)) * torch.exp(-scale), -((1 - b) * scale).sum(1)

        return run

    def act_norm(i):
        state.param(f"flows.{i}.s", 1, features)
        state.param(f"flows.{i}.t", 1, features)
        state[f"flows.{i}.data_dep_init_done"] = torch.tensor(1.0)
        s, t = state[f"flows.{i}.s"].double(), state[f"flows.{i}.t"].double()
        return lambda x, c: ((x - t) * torch.exp(-s), -s.sum())

    def block(i):
        net = mlp(state, f"flows.{i}.flows.1.param_map", [features // 2, 6, features])

        def run(x, c):
            left, right = x.chunk(2, 1)
            raw = net(left)
            shift, scale = raw[:, 0::2], raw[:, 1::2]
            return torch.cat([left, (right - shift) * torch.exp(-scale)], 1), -scale.sum(1)

        return run

    def shuffle(i):
        order = torch.randperm(features)
        state[f"flows.{i}.perm"], state[f"flows.{i}.inv_perm"] = order, order.argsort()
        return lambda x, c: (x[:, order.argsort()], 0.0)

    def inverse_maf(i, hidden=9):
        net = made(state, f"flows.{i}.autoregressive_net", features, 2, hidden, "normflows")

        def run(z, c):
            x = torch.zeros_like(z)
            for _ in range(features + 1):
                raw = net(x, c).reshape(len(z), features, 2)
                scale = torch.sigmoid(raw[..., 0] + 2) + 1e-3
                x = (z - raw[..., 1]) / scale
            return x, -scale.log().sum(1)

        return run

    layers = [
        inverse_maf(6),
        block(5),
        # Permute(mode="swap") holds no tensors: halves exchanged, index 4.
        lambda x, c: (x[:, [2, 3, 0, 1]], 0.0),
        shuffle(3),
        act_norm(2),
        masked_affine(1, masks[1]),
        masked_affine(0, masks[0], has_scale=False),
    ]
    write("normflows-affine", state, layers, features, base=base)


# zuko


def softclip(raw, limit):
    return raw / (1 + (raw / limit).abs())


def zuko_layer(state, i, order, numbers, context, hidden=(10, 9)):
    name, features, limit = f"transform.transforms.{i}", len(order), math.log(1e3)
    state[f"{name}.order"] = order
    seen = torch.cat([order, torch.full((context,), -1)])
    wanted = order.repeat_interleave(numbers)[:, None] > seen
    # Outputs of equal dependencies share a group; a unit of one group may see those whose dependencies are a part of its own.
    groups, inverse = torch.unique(wanted, dim=0, return_inverse=True)
    within = (groups.double() @ groups.double().T) == groups.double().sum(-1)
    mask, indices = groups, None
    for layer, units in enumerate((*hidden, features * numbers)):
        mask = groups if indices is None else within[:, indices]
        if layer < len(hidden):
            reachable = mask.sum(-1).nonzero()[:, 0]
            indices = reachable[torch.arange(units) % len(reachable)]
            mask = mask[indices]
        else:
            mask = mask[inverse]
        state.linear(f"{name}.hyper.{2 * layer}", mask.shape[0], mask.shape[1], mask=mask.clone())

    def run(x, c):
        h = torch.cat([x, c], 1) if context else x
        for layer in range(len(hidden) + 1):
            h = state.apply(f"{name}.hyper.{2 * layer}", h if layer == 0 else F.relu(h))
        raw = h.reshape(len(x), features, numbers)
        if numbers == 2:
            log = softclip(raw[..., 1], limit)
            return x * log.exp() + raw[..., 0], log.sum(1)
        bins = (numbers + 1) // 3
        widths, heights = (F.softmax(softclip(raw[..., a : a + bins], limit / 2), -1) for a in (0, bins))
        slopes = F.pad(softclip(raw[..., 2 * bins :], limit), (1, 1)).exp()
        return spline(x, widths, heights, slopes, 5.0)

    return run


def zuko_files():
    for name, features, numbers, context, orders in [
        ("zuko-maf", 4, 2, 3, [[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 2, 3]]),
        ("zuko-nsf", 3, 3 * 6 - 1, 0, [[0, 1, 2], [2, 0, 1]]),
        ("zuko-nsf-coupling", 4, 3 * 4 - 1, 2, [[0, 0, 1, 1], [1, 1, 0, 0]]),
    ]:
        state = State()
        layers = [zuko_layer(state, i, torch.tensor(order), numbers, context) for i, order in enumerate(orders)]
        state["base.loc"], state["base.scale"] = torch.zeros(features), torch.ones(features)
        write(name, state, layers, features, context=context)


nflows_files()
normflows_files()
zuko_files()
