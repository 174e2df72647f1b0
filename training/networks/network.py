"""The network that is trained: built, frozen in part, cut where the frozen part ends, exported."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.features.backbones import BACKBONES
from trifuse.features.keras_backbones import build_backbone, export_litert
from trifuse.features.quiet import import_tensorflow
from trifuse.recipes.finetuning import ExportOptions, NetworkRecipe
from trifuse.training.networks.cut import find_cut

CLASSIFIER = "classifier"
"""The layer from the embedding to the logits."""
HEAD = ("mean", "dropout", CLASSIFIER)
"""The layers that follow the backbone's."""
Weights: TypeAlias = list[NDArray[Any]]
"""Of the backbone, in Keras' order; then the classifier's matrix and its biases."""


class FinetuningError(ValueError):
    """A fine-tuning that cannot begin or go on; the message says what to do."""


class TrainableNetwork(NamedTuple):
    """What is trained, and the part of it that an export is made of.

    Attributes
    ----------
    model : keras.Model
        Compiled; from RGB images in 0 to 255, float32 (n, side, side, 3), or from what the frozen
        layers make of them, to logits (n, n_classes).
    backbone : keras.Model
        The same layers up to the embedding, and the frozen ones, as `build_backbone` gives them.
    """

    model: Any
    backbone: Any


def build_network(
    recipe: NetworkRecipe, n_classes: int, trunk_seed: int | None = None
) -> TrainableNetwork:
    """Build the network: the backbone, dropout, and a dense layer; its first layers frozen.

    Parameters
    ----------
    recipe : NetworkRecipe
    n_classes : int
    trunk_seed : int, optional
        Of the backbone's weights where they are random, if several networks are to share them.

    Raises
    ------
    trifuse.features.backbones.BackboneError
        If the backbone cannot be built.
    FinetuningError
        If the recipe does not say which layers to freeze, or the export is too small.
    """
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(recipe.random_state if trunk_seed is None else trunk_seed)
    options = recipe.network
    backbone = build_backbone(options.backbone, options.weights, (options.side, options.side))
    if trunk_seed is not None:
        keras.utils.set_random_seed(recipe.random_state)
    _check_export(recipe)
    embedding = keras.layers.GlobalAveragePooling2D()(backbone.output["last_map"])
    embedding = keras.layers.Dropout(options.dropout)(embedding)
    logits = keras.layers.Dense(n_classes, name=CLASSIFIER)(embedding)
    model = keras.Model(backbone.input, logits)
    for layer in model.layers[: _count_frozen(backbone, recipe)]:
        layer.trainable = False
    for layer in model.layers if options.frozen_normalization else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    _compile(model, recipe)
    return TrainableNetwork(model, backbone)


def count_frozen(names: Sequence[str], frozen: float | str) -> int:
    """Give the number of layers, from the first, that are frozen.

    Parameters
    ----------
    names : sequence of str
        Of all layers, in their order.
    frozen : float, int or str
        See `trifuse.recipes.finetuning.NetworkOptions`. A frozen normalisation uses the means and
        variances that it has, as keras.layers.BatchNormalization does.

    Raises
    ------
    FinetuningError
        If a layer is not there, or nothing is left to train.

    Examples
    --------
    >>> [count_frozen(["image", "a", "b", "c"], frozen) for frozen in (0.5, 1, -1, "b")]
    [2, 1, 3, 3]
    """
    if isinstance(frozen, str):
        if frozen not in names:
            msg = f"the network has no layer {frozen!r} to freeze up to; it has {', '.join(names)}"
            raise FinetuningError(msg)
        n_frozen = names.index(frozen) + 1
    elif isinstance(frozen, int):
        n_frozen = frozen if frozen >= 0 else max(0, len(names) + frozen)
    else:
        n_frozen = round(frozen * len(names))
    if n_frozen >= len(names):
        msg = f"nothing is left to train: {n_frozen} layers are to be frozen of {len(names)}"
        raise FinetuningError(msg)
    return n_frozen


def split_network(network: TrainableNetwork, recipe: NetworkRecipe) -> tuple[Any, TrainableNetwork]:
    """Split a network where its frozen part ends; both parts share its layers and weights.

    Returns
    -------
    trunk : keras.Model
        From ``image``, as the network takes it, to ``features`` (n, rows, columns, channels).
    network : TrainableNetwork
        From these to logits.

    Raises
    ------
    FinetuningError
        If no frozen layer's output is all that the layers after it need.
    """
    keras = import_tensorflow().keras
    backbone = network.backbone
    cut = find_cut(backbone, _count_frozen(backbone, recipe))
    if cut is None:
        msg = (
            "no frozen layer gives all that the layers after it need, so there is nothing to keep "
            "of images; freeze more layers (frozen), or keep nothing (stored = false)"
        )
        raise FinetuningError(msg)
    trunk = keras.Model(backbone.input, {"features": cut})
    upper = keras.Model(cut, network.model.output)
    _compile(upper, recipe)
    return trunk, TrainableNetwork(upper, backbone)


def network_weights(network: TrainableNetwork) -> Weights:
    """Give the weights that a network has by now."""
    classifier: Weights = network.model.get_layer(CLASSIFIER).get_weights()
    return [*network.backbone.get_weights(), *classifier]


