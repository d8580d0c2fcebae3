"""The golden table of core's random numbers, from jax.random.

  python random_table.py table ../../../packages/core/test/golden/random.json
  python random_table.py compare normals.f32   # all 2^23 normals, written by ../../../tools/golden/core/write.ts

Floats are written as the 32 bits they have. Arrays above 64 elements are given by the SHA-256 of their bytes.
"""
import hashlib
import json
import sys

import jax
import numpy as np
from jax._src.lax import special

jax.config.update("jax_threefry_partitionable", True)
R = jax.random


def words(array):
    array = np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    flat = array.ravel()
    if flat.size > 64:
        return {"count": flat.size, "sha256": hashlib.sha256(flat.tobytes()).hexdigest()}
    return (flat.view(np.uint32) if flat.dtype == np.float32 else flat).tolist()


def data(key):
    return np.asarray(R.key_data(key)).tolist()


def table():
    key = R.key(42)
    shapes = [[], [0], [1], [2], [7], [3, 5], [64], [2, 0, 3], [1001], [65537], [257, 1024]]
    uniforms = [
        (0, 1, [9]), (-1, 1, [64]), (0, 3, [9]), (-0.3, 1.9, [64]), (3.1, 1000.7, [64]), (-5, 5, [65537]),
        # Sums that lie midway between two float32 numbers before the small term is added.
        (1e-30, 3, [65537]), (-1e-30, 3, [65537]), (1e-20, 7, [65537]), (0.001, 7e5, [65537]),
        (-1e30, 3e30, [64]), (2.5, 2.5, [3]),
    ]
    integers = [(0, 10), (-5, 6), (0, 1), (0, 65536), (0, 65537), (0, 100003), (0, 2**31 - 1), (-(2**31), 2**31 - 1), (-(2**31), 2**31), (7, 2**31)]
    with jax.enable_x64(True):
        wide = [-1, -2, -(2**31), -(2**40), 2**32, 2**32 + 5, 2**40 + 5, 2**53 - 1, -(2**53) + 1, 2**63 - 1, -(2**63)]
        seeds64 = [{"seed": str(s), "key": data(R.key(s))} for s in wide]
        seeds64 += [{"seed": str(s), "key": data(R.key(np.uint64(s)))} for s in (2**63, 2**64 - 1)]
    return {
        "source": f"jax {jax.__version__} on CPU, jax_threefry_partitionable=True; tools/golden/core/random_table.py",
        "seeds": [{"seed": str(s), "key": data(R.key(s))} for s in (0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1)],
        "seedsWithX64": seeds64,
        "splits": [
            {"seed": s, "count": n, "keys": words(R.key_data(R.split(R.key(s), n)))}
            for s, n in ((0, 1), (0, 2), (42, 3), (42, 5), (7, 32), (7, 70001))
        ],
        "foldIns": [
            {"seed": s, "data": d, "key": data(R.fold_in(R.key(s), d))}
            for s, d in ((0, 0), (0, 1), (42, 7), (42, 65537), (7, 2**31), (7, 2**32 - 1))
        ],
        "chain": data(R.fold_in(R.split(R.fold_in(R.split(R.key(3), 4)[2], 9))[1], 1)),
        "bits": [{"seed": s, "shape": n, "words": words(R.bits(R.key(s), n))} for s in (0, 42) for n in shapes],
        "uniform": [
            {"seed": 42, "min": a, "max": b, "shape": n, "words": words(R.uniform(key, n, minval=a, maxval=b))}
            for a, b, n in uniforms
        ],
        "normal": [{"seed": s, "shape": [60], "words": words(R.normal(R.key(s), [60]))} for s in range(40)],
        "normalOfIndex": normals_by_index(),
        "randint": [
            {"seed": 42, "shape": n, "min": a, "max": b, "words": words(R.randint(key, n, a, np.uint32(b) if b == 2**31 else b))}
            for a, b in integers
            for n in ([11], [1001])
        ],
        "bernoulli": [
            {"seed": 42, "shape": [50], "probability": p, "words": words(R.bernoulli(key, p, [50]))}
            for p in (0.0, 0.1, 0.5, 0.9, 1.0)
        ],
        "permutation": [
            {"seed": 42, "count": n, "words": words(R.permutation(key, n).astype(np.uint32))}
            for n in (0, 1, 2, 10, 60, 1000, 1625, 1626, 70000)
        ],
    }


def all_normals():
    """jax.random.normal for each of the 2^23 mantissas: [index] -> float32."""
    index = np.arange(2**23, dtype=np.uint32)
    low = np.nextafter(np.float32(-1), np.float32(0))
    floats = (index | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)
    u = np.maximum(low, floats * (np.float32(1) - low) + low)
    z = np.asarray(jax.jit(lambda u: np.float32(np.sqrt(2)) * special.erf_inv(u))(u))
    sample = R.key(7)
    drawn = np.asarray(R.bits(sample, (10**6,))) >> 9
    assert (z[drawn] == np.asarray(R.normal(sample, (10**6,)))).all(), "the table is not what jax.random.normal draws"
    return z


def normals_by_index():
    """Both tails, the seams of the approximations, and every 8191st."""
    z = all_normals()
    seams = [int((s * 0.85 + 1) * 2**22) for s in (-1, 1)] + [int((s * 0.99663 + 1) * 2**22) for s in (-1, 1)]
    near = [i for seam in [*seams, 2**22] for i in range(seam - 20, seam + 20)]
    index = sorted({*range(150), *range(2**23 - 150, 2**23), *near, *range(0, 2**23, 8191)})
    return {"index": index, "words": z[index].view(np.uint32).tolist()}


def compare(path):
    ours, theirs = np.fromfile(path, np.float32), all_normals()
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    ulps = np.abs(ours.view(np.int32).astype(np.int64) - theirs.view(np.int32))
    counts = np.bincount(ulps)
    print(f"units in the last place off, of {len(ulps)} normals: {dict(enumerate(counts.tolist()))}")
    sys.exit(0 if len(counts) <= 5 else 1)


if __name__ == "__main__":
    command, path = sys.argv[1:]
    if command == "table":
        with open(path, "w") as file:
            body = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table().items())
            file.write(f"{{\n{body}\n}}\n")
    else:
        {"compare": compare}[command](path)
