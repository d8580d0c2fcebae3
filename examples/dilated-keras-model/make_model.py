"""Trains a small DeepLab-like network in Keras and writes model.json and weights.bin as tfjs-layers reads them.

usage: python make_model.py model
requires: keras==3.15.1 jax==0.10.2 numpy==2.4.6 (two minutes on one core; the files that are here were made so)

The network follows Chen et al., Rethinking Atrous Convolution, 2017 (arXiv:1706.05587): a strided stem, dilated
convolutions in place of more striding, parallel branches of several rates with the mean of the image, bilinear upsampling.
Keras 3 writes another JSON than tfjs-layers reads, so the topology is put into Keras 2's form here.
"""
import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

keras.utils.set_random_seed(7)
L = keras.layers
SIZE = 32


def conv(x, filters, size, name, rate=1, strides=1, activation="relu"):
    return L.Conv2D(filters, size, strides=strides, padding="same", dilation_rate=rate, activation=activation, name=name)(x)


def deeplab(classes=3):
    image = L.Input((SIZE, SIZE, 1), name="image")
    x = conv(image, 16, 3, "stem", strides=2)
    x = conv(x, 16, 3, "body1")
    x = conv(x, 16, 3, "body2", rate=2)
    x = conv(x, 16, 3, "body4", rate=4)
    mean = L.Reshape((1, 1, 16), name="one_pixel")(L.GlobalAveragePooling2D(name="pool")(x))
    mean = L.UpSampling2D(SIZE // 2, name="spread")(conv(mean, 8, 1, "branch_mean"))
    branches = [conv(x, 8, 1, "branch1"), conv(x, 8, 3, "branch2", rate=2), conv(x, 8, 3, "branch4", rate=4), mean]
    x = conv(L.Concatenate(name="branches")(branches), 16, 1, "project")
    x = conv(x, classes, 1, "logits", activation="linear")
    x = L.UpSampling2D(2, interpolation="bilinear", name="upsample")(x)
    return keras.Model(image, L.Softmax(name="classes")(x), name="deeplab")


def scenes(count, random):
    """Bright discs (class 1) and squares (class 2) on a dark, slightly noisy ground (class 0)."""
    images = random.normal(0.1, 0.05, (count, SIZE, SIZE, 1)).astype(np.float32)
    labels = np.zeros((count, SIZE, SIZE), np.int32)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    for image, label in zip(images, labels):
        for _ in range(2):
            kind = random.integers(1, 3)
            radius = random.integers(4, 8)
            y, x = random.integers(6, SIZE - 6, 2)
            dy, dx = rows - y, columns - x
            inside = dy**2 + dx**2 <= radius**2 if kind == 1 else np.maximum(abs(dy), abs(dx)) <= radius * 0.85
            image[inside, 0] = random.uniform(0.6, 1) + random.normal(0, 0.05, inside.sum())
            label[inside] = kind
    return images, labels


KEYS = {
    "Conv2D": ["filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"],
    "GlobalAveragePooling2D": [],
    "Reshape": ["target_shape"],
    "UpSampling2D": ["size", "interpolation"],
    "Concatenate": ["axis"],
    "Softmax": ["axis"],
}


def topology(model):
    layers = []
    for layer in model.layers:
        kind = type(layer).__name__
        config = {"name": layer.name, "dtype": "float32"}
        if kind == "InputLayer":
            config.update(batch_input_shape=layer.get_config()["batch_shape"], sparse=False)
        else:
            config.update({key: layer.get_config()[key] for key in KEYS[kind]}, trainable=True)
        parents = layer.input if isinstance(layer.input, list) else [layer.input]
        inbound = [] if kind == "InputLayer" else [[[t._keras_history.operation.name, 0, 0, {}] for t in parents]]
        layers.append({"name": layer.name, "class_name": kind, "config": config, "inbound_nodes": inbound})
    ends = lambda tensors: [[tensor._keras_history.operation.name, 0, 0] for tensor in tensors]
    config = {"name": model.name, "layers": layers, "input_layers": ends(model.inputs), "output_layers": ends(model.outputs)}
    return {"class_name": "Functional", "config": config, "keras_version": "2.15.0", "backend": "tensorflow"}


def write(model, folder):
    os.makedirs(folder, exist_ok=True)
    weights = [(f"{layer.name}/{w.name}", keras.ops.convert_to_numpy(w)) for layer in model.layers for w in layer.weights]
    specs = [{"name": name, "shape": list(value.shape), "dtype": "float32"} for name, value in weights]
    manifest = {
        "format": "layers-model", "generatedBy": f"keras {keras.__version__}, make_model.py", "convertedBy": None,
        "modelTopology": topology(model), "weightsManifest": [{"paths": ["weights.bin"], "weights": specs}],
    }
    with open(os.path.join(folder, "model.json"), "w") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, "weights.bin"), "wb") as file:
        for _, value in weights:
            file.write(np.ascontiguousarray(value, np.float32).tobytes())


if __name__ == "__main__":
    random = np.random.default_rng(7)
    model = deeplab()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*scenes(1500, random), batch_size=32, epochs=8, verbose=2)
    model.evaluate(*scenes(200, random), verbose=2)
    write(model, sys.argv[1])
