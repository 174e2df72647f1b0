"""The network that is fine-tuned: built, frozen in part, and exported for scoring."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from trifuse.features.backbones import BACKBONES
from trifuse.features.keras_backbones import build_backbone, export_litert
from trifuse.features.quiet import import_tensorflow
from trifuse.recipes.finetuning import ExportOptions, FinetuningRecipe
from trifuse.studies.finetuning.errors import FinetuningError

CLASSIFIER = "classifier"
"""The layer from the embedding to the logits."""


class TrainableNetwork(NamedTuple):
    """What is trained, and the part of it that an export is made of.

    Attributes
    ----------
    model : keras.Model
        Compiled; from RGB images in 0 to 255, float32 (n, side, side, 3), to logits
        (n, n_classes).
    backbone : keras.Model
        The same layers up to the embedding, as `build_backbone` gives them.
    """

    model: Any
    backbone: Any


def build_network(recipe: FinetuningRecipe, n_classes: int) -> TrainableNetwork:
    """Build the network: the backbone, dropout, and a dense layer; its first layers frozen.

    Parameters
    ----------
    recipe : FinetuningRecipe
    n_classes : int

    Raises
    ------
    trifuse.features.backbones.BackboneError
        If the backbone cannot be built.
    FinetuningError
        If the recipe does not say which layers to freeze, or the export is too small.
    """
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(recipe.random_state)
    options = recipe.network
    backbone = build_backbone(options.backbone, options.weights, (options.side, options.side))
    _check_export(recipe)
    embedding = keras.layers.Dropout(options.dropout)(backbone.output["embedding"])
    logits = keras.layers.Dense(n_classes, name=CLASSIFIER)(embedding)
    model = keras.Model(backbone.input, logits)
    for layer in model.layers[: count_frozen(model, options.frozen)]:
        layer.trainable = False
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=recipe.schedule.label_smoothing
    )
    model.compile(keras.optimizers.Adam(recipe.schedule.learning_rate), loss)
    return TrainableNetwork(model, backbone)


def count_frozen(model: Any, frozen: float | str) -> int:
    """Give the number of layers, from the first, that are frozen.

    Parameters
    ----------
    model : keras.Model
    frozen : float, int or str
        See `trifuse.recipes.finetuning.NetworkOptions`. A frozen normalisation uses the means and
        variances that it has, as keras.layers.BatchNormalization does.

    Raises
    ------
    FinetuningError
        If a layer is not there, or nothing is left to train.
    """
    names = [layer.name for layer in model.layers]
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


def build_scorer(network: TrainableNetwork, recipe: FinetuningRecipe) -> Any:
    """Build the network that scores whole images, with the weights that are trained by now.

    The backbones are fully convolutional and the classifier is linear, so it can be applied to
    every cell of the last feature map: the mean of the resulting class activation map [1]_ is the
    logits. Views of an image are averaged in the network: their maps are mirrored back first.

    Parameters
    ----------
    network : TrainableNetwork
    recipe : FinetuningRecipe

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
    with warnings.catch_warnings():  # that its weights are random, which they do not stay
        warnings.simplefilter("ignore")
        backbone = build_backbone(
            recipe.network.backbone, "random", (options.rows, options.columns)
        )
    backbone.set_weights(network.backbone.get_weights())
    weights, bias = network.model.get_layer(CLASSIFIER).get_weights()
    classify = keras.layers.Conv2D(len(bias), 1, name=CLASSIFIER)
    image = keras.Input((options.rows, options.columns, 3), name="image")
    flips = _flips(options)
    views = keras.ops.concatenate([_flip(image, axes) for axes in flips], axis=0)
    maps = classify(backbone(views)["last_map"])
    classify.set_weights([weights[None, None], bias])
    parts = keras.ops.split(maps, len(flips), axis=0)
    turned_back = [_flip(part, axes) for part, axes in zip(parts, flips, strict=True)]
    class_map = keras.ops.mean(keras.ops.stack(turned_back), axis=0)
    return keras.Model(image, {"class_map": class_map})


def export_network(network: TrainableNetwork, recipe: FinetuningRecipe) -> bytes:
    """Export what `build_scorer` builds to LiteRT, for one image at a time."""
    import_tensorflow().keras.utils.clear_session()  # it numbers layers; the bytes hold their names
    return export_litert(build_scorer(network, recipe))


def _check_export(recipe: FinetuningRecipe) -> None:
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
