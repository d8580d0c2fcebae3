"""Verification and retrieval scores of scikit-learn and numpy. Answers each line of JSON on stdin with one on stdout:
{"load": file, "pairs": n, "rows": r} reads float64 scores [n], uint8 same [n] and float64 similarities [r, r];
{"run": name} does that work once and answers {"wall": ms, "value": the score}.
"""
import json
import sys
import time

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score, roc_curve

state = {}


def load(message):
    n, r = message["pairs"], message["rows"]
    raw = open(message["load"], "rb").read()
    state["scores"] = np.frombuffer(raw, np.float64, n)
    state["same"] = np.frombuffer(raw, np.uint8, n, 8 * n)
    state["matrix"] = np.frombuffer(raw, np.float64, r * r, 9 * n).reshape(r, r)
    state["labels"] = np.arange(r) % (r // 10)
    return {"numpy": np.__version__, "sklearn": sklearn.__version__}


def roc():
    fpr, tpr, _ = roc_curve(state["same"], state["scores"], drop_intermediate=False)
    fnr = 1 - tpr
    i = np.argmin(np.abs(fnr - fpr))
    return float(roc_auc_score(state["same"], state["scores"]) + (fpr[i] + fnr[i]) / 2)


def ten_fold():
    """The LFW protocol with every threshold evaluated on whole arrays."""
    distances, same = 2 - 2 * state["scores"], state["same"].astype(bool)
    thresholds = np.arange(0, 4, 0.01)
    folds = np.array_split(np.arange(len(same)), 10)
    right = np.empty((10, len(thresholds)))
    for k, threshold in enumerate(thresholds):
        correct = (distances < threshold) == same
        for f, fold in enumerate(folds):
            right[f, k] = np.count_nonzero(correct[fold[0]:fold[-1] + 1])
    accuracies = []
    for f, fold in enumerate(folds):
        best = np.argmax(right.sum(0) - right[f])
        accuracies.append(right[f, best] / len(fold))
    return float(np.mean(accuracies))


def retrieval():
    """MAP@R by a full stable sort of every row."""
    matrix, labels = state["matrix"].copy(), state["labels"]
    np.fill_diagonal(matrix, -np.inf)
    order = np.argsort(-matrix, axis=1, kind="stable")
    r = np.bincount(labels)[labels] - 1
    hits = labels[order[:, : r.max()]] == labels[:, None]
    hits &= np.arange(r.max()) < r[:, None]
    precision = np.cumsum(hits, 1) / np.arange(1, r.max() + 1)
    return float(np.mean((precision * hits).sum(1) / r))


work = {"roc": roc, "ten_fold": ten_fold, "retrieval": retrieval}
for line in sys.stdin:
    message = json.loads(line)
    if "load" in message:
        answer = load(message)
    else:
        start = time.perf_counter()
        value = work[message["run"]]()
        answer = {"wall": (time.perf_counter() - start) * 1e3, "value": value}
    print(json.dumps(answer), flush=True)
