"""One step at a time of a sampler, model excluded, for the benchmark of diffusion-samplers.

Answers each line of JSON {"sampler": name, "shape": [...], "steps": N} with {"ms": time of N steps}. With diffusers
installed its schedulers are timed; without, the same steps written as torch operations on the whole state, one call for
each product and sum, coefficients from float32 tensors, which is how its schedulers work. {"info": 1} says which.
"""
import json, os, sys, time, warnings
warnings.filterwarnings("ignore")
import torch
torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))
try:
    import diffusers
    KIND = f"diffusers {diffusers.__version__}"
except ImportError:
    diffusers = None
    KIND = f"torch {torch.__version__}, plain operations"
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
AB = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)


class Torch:
    """Steps of DDIM, Euler, DPM++ 2M, UniPC-2 (bh2) and Heun as tensor operations."""
    def __init__(self, name, steps):
        ts = torch.linspace(999, 0, steps).long()
        self.a, self.s = AB[ts].sqrt(), (1 - AB[ts]).sqrt()
        self.a = torch.cat([self.a, torch.ones(1)]); self.s = torch.cat([self.s, torch.zeros(1) + 1e-4])
        self.lam = torch.log(self.a) - torch.log(self.s)
        self.sig = self.s / self.a
        self.name, self.m, self.last, self.n = name, [], None, steps

    def step(self, i, e, x):
        a, s, a2, s2 = self.a[i], self.s[i], self.a[i + 1], self.s[i + 1]
        if self.name == "ddim":
            x0 = (x - s * e) / a
            return a2 * x0 + (1 - a2**2) ** 0.5 * e
        if self.name == "euler":
            x0 = x - self.sig[i] * e
            d = (x - x0) / self.sig[i]
            return x + d * (self.sig[i + 1] - self.sig[i])
        if self.name == "heun":
            x0 = x - self.sig[i] * e
            d = (x - x0) / self.sig[i]
            if self.last is None:
                self.last = (d, x)
                return x + d * (self.sig[i + 1] - self.sig[i])
            d1, start = self.last
            self.last = None
            return start + (d1 + d) / 2 * (self.sig[i + 1] - self.sig[i])
        x0 = (x - s * e) / a
        h = self.lam[i + 1] - self.lam[i]
        if self.name == "dpmpp_2m":
            self.m = [x0] + self.m[:1]
            if len(self.m) == 1:
                return (s2 / s) * x - a2 * (torch.exp(-h) - 1.0) * x0
            r0 = (self.lam[i] - self.lam[i - 1]) / h
            d1 = (1.0 / r0) * (self.m[0] - self.m[1])
            return (s2 / s) * x - a2 * (torch.exp(-h) - 1.0) * self.m[0] - 0.5 * (a2 * (torch.exp(-h) - 1.0)) * d1
        return self.unipc(i, x0, x, h)

    def bh(self, i, h, rks):
        hh = -h
        phi1 = torch.expm1(hh)
        phi, fact, R, b = phi1 / hh - 1, 1, [], []
        rks = torch.tensor(rks)
        for k in range(1, len(rks) + 1):
            R.append(torch.pow(rks, k - 1)); b.append(phi * fact / phi1)
            fact *= k + 1
            phi = phi / hh - 1 / fact
        return phi1, torch.stack(R), torch.stack(b)

    def unipc(self, i, x0, x, h):
        if self.last is not None:
            start, j = self.last
            hp = self.lam[i] - self.lam[j]
            rks = [float((self.lam[j - 1] - self.lam[j]) / hp), 1.0] if len(self.m) > 1 else [1.0]
            phi1, R, b = self.bh(j, hp, rks)
            rho = torch.linalg.solve(R, b) if len(rks) > 1 else torch.tensor([0.5])
            base = self.s[i] / self.s[j] * start - self.a[i] * phi1 * self.m[0]
            res = 0
            if len(rks) > 1:
                res = torch.einsum("k,bkc...->bc...", rho[:-1], torch.stack([(self.m[1] - self.m[0]) / rks[0]], dim=1))
            x = base - self.a[i] * phi1 * (res + rho[-1] * (x0 - self.m[0]))
        self.m = [x0] + self.m[:1]
        self.last = (x, i)
        phi1 = torch.expm1(-h)
        base = self.s[i + 1] / self.s[i] * x - self.a[i + 1] * phi1 * x0
        if len(self.m) == 1:
            return base
        rk = (self.lam[i - 1] - self.lam[i]) / h
        d = torch.stack([(self.m[1] - self.m[0]) / rk], dim=1)
        return base - self.a[i + 1] * phi1 * torch.einsum("k,bkc...->bc...", torch.tensor([0.5]), d)


CLASSES = dict(ddim="DDIMScheduler", euler="EulerDiscreteScheduler", dpmpp_2m="DPMSolverMultistepScheduler",
               unipc="UniPCMultistepScheduler", heun="HeunDiscreteScheduler")


@torch.no_grad()
def run(name, shape, steps):
    g = torch.Generator().manual_seed(0)
    e, x = torch.randn(shape, generator=g), torch.randn(shape, generator=g)
    total = 0
    if diffusers:
        s = getattr(diffusers, CLASSES[name])(**SD, **({"clip_sample": False} if name == "ddim" else {}))
        s.set_timesteps(steps)
        for t in s.timesteps:
            s.scale_model_input(x, t)
            start = time.perf_counter_ns()
            x = s.step(e, t, x, return_dict=False)[0]
            total += time.perf_counter_ns() - start
        calls = len(s.timesteps)
    else:
        s, calls = Torch(name, steps), steps
        for i in range(steps):
            start = time.perf_counter_ns()
            x = s.step(i, e, x)
            total += time.perf_counter_ns() - start
    return total / 1e6, calls


for line in sys.stdin:
    request = json.loads(line)
    if "info" in request:
        print(json.dumps({"peer": KIND}), flush=True)
        continue
    ms, calls = run(request["sampler"], request["shape"], request["steps"])
    print(json.dumps({"ms": ms, "calls": calls}), flush=True)
