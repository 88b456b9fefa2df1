"""Embeddings of torchvision's, timm's and Keras's networks with weights that a formula gives, for tests/backbones.rs.

    python backbones.py > a.json; python backbones.py keras > b.json; python backbones.py onnx FILE > c.json

(joined in backbones.json). Needs torch, torchvision and timm; Keras on TensorFlow for `keras`; onnxruntime and the unpacked file
`mobilenet_v2_1.0_224.onnx` for `onnx`, the one network with the weights it was published with. No weights are downloaded: every number of an array follows from the
array's name and its place there, so that the tests can make the same.
"""

import json
import math
import sys

import numpy as np

MASK = (1 << 64) - 1


def fnv(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def uniform(name, n):
    """Numbers in [0, 1): splitmix64 of the name's hash and the place."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv(name)) + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def array(name, shape):
    u = uniform(name, math.prod(shape))
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        values = 0.5 + u
    elif len(shape) == 1:
        values = (u - 0.5) * 0.2
    else:
        values = (u - 0.5) * math.sqrt(6.0 / math.prod(shape[1:]))
    return values.astype(np.float32).reshape(shape)


def image(side):
    """Channels x height x width in 0..1, bytes by 255."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(side), np.arange(side), indexing="ij")
    return ((3 * y + 2 * x * (c + 1) + 5 * (x * y // 64)) % 256).astype(np.float32) / np.float32(255)


def fill(model):
    import torch

    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    model.load_state_dict({k: torch.from_numpy(array(k, tuple(v.shape))) for k, v in state.items()}, strict=False)
    return model.eval()


def scaled(x, mean, deviation):
    return (x - np.reshape(mean, (-1, 1, 1))) / np.reshape(deviation, (-1, 1, 1))


IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def torch_networks():
    import timm
    import torch
    import torchvision

    def run(model, side, scaling, f=lambda m, x: m(x)):
        x = torch.from_numpy(scaled(image(side), *scaling).astype(np.float32))[None]
        with torch.no_grad():
            return f(fill(model), x).double().numpy().ravel()

    def mean(m, x):
        return m(x).mean((2, 3))

    symmetric, lite = ([0.5], [0.5]), ([127 / 255], [128 / 255])
    tv = torchvision.models
    yield "mobilenet_v2_torchvision", 65, run(tv.mobilenet_v2(), 65, symmetric, lambda m, x: mean(m.features, x))
    yield "mobilenet_v2_timm", 64, run(timm.create_model("mobilenetv2_100", num_classes=0), 64, symmetric)
    yield "efficientnet_lite0_timm", 65, run(timm.create_model("tf_efficientnet_lite0", num_classes=0), 65, lite)
    yield "resnet_v2_timm", 64, run(timm.create_model("resnetv2_50", num_classes=0), 64, IMAGENET)
    yield "vgg16_torchvision", 64, run(tv.vgg16(), 64, IMAGENET, lambda m, x: mean(m.features, x))
    dense = torchvision.models.vgg16(num_classes=2)
    yield "vgg16_dense_torchvision", 64, run(
        dense, 64, IMAGENET, lambda m, x: m.classifier[:5](m.avgpool(m.features(x)).flatten(1))
    )
    small = dict(image_size=32, patch_size=8, num_layers=3, num_heads=4, hidden_dim=32, mlp_dim=64)
    vit = torchvision.models.VisionTransformer(**small)
    vit.heads = torch.nn.Identity()
    yield "vit_torchvision", 32, run(vit, 32, IMAGENET)
    vit = timm.models.VisionTransformer(
        img_size=32, patch_size=8, depth=3, num_heads=4, embed_dim=32, mlp_ratio=2, num_classes=0
    )
    yield "vit_timm", 32, run(vit, 32, IMAGENET)


def keras_networks():
    """Keras's variables get the arrays of timm's names, in the order of the network; biases are called as PyTorch would."""
    import keras

    def torch_shape(v):
        s = tuple(v.shape)
        return (s[3], s[2], s[0], s[1]) if len(s) == 4 else s

    def to_keras(a):
        return a.transpose(2, 3, 1, 0) if a.ndim == 4 else a

    norms = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    model = keras.applications.ResNet50V2(include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3))
    parts = {
        "preact_bn": "norm1",
        "0_conv": "downsample.conv",
        "1_conv": "conv1",
        "1_bn": "norm2",
        "2_conv": "conv2",
        "2_bn": "norm3",
        "3_conv": "conv3",
    }
    count = 0
    for layer in model.layers:
        for v in layer.variables:
            if layer.name == "conv1_conv":
                start = "stem.conv"
            elif layer.name == "post_bn":
                start = "norm"
            else:
                stage, block, part = layer.name.split("_", 2)
                start = f"stages.{int(stage[4:]) - 2}.blocks.{int(block[5:]) - 1}.{parts[part]}"
            kind = v.path.split("/")[-1]
            name = f"{start}.{norms.get(kind, 'weight' if kind == 'kernel' else kind)}"
            v.assign(to_keras(array(name, torch_shape(v))))
            count += math.prod(v.shape)
    x = scaled(image(64), [0.5], [0.5]).transpose(1, 2, 0)[None]
    yield "resnet_v2_keras", 64, np.ravel(model(x.astype(np.float32), training=False)).astype(np.float64)
    sys.stderr.write(f"ResNet50V2: {count} parameters\n")


def onnx_networks(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    pixels = np.rint(image(224) * 255).astype(np.uint8).transpose(1, 2, 0)[None]
    found = session.run(["MobilenetV2/Logits/AvgPool_prequant"], {"input": pixels})[0]
    yield "mobilenet_v2_onnx", 224, np.ravel(found).astype(np.float64)


def main():
    match sys.argv[1:]:
        case []:
            networks = torch_networks()
        case ["keras"]:
            networks = keras_networks()
        case ["onnx", path]:
            networks = onnx_networks(path)
    out = {}
    for name, side, values in networks:
        out[name] = {"side": side, "length": len(values), "every_16th": [float(f"{v:.8g}") for v in values[::16]]}
    json.dump(out, sys.stdout, indent=0)


main()
