"""Safetensors files written by the Python library, and files of ours read back by it.

  python safetensors_files.py write ../../../packages/core/test/golden/safetensors
  python safetensors_files.py verify FOLDER   # files that write.ts wrote

expected.json names, for each file, dtype, shape and values; floats are the bits of their float32 or float64.
"""
import json
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors
from safetensors import SafetensorError, TensorSpec, deserialize, safe_open, serialize

NUMPY = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "I16": np.int16, "U16": np.uint16, "F16": np.float16,
    "BF16": ml_dtypes.bfloat16, "I32": np.int32, "U32": np.uint32, "F32": np.float32, "F64": np.float64,
    "I64": np.int64, "U64": np.uint64,
}
SPEC = {"F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "BF16": "bfloat16", "BOOL": "bool"}
SMALL = ("F16", "BF16", "F8_E5M2", "F8_E4M3")
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 448.0, 464.0, 465.0, 1e-3, 65504.0, 65519.9, 65520.0, 57344.0, 61440.0, 3.4e38, 1e-40,
          2.0**-24, 2.0**-25, 2.0**-9, 2.0**-10, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-9, float("inf"), float("-inf"), float("nan")]


def arrays():
    rng = np.random.default_rng(1)
    out = {}
    for dtype, kind in NUMPY.items():
        if dtype == "BOOL":
            values = np.array([True, False, True])
        elif np.issubdtype(kind, np.integer):
            info = np.iinfo(kind)
            values = np.array([info.min, info.max, 0, 1, 42], kind)
        else:
            with np.errstate(all="ignore"):
                values = np.array([*FLOATS, *rng.normal(0, 10, 37)], np.float32).astype(kind)
        if dtype == "F8_E4M3":
            values = values[values.view(np.uint8) != 0xFF]  # -infinity becomes a NaN with a sign, which float32 in JavaScript loses
        out[dtype] = values
    return out


def pack(tensors, metadata=None):
    keep, specs = [], {}
    for name, (dtype, array) in tensors.items():
        array = np.ascontiguousarray(array).reshape(array.shape)
        keep.append(array)
        specs[name] = TensorSpec(
            dtype=SPEC.get(dtype, array.dtype.name), shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes
        )
    return bytes(serialize(specs, metadata=metadata))


def values(dtype, array):
    """As the typed array that toTypedArray gives: floats by their bits, 64-bit integers as text."""
    flat = array.ravel()
    if dtype in SMALL:
        flat = flat.astype(np.float32)
    if flat.dtype == np.float32:
        return [None if np.isnan(x) else int(b) for x, b in zip(flat, flat.view(np.uint32))]
    if flat.dtype == np.float64:
        return [None if np.isnan(x) else str(b) for x, b in zip(flat, flat.view(np.uint64))]
    if flat.dtype.itemsize == 8:
        return [str(x) for x in flat]
    return [int(x) for x in flat]


def files():
    every = arrays()
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    return {
        "dtypes": ({name.lower(): (name, array) for name, array in every.items()}, {"made by": "safetensors"}),
        "shapes": ({"scalar": ("F32", np.array(1.5, np.float32)), "empty": ("F32", np.zeros((0, 3), np.float32)),
                    "matrix": ("F32", one), "bytes": ("U8", np.arange(3, dtype=np.uint8)),
                    "half": ("F16", np.array([1, 2, 3], np.float16)), "deep": ("I16", np.arange(8, dtype=np.int16).reshape(1, 2, 1, 2, 2, 1))}, None),
        "names": ({"__proto__": ("F32", one), "constructor": ("F32", one + 1), 'quote " \\ \n': ("F32", one + 2), "é": ("F32", one + 3),
                   "\U0001f600": ("F32", one + 4), "\uffee": ("F32", one + 5), "": ("F32", one + 6)}, {"__proto__": "text é"}),
        "empty": ({}, None),
        "metadata": ({}, {"format": "pt", "note": "two lines\nand a quote \"", "empty": ""}),
    }


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    expected = {"source": f"safetensors {safetensors.__version__}, ml_dtypes {ml_dtypes.__version__}; tools/golden/core/safetensors_files.py", "files": {}}
    for name, (tensors, metadata) in files().items():
        (folder / f"{name}.safetensors").write_bytes(pack(tensors, metadata))
        expected["files"][name] = {
            "metadata": metadata,
            "tensors": {key: {"dtype": dtype, "shape": list(array.shape), "values": values(dtype, array)} for key, (dtype, array) in tensors.items()},
        }
    rng = np.random.default_rng(2)
    with np.errstate(all="ignore"):
        exponents = rng.uniform(-30, 20, 400)
        numbers = np.array([*FLOATS, *(rng.choice([-1, 1], 400) * 2.0**exponents)], np.float32)
        expected["rounding"] = {"values": values("F32", numbers)} | {
            dtype: [None if np.isnan(x.astype(np.float32)) else int(code) for x, code in zip(numbers.astype(NUMPY[dtype]), numbers.astype(NUMPY[dtype]).view(np.uint16 if "16" in dtype else np.uint8))]
            for dtype in SMALL
        }
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=True).replace('"files"', '\n"files"').replace('"rounding"', '\n"rounding"') + "\n")


def verify(folder):
    for name, (tensors, metadata) in files().items():
        path = folder / f"{name}.safetensors"
        read = dict(deserialize(path.read_bytes()))
        assert read.keys() == tensors.keys(), (name, read.keys())
        for key, (dtype, array) in tensors.items():
            info = read[key]
            assert info["dtype"] == dtype and info["shape"] == list(array.shape), (name, key, info)
            got = np.frombuffer(bytes(info["data"]), NUMPY[dtype]).reshape(array.shape)
            assert values(dtype, got) == values(dtype, array), (name, key)
        with safe_open(path, framework="np") as opened:
            assert (opened.metadata() or None) == metadata, (name, opened.metadata())
        print(f"{name}: {len(tensors)} tensors, same as written here" + (", byte for byte" if path.read_bytes() == pack(tensors, metadata) else ""))
    for path in sorted(folder.glob("malformed-*.safetensors")):
        try:
            deserialize(path.read_bytes())
            print(f"{path.name}: accepted by Python")
        except SafetensorError as error:
            print(f"{path.name}: refused by Python: {str(error)[:90]}")


if __name__ == "__main__":
    command, folder = sys.argv[1:]
    {"write": write, "verify": verify}[command](Path(folder))