def build_scorer(networks: Sequence[Weights], recipe: NetworkRecipe) -> Any:
    """Build what scores whole images: the mean of networks that share their frozen part.

    The backbones are fully convolutional and the classifier is linear, so it can be applied to
    every cell of the last feature map: the mean of the resulting class activation map [1]_ is the
    logits. Views of an image are averaged in the network: their maps are mirrored back first.

    Parameters
    ----------
    networks : sequence of Weights
        Of `network_weights`.
    recipe : NetworkRecipe

    Returns
    -------
    keras.Model
        From ``image`` (n, rows, columns, 3), float32 RGB in 0 to 255, to ``class_map``
        (n, h, w, n_classes), whose spatial mean is the logits.

    References
    ----------
    .. [1] B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, "Learning deep features for
       discriminative localization", CVPR 2016, equation 2.
    """
    keras = import_tensorflow().keras
    options = recipe.export
    image = keras.Input((options.rows, options.columns, 3), name="image")
    flips = _flips(options)
    views = keras.ops.concatenate([_flip(image, axes) for axes in flips], axis=0)
    maps = list(_class_maps(networks, views, recipe))
    mean = keras.ops.mean(keras.ops.stack(maps), axis=0) if len(maps) > 1 else maps[0]
    parts = keras.ops.split(mean, len(flips), axis=0)
    turned_back = [_flip(part, axes) for part, axes in zip(parts, flips, strict=True)]
    class_map = keras.ops.mean(keras.ops.stack(turned_back), axis=0)
    return keras.Model(image, {"class_map": class_map})


def export_network(
    networks: Sequence[Weights], recipe: NetworkRecipe, images: Sequence[NDArray[np.uint8]] = ()
) -> bytes:
    """Export what `build_scorer` builds to LiteRT, for one image at a time.

    With images, on which ranges are measured, it is of 8 bits: see
    `trifuse.features.keras_backbones.export_litert`.
    """
    import_tensorflow().keras.utils.clear_session()  # it numbers layers; the bytes hold their names
    return export_litert(build_scorer(networks, recipe), images)


def _class_maps(networks: Sequence[Weights], views: Any, recipe: NetworkRecipe) -> Iterable[Any]:
    """Give the class activation map of each network; the frozen part is applied once."""
    keras = import_tensorflow().keras
    shared = None
    for number, (*weights, matrix, biases) in enumerate(networks, 1):
        backbone = _build_empty(recipe)
        backbone.set_weights(weights)
        name = CLASSIFIER if len(networks) == 1 else f"{CLASSIFIER}_{number}"
        classify = keras.layers.Conv2D(len(biases), 1, name=name)
        cut = find_cut(backbone, _count_frozen(backbone, recipe)) if len(networks) > 1 else None
        if cut is None:
            last_map = backbone(views)["last_map"]
        else:
            upper = keras.Model(cut, backbone.output["last_map"], name=f"upper_{number}")
            if shared is None:
                shared = keras.Model(backbone.input, cut, name="trunk")(views)
            last_map = upper(shared)
        yield classify(last_map)
        classify.set_weights([matrix[None, None], biases])


def _build_empty(recipe: NetworkRecipe) -> Any:
    options = recipe.export
    with warnings.catch_warnings():  # that its weights are random, which they do not stay
        warnings.simplefilter("ignore")
        return build_backbone(recipe.network.backbone, "random", (options.rows, options.columns))


def _compile(model: Any, recipe: NetworkRecipe) -> None:
    keras, schedule = import_tensorflow().keras, recipe.schedule
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=schedule.label_smoothing
    )
    average = {"use_ema": True, "ema_momentum": schedule.ema} if schedule.ema else {}
    model.compile(keras.optimizers.Adam(schedule.learning_rate, **average), loss)


def _count_frozen(backbone: Any, recipe: NetworkRecipe) -> int:
    names = [*(layer.name for layer in backbone.layers), *HEAD]
    return count_frozen(names, recipe.network.frozen)


def check_weights(classes: Sequence[str], recipe: NetworkRecipe) -> None:
    """Check that a recipe weights no class that is not there.

    Raises
    ------
    FinetuningError
    """
    if unknown := sorted(set(recipe.balance.class_weights) - set(classes)):
        msg = f"the recipe weights the class {unknown[0]!r}, which no image of the archive has"
        raise FinetuningError(msg)


def _check_export(recipe: NetworkRecipe) -> None:
    """Tell before the training what the export would refuse after it."""
    row, options = BACKBONES[recipe.network.backbone], recipe.export
    if min(options.rows, options.columns) < row.min_input_size:
        msg = (
            f"backbone {row.name} cannot be exported for images of {options.rows} x "
            f"{options.columns}; choose rows and columns of at least {row.min_input_size}"
        )
        raise FinetuningError(msg)


def _flips(options: ExportOptions) -> list[tuple[int, ...]]:
    """Give the axes, of rows (1) and columns (2), that each view is mirrored along."""
    return [(), (2,), (1,), (1, 2)][: options.views]


def _flip(image: Any, axes: tuple[int, ...]) -> Any:
    return import_tensorflow().keras.ops.flip(image, axis=axes) if axes else image
