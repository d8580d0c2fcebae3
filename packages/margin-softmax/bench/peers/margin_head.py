"""ArcFace head, 64 x 128 embeddings, forward + backward in PyTorch on the CPU: `margin_head.py pml | plain | exact <numClasses>`.
  pml    pytorch-metric-learning's ArcFaceLoss
  plain  normalize, linear, clamp, margin on the target column outside the tape, scale, cross entropy (insightface's way)
  exact  the same with the gradient of cos(theta + m) on the target entries
Answers each line on stdin with {wall, cpu, loss, extra}: milliseconds, the loss, and the peak of memory in MB beyond what
the process held before the first step (weights and embeddings in place, the weight gradient counted).
`margin_head.py info` prints versions. `angles <json>` and `loss <file>` are the demonstrations of bench/head.ts."""
import json, math, os, sys, time
import torch
import torch.nn.functional as F

N, D, S, M = 64, 128, 64.0, 0.5
torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))


def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def create(case, C):
    torch.manual_seed(0)
    x = torch.randn(N, D, requires_grad=True)
    y = torch.randint(0, C, (N,))
    rows = torch.arange(N)
    if case == "pml":
        from pytorch_metric_learning.losses import ArcFaceLoss
        head = ArcFaceLoss(num_classes=C, embedding_size=D, margin=math.degrees(M), scale=S)
        return x, head.W, lambda: head(x, y)
    W = torch.nn.Parameter(torch.empty(C, D).normal_(std=0.01))

    def loss():
        cos = F.linear(F.normalize(x), F.normalize(W)).clamp(-1, 1)
        if case == "plain":
            with torch.no_grad():
                cos[rows, y] = torch.cos(torch.acos(cos[rows, y]) + M)
            z = cos * S
        else:
            t = cos[rows, y].clamp(-1 + 1e-6, 1 - 1e-6)
            z = cos.index_put((rows, y), torch.cos(torch.acos(t) + M)) * S
        return F.cross_entropy(z, y)
    return x, W, loss


def serve(case, C):
    x, W, loss = create(case, 300)
    loss().backward()
    x, W, loss = create(case, C)
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass
    base = status("VmRSS")
    for _ in sys.stdin:
        x.grad = W.grad = None
        start, cpu = time.perf_counter(), time.process_time()
        value = loss()
        value.backward()
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(json.dumps({"wall": 1e3 * wall, "cpu": 1e3 * cpu, "loss": float(value.detach()), "extra": status("VmHWM") - base}), flush=True)


def angles(values):
    """Largest gradient of pml's ArcFace by an embedding at each angle to its class centre; 'NaN' where it is none."""
    from pytorch_metric_learning.losses import ArcFaceLoss
    head = ArcFaceLoss(num_classes=2, embedding_size=3, margin=math.degrees(M), scale=16.0)
    found = []
    for x in values:
        with torch.no_grad():
            head.W.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).T if head.W.shape == (3, 2) else torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
        e = torch.tensor([x], dtype=torch.float32, requires_grad=True)
        head(e, torch.tensor([0])).backward()
        g = e.grad.abs().max()
        found.append(None if torch.isnan(g) else float(g))
    print(json.dumps(found))


def insightface_loss(path):
    """The loss of insightface's ArcFace on a saved head: logits from `weight`, margin on the target column."""
    from safetensors.torch import load_file
    tensors = load_file(path)
    cos = F.linear(F.normalize(tensors["embeddings"].double()), F.normalize(tensors["weight"].double()))
    y = tensors["labels"].long()
    rows = torch.arange(len(y))
    cos[rows, y] = torch.cos(torch.acos(cos[rows, y]) + M)
    print(json.dumps(float(F.cross_entropy(cos * S, y))))


if sys.argv[1] == "info":
    import pytorch_metric_learning
    print(json.dumps({"torch": torch.__version__.split("+")[0], "pml": pytorch_metric_learning.__version__}))
elif sys.argv[1] == "angles":
    angles(json.loads(sys.argv[2]))
elif sys.argv[1] == "loss":
    insightface_loss(sys.argv[2])
else:
    serve(sys.argv[1], int(sys.argv[2]))
