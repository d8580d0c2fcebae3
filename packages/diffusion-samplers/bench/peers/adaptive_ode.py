"""Probability-flow ODE of a 2-D mixture (VP SDE) from noise to data, adaptive Dormand-Prince 5(4), for the benchmark.

Answers {"x": [...], "rtol": r, "method": m} with {"ms": time, "x": [...]}: 'scipy' runs solve_ivp (RK45) point by point, for the
first `points` of them; 'torch' runs batched code as torchdiffeq writes it, float64, one step size for the batch from the
RMS of all errors. {"info": 1} names the versions.
"""
import json, os, sys, time
import numpy as np, scipy, torch
from scipy.integrate import solve_ivp
torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
W = [0.5, 0.3, 0.2]; MU = [[1, 0.5], [-0.8, -1], [0.2, -0.6]]; SD = [0.25, 0.35, 0.2]
T0, T1 = 1e-3, 1.0


def level(t, lib):
    integral = 0.1 * t + 0.5 * 19.9 * t * t
    return 0.1 + 19.9 * t, np.exp(-0.5 * integral), np.sqrt(-np.expm1(-integral))


def drift_np(t, x):
    beta, a, s = level(t, np)
    mu, sd, w = np.array(MU), np.array(SD), np.array(W)
    var = a * a * sd**2 + s * s
    d = x[None, :] - a * mu
    log = np.log(w / var) - (d * d).sum(1) / (2 * var)
    r = np.exp(log - log.max()); r /= r.sum()
    return -0.5 * beta * (x - (r / var) @ d)


MU_T, SD_T, W_T = (torch.tensor(v, dtype=torch.float64) for v in (MU, SD, W))


def drift_torch(t, x):
    beta, a, s = level(t, np)
    var = a * a * SD_T**2 + s * s
    d = x[:, None, :] - a * MU_T
    r = torch.softmax(torch.log(W_T / var) - (d * d).sum(2) / (2 * var), 1)
    return -0.5 * beta * (x - torch.einsum("nk,nkd->nd", r / var, d))


C = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1]
A = [[], [1 / 5], [3 / 40, 9 / 40], [44 / 45, -56 / 15, 32 / 9], [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
     [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]]
B = [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84]
E = [-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40]


@torch.no_grad()
def dopri5(x, rtol, atol):
    t, h, calls = T1, 1e-3, 1
    k = [drift_torch(t, x)]
    while t > T0:
        h = min(h, t - T0)
        for i in range(1, 6):
            at = x - h * sum(a * kj for a, kj in zip(A[i], k) if a)
            k.append(drift_torch(t - C[i] * h, at))
        y = x - h * sum(b * kj for b, kj in zip(B, k) if b)
        end = T0 if h == t - T0 else t - h
        k.append(drift_torch(end, y)); calls += 6
        error = h * sum(e * kj for e, kj in zip(E, k) if e)
        scale = atol + rtol * torch.maximum(x.abs(), y.abs())
        norm = float((error / scale).pow(2).mean().sqrt())
        factor = min(10.0, max(0.2, 0.9 * norm ** -0.2)) if norm > 0 else 10.0
        if norm <= 1:
            t, x, k = end, y, [k[6]]
        else:
            k = [k[0]]; factor = min(1.0, factor)
        h *= factor
    return x, calls


for line in sys.stdin:
    request = json.loads(line)
    if "info" in request:
        print(json.dumps({"scipy": f"scipy {scipy.__version__} RK45", "torch": f"torch {torch.__version__}, batched dopri5"}), flush=True)
        continue
    x = np.array(request["x"], dtype=np.float64).reshape(-1, 2)
    rtol = atol = request["rtol"]
    start = time.perf_counter_ns()
    if request["method"] == "scipy":
        x = x[: request["points"]]
        start = time.perf_counter_ns()
        out = np.stack([solve_ivp(drift_np, (T1, T0), p, method="RK45", rtol=rtol, atol=atol).y[:, -1] for p in x])
        calls = 0
    else:
        start = time.perf_counter_ns()
        out, calls = dopri5(torch.tensor(x), rtol, atol)
        out = out.numpy()
    ms = (time.perf_counter_ns() - start) / 1e6
    print(json.dumps({"ms": ms, "calls": calls, "x": out.reshape(-1)[:64].tolist()}), flush=True)
