"""Writes packages/seg-metrics/test/golden/mask-ap.json: random instance masks and what pycocotools' COCOeval gives for them.

Run from the repository root with the versions of requirements.txt beside this file.
"""

import contextlib
import copy
import io
import json
from importlib.metadata import version

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIZE = 160
rng = np.random.default_rng(5)


def ellipse(cy, cx, ry, rx):
    y, x = np.mgrid[:SIZE, :SIZE]
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1


def encode(mask):
    code = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": code["size"], "counts": code["counts"].decode()}


targets, detections = [], []
for image in range(1, 7):
    for category in (1, 2, 5):
        for _ in range(rng.integers(0, 4)):
            cy, cx = rng.uniform(10, SIZE - 10, 2)
            ry, rx = rng.uniform(4, 70, 2)
            mask = ellipse(cy, cx, ry, rx)
            targets.append(
                {
                    "id": len(targets) + 1,
                    "image_id": image,
                    "category_id": category,
                    "iscrowd": int(rng.random() < 0.15),
                    "area": int(mask.sum()),
                    "segmentation": encode(mask),
                }
            )
            for _ in range(rng.integers(0, 3)):
                moved = ellipse(
                    cy + rng.normal(0, ry / 12),
                    cx + rng.normal(0, rx / 12),
                    ry * rng.uniform(0.8, 1.2),
                    rx * rng.uniform(0.8, 1.2),
                )
                if moved.any():
                    # One decimal, so that scores tie.
                    detections.append([image, category, round(float(rng.random()), 1), encode(moved)])
        if rng.random() < 0.5:
            invented = ellipse(*rng.uniform(20, SIZE - 20, 2), *rng.uniform(3, 40, 2))
            detections.append([image, category, round(float(rng.random()), 1), encode(invented)])

data = COCO()
data.dataset = {
    "images": [{"id": i, "height": SIZE, "width": SIZE} for i in range(1, 7)],
    "categories": [{"id": c, "name": str(c)} for c in (1, 2, 5)],
    "annotations": targets,
}
results = [dict(zip(("image_id", "category_id", "score", "segmentation"), d)) for d in detections]
with contextlib.redirect_stdout(io.StringIO()):
    data.createIndex()
    run = COCOeval(data, data.loadRes(copy.deepcopy(results)), "segm")
    run.evaluate()
    run.accumulate()
    run.summarize()
    limited = COCOeval(data, data.loadRes(copy.deepcopy(results)), "segm")
    limited.params.maxDets = [1, 1, 1]
    limited.evaluate()
    limited.accumulate()

precision = run.eval["precision"]
keys = ("ap", "ap50", "ap75", "apSmall", "apMedium", "apLarge")
document = {
    "source": f"pycocotools {version('pycocotools')}, numpy {version('numpy')}",
    "targets": [
        {k: t[k] for k in ("image_id", "category_id", "iscrowd", "area", "segmentation")} for t in targets
    ],
    "detections": results,
    "expected": {
        **dict(zip(keys, map(float, run.stats[:6]))),
        "ar": float(run.stats[8]),
        "perCategory": {
            str(c): float(precision[:, :, k, 0, 2].mean()) for k, c in enumerate((1, 2, 5))
        },
        "apOneDetection": float(limited.eval["precision"][:, :, :, 0, 0].mean()),
        "arOneDetection": float(limited.eval["recall"][:, :, 0, 0].mean()),
    },
}
with open("packages/seg-metrics/test/golden/mask-ap.json", "w") as file:
    json.dump(document, file, indent=1)
    file.write("\n")
print(document["expected"], len(targets), len(detections))
