"""EfficientNet-Lite in Keras, with weights from PyTorch state dicts.

EfficientNet [1]_ for devices without fast sigmoids: ReLU6 instead of swish, no squeeze-and-excite,
a stem of 32 and a head of 1280 channels whatever the width, and the first and last group of blocks
never deepened [2]_.

References
----------
.. [1] M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
   Networks", ICML 2019, Table 1 and Section 3.3.
.. [2] R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow Blog, 2020.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.quiet import import_tensorflow

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
N_IMAGENET_CLASSES = 1000


class _Blocks(NamedTuple):
    """Stages 2 to 8 of Table 1 in [1]_: MBConv blocks, of which only the first may stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


BASELINE = (
    _Blocks(1, 3, 1, 1, 16),
    _Blocks(2, 3, 2, 6, 24),
    _Blocks(2, 5, 2, 6, 40),
    _Blocks(3, 3, 2, 6, 80),
    _Blocks(3, 5, 1, 6, 112),
    _Blocks(4, 5, 2, 6, 192),
    _Blocks(1, 3, 1, 6, 320),
)


def efficientnet_lite(image: Any, width: float, depth: float, *, include_top: bool = False) -> Any:
    """Apply an EfficientNet-Lite with random weights to a Keras tensor.

    Parameters
    ----------
    image
        Keras tensor (n, rows, columns, 3) of preprocessed pixels, ``(RGB - 127) / 128``.
    width, depth
        Multipliers of the channels and of the number of blocks.
    include_top
        Go on from the embedding to the logits of the 1000 ImageNet classes.

    Returns
    -------
    Keras tensor
        The embedding (n, 1280), the spatial mean of the head, or the logits (n, 1000). The layers
        on the way are named by :func:`layer_name` after the modules of the PyTorch network.
    """
    x = _conv(image, "_conv_stem", STEM_CHANNELS, kernel=3, stride=2)
    x = _relu6(_batch_norm(x, "_bn0"))
    for number, block in enumerate(_scaled_blocks(width, depth)):
        x = _mbconv(x, f"_blocks.{number}", block)
    x = _conv(x, "_conv_head", HEAD_CHANNELS)
    x = _relu6(_batch_norm(x, "_bn1"))
    x = _layers().GlobalAveragePooling2D()(x)
    return _layers().Dense(N_IMAGENET_CLASSES, name=layer_name("_fc"))(x) if include_top else x


def layer_name(path: str) -> str:
    """Name the Keras layer of a PyTorch module; a leading underscore would break LiteRT's export.

    >>> layer_name("_blocks.2._expand_conv")
    'blocks_2_expand_conv'
    """
    return re.sub(r"[._]+", "_", path).strip("_")


def load_state_dict(model: Any, state: Mapping[str, NDArray[Any]]) -> None:
    """Set all weights of a model made with :func:`efficientnet_lite` from a PyTorch state dict.

    Raises
    ------
    ValueError
        If a layer of the model is not in the state dict or has another shape there.
    """
    paths = {layer_name(path): path for path in (key.rpartition(".")[0] for key in state)}
    for layer in model.layers:
        if layer.weights and layer.name not in paths:
            raise ValueError(f"the state dict has no weights for layer {layer.name}")
        if layer.weights:
            layer.set_weights(_keras_weights(layer, paths[layer.name], state))


def _keras_weights(layer: Any, path: str, state: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    layers = _layers()
    weight = state[f"{path}.weight"]
    if isinstance(layer, layers.BatchNormalization):
        others = ("bias", "running_mean", "running_var")
        return [weight, *(state[f"{path}.{name}"] for name in others)]
    if isinstance(layer, layers.Dense):
        return [weight.T, state[f"{path}.bias"]]
    # PyTorch: (out, in / groups, row, column). Keras: (row, column, in, out or multiplier).
    to_front = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [np.transpose(weight, to_front)]


def _scaled_blocks(width: float, depth: float) -> Iterator[_Blocks]:
    """Yield every block of the network, one at a time; channels are multiples of 8."""
    for blocks in BASELINE:
        scale = 1.0 if blocks in {BASELINE[0], BASELINE[-1]} else depth
        channels = blocks.channels * width
        nearest = max(8, int(channels + 4) // 8 * 8)
        if nearest < 0.9 * channels:  # never more than 10 % below
            nearest += 8
        block = blocks._replace(repeats=1, channels=nearest)
        yield block
        for _ in range(math.ceil(blocks.repeats * scale) - 1):
            yield block._replace(stride=1)


def _mbconv(image: Any, path: str, block: _Blocks) -> Any:
    channels = image.shape[-1]
    x = image
    if block.expansion != 1:
        x = _conv(x, f"{path}._expand_conv", channels * block.expansion)
        x = _relu6(_batch_norm(x, f"{path}._bn0"))
    x = _layers().DepthwiseConv2D(
        block.kernel,
        block.stride,
        padding="same",
        use_bias=False,
        name=layer_name(f"{path}._depthwise_conv"),
    )(x)
    x = _relu6(_batch_norm(x, f"{path}._bn1"))
    x = _conv(x, f"{path}._project_conv", block.channels)
    x = _batch_norm(x, f"{path}._bn2")
    if block.stride == 1 and block.channels == channels:
        x = _layers().Add(name=layer_name(f"{path}.add"))([x, image])
    return x


def _conv(x: Any, path: str, channels: int, kernel: int = 1, stride: int = 1) -> Any:
    convolution = _layers().Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, name=layer_name(path)
    )
    return convolution(x)


def _batch_norm(x: Any, path: str) -> Any:
    return _layers().BatchNormalization(epsilon=1e-3, name=layer_name(path))(x)


def _relu6(x: Any) -> Any:
    return _layers().ReLU(max_value=6)(x)


def _layers() -> Any:
    return import_tensorflow().keras.layers
