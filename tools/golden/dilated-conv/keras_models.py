"""Models of Keras with causal and dilated convolutions: topology and weights as tfjs-layers reads them, Keras' outputs
before and after some steps of gradient descent, and the losses on the way.

  python keras_models.py ../../../packages/dilated-conv/test/keras

Keras 3 writes another JSON than tfjs-layers reads, so the topology is put into Keras 2's form here.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np

L = keras.layers
random = np.random.default_rng(7)


def tcn():
    """Residual blocks of causal dilated convolutions, then a strided causal one and a head."""
    x = y = L.Input((24, 3), name="series")
    for rate in (1, 2, 4):
        inner = L.Conv1D(6, 3, padding="causal", dilation_rate=rate, activation="relu", name=f"inner{rate}")(y)
        outer = L.Conv1D(6, 3, padding="causal", dilation_rate=rate, name=f"outer{rate}")(inner)
        past = y if y.shape[-1] == 6 else L.Conv1D(6, 1, name=f"match{rate}")(y)
        y = L.Activation("relu", name=f"block{rate}")(L.Add(name=f"add{rate}")([outer, past]))
    y = L.Conv1D(4, 4, strides=3, padding="causal", activation="tanh", name="thin")(y)
    y = L.Dense(2, name="head")(L.GlobalAveragePooling1D(name="mean")(y))
    return keras.Model(x, y)


def image():
    """2-D: dilated convolutions with and without activation, separable and depthwise dilated ones."""
    x = L.Input((10, 9, 2), name="image")
    y = L.Conv2D(5, 3, padding="same", dilation_rate=2, name="linear")(x)
    y = L.Conv2D(4, 3, padding="valid", dilation_rate=(1, 2), activation="relu", name="relu")(y)
    y = L.SeparableConv2D(4, 3, padding="same", dilation_rate=2, activation="tanh", name="separable")(y)
    y = L.DepthwiseConv2D(3, padding="same", dilation_rate=2, depth_multiplier=2, name="depthwise")(y)
    y = L.Dense(2, name="head")(L.GlobalAveragePooling2D(name="mean")(y))
    return keras.Model(x, y)


KEYS = {
    "InputLayer": ["batch_shape"],
    "Conv1D": ["filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"],
    "Conv2D": ["filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"],
    "SeparableConv2D": ["filters", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation", "use_bias"],
    "DepthwiseConv2D": ["kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation", "use_bias"],
    "Activation": ["activation"],
    "Add": [],
    "GlobalAveragePooling1D": [],
    "GlobalAveragePooling2D": [],
    "Dense": ["units", "activation", "use_bias"],
}


def topology(model):
    """The model in the form of Keras 2."""
    layers = []
    for layer in model.layers:
        kind = type(layer).__name__
        full = layer.get_config()
        config = {"name": layer.name, "trainable": True, "dtype": "float32"}
        config.update({key: full[key] for key in KEYS[kind]})
        if kind == "InputLayer":
            config = {"name": layer.name, "dtype": "float32", "batch_input_shape": config["batch_shape"], "sparse": False}
        parents = [tensor._keras_history.operation.name for tensor in (layer.input if isinstance(layer.input, list) else [layer.input])]
        inbound = [] if kind == "InputLayer" else [[[name, 0, 0, {}] for name in parents]]
        layers.append({"name": layer.name, "class_name": kind, "config": config, "inbound_nodes": inbound})
    ends = lambda tensors: [[tensor._keras_history.operation.name, 0, 0] for tensor in tensors]
    return {
        "class_name": "Functional",
        "config": {"name": model.name, "layers": layers, "input_layers": ends(model.inputs), "output_layers": ends(model.outputs)},
        "keras_version": "2.15.0",
        "backend": "tensorflow",
    }


def stored(array):
    return {"shape": list(array.shape), "data": [float(f"{value:.9g}") for value in np.float32(array).ravel().tolist()]}


def case(model, rate, steps):
    for weight in model.weights:
        fan = max(1, np.prod(weight.shape[:-1]))
        weight.assign(np.round(random.normal(0, 1 / np.sqrt(fan), weight.shape), 4))
    weights = [{"name": f"{layer.name}/{w.name}", **stored(w.numpy())} for layer in model.layers for w in layer.weights]
    x = np.float32(np.round(random.normal(size=(8, *model.inputs[0].shape[1:])), 3))
    target = np.float32(np.round(random.normal(size=(8, *model.outputs[0].shape[1:])), 3))
    before = model.predict(x, verbose=0)
    model.compile(keras.optimizers.SGD(rate), "mse")
    losses = [float(model.train_on_batch(x, target)) for _ in range(steps)]
    return {
        "source": f"keras {keras.__version__}, tensorflow {keras.backend.backend()}; tools/golden/dilated-conv/keras_models.py",
        "topology": topology(model), "weights": weights, "x": stored(x), "target": stored(target), "output": stored(before),
        "learningRate": rate, "losses": losses, "outputAfter": stored(model.predict(x, verbose=0)),
    }


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, model in (("tcn", tcn()), ("image", image())):
        with open(os.path.join(sys.argv[1], f"{name}.json"), "w") as file:
            json.dump(case(model, 0.05, 6), file)
