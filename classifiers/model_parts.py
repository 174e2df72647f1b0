"""The parts of a model file, arrays and entries of `model.json`: written, and checked when read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from trifuse.classifiers.archive import Arrays
from trifuse.classifiers.components import count_components
from trifuse.classifiers.member import Machine, Shapes
from trifuse.classifiers.metadata import MetadataColumn
from trifuse.classifiers.model import DIGEST_BYTES, Model, TrainingImages, check_class_names
from trifuse.classifiers.opinion_pool import GREATEST_MOVE, GREATEST_WEIGHT, OpinionPool
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream_encoder import StreamEncoder, below
from trifuse.recipes.options import StreamOptions
from trifuse.recipes.reading import fingerprint_of
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import encodings, encodings_by_stream, members

TRAINING_IMAGES = "training.images"

_BY_CLASS = ("prior", "pool.biases", "review.floors")
_BY_BLOCK = ("review.residual_means", "review.residual_deviations")
_DOUBLES = (".intercepts", ".biases", ".mixing", ".coefficients", *_BY_CLASS, *_BY_BLOCK)
_POSITIVE = ("prior", "review.residual_deviations")


def model_arrays(model: Model) -> Arrays:
    """Give everything fitted, except the trees, as named arrays."""
    novelty = model.review.novelty
    arrays: Arrays = {
        "prior": model.ensemble.prior,
        "pool.biases": model.ensemble.pool.biases,
        "pool.mixing": model.ensemble.pool.mixing,
        "review.floors": model.review.sets.floors,
        "review.residual_means": novelty.means,
        "review.residual_deviations": novelty.deviations,
        TRAINING_IMAGES: model.training_images.digests,
    }
    if model.ensemble.metadata:
        arrays["pool.coefficients"] = model.ensemble.pool.coefficients
    for name, machine in model.ensemble.machines.items():
        arrays |= {f"{name}.{key}": value for key, value in machine.to_arrays().items()}
    for name, calibration in model.ensemble.calibrations.items():
        arrays[f"calibration.{name}.biases"] = calibration.biases
    for name, projection in model.ensemble.projections.items():
        arrays[f"block.{name}.pca_mean"] = projection.mean
        arrays[f"block.{name}.pca_components"] = projection.components
    for name, stream in model.encoder.streams.items():
        arrays |= {f"stream.{name}.{key}": value for key, value in stream.to_arrays().items()}
    return arrays


def streams_from(arrays: Arrays, recipe: Recipe) -> dict[str, StreamEncoder]:
    """Bring back the encoders of the streams."""
    return {
        name: StreamEncoder.from_arrays(
            below(arrays, f"stream.{name}."), recipe.streams[name], wanted
        )
        for name, wanted in encodings_by_stream(recipe.block_weights).items()
    }


def projections_from(arrays: Arrays, recipe: Recipe) -> dict[str, Projection]:
    """Bring back the PCA of each block."""
    return {
        name: Projection(arrays[f"block.{name}.pca_mean"], arrays[f"block.{name}.pca_components"])
        for name in recipe.block_weights
    }


def machines_from(
    arrays: Arrays, texts: Mapping[str, str], recipe: Recipe, n_classes: int
) -> dict[str, Machine]:
    """Bring back the members from checked arrays and, by name, the texts."""
    return {
        name: members()[name].machine.from_parts(
            below(arrays, f"{name}."), texts.get(name, ""), n_classes, length
        )
        for name, length in _lengths(arrays, recipe).items()
    }


def pool_from(arrays: Arrays, weights: Mapping[str, float]) -> OpinionPool:
    """Bring back the pool of the members from checked arrays; ValueError if it is unsound."""
    mixing = arrays["pool.mixing"]
    nothing = np.zeros((0, len(mixing)))
    coefficients = arrays.get("pool.coefficients", nothing)
    if max(np.abs(mixing).max(), np.abs(coefficients).max(initial=0)) > 2 * GREATEST_MOVE:
        msg = "the numbers of its pool are out of range"
        raise ValueError(msg)
    return OpinionPool(weights, mixing, arrays["pool.biases"], coefficients)


def check_arrays(
    arrays: Arrays,
    recipe: Recipe,
    n_classes: int,
    calibrated: Sequence[str],
    metadata: Sequence[MetadataColumn],
) -> None:
    """Check that these are all arrays of such a model, and that they fit each other.

    Nothing is computed with arrays before this: NumPy would stretch some that do not fit to
    sizes far beyond the file's own. `calibrated` names the members, and `metadata` are the columns
    that the pool takes beside them.

    Raises
    ------
    ValueError
        With the first thing that is wrong.
    """
    shapes, positive = _shapes(arrays, recipe, n_classes), {*_POSITIVE, *_positive(recipe)}
    shapes |= {f"calibration.{name}.biases": (n_classes,) for name in calibrated}
    shapes["pool.mixing"] = (n_classes, n_classes)
    if metadata:
        shapes["pool.coefficients"] = (sum(map(len, metadata)), n_classes)
    if missing := sorted(set(shapes) - set(arrays)):
        msg = f"it lacks the array {missing[0]!r}"
        raise ValueError(msg)
    if set(arrays) != set(shapes):
        msg = f"it must not hold the array {min(set(arrays) - set(shapes))!r}"
        raise ValueError(msg)
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != _dtype(name):
            msg = f"the array {name!r} does not fit the others"
            raise ValueError(msg)
        if name in positive and not np.all(arrays[name] > 0):
            msg = f"the array {name!r} must be positive"
            raise ValueError(msg)
    floors = arrays["review.floors"]
    if np.any(floors < 0) or np.any(floors > 1):
        msg = "the array 'review.floors' holds numbers that are no probabilities"
        raise ValueError(msg)
    if not TrainingImages(arrays[TRAINING_IMAGES]).are_in_order():
        msg = f"the array {TRAINING_IMAGES!r} is not in order"
        raise ValueError(msg)


def _dtype(name: str) -> type[np.generic]:
    if name == TRAINING_IMAGES:
        return np.uint8
    return np.float64 if name.endswith(_DOUBLES) else np.float32


def _shapes(arrays: Arrays, recipe: Recipe, n_classes: int) -> Shapes:
    """Give the shape of each array; only the free sizes are taken from the arrays themselves."""
    shapes: Shapes = dict.fromkeys(_BY_CLASS, (n_classes,))
    shapes |= dict.fromkeys(_BY_BLOCK, (len(recipe.block_weights),))
    n_images, _ = _matrix(arrays, TRAINING_IMAGES)
    shapes[TRAINING_IMAGES] = (n_images, DIGEST_BYTES)
    dimensions: dict[str, int] = {}
    for stream, wanted in encodings_by_stream(recipe.block_weights).items():
        where = f"stream.{stream}"
        stream_shapes, lengths = _stream_shapes(arrays, where, wanted, recipe.streams[stream])
        shapes |= stream_shapes
        dimensions |= lengths
    for name in recipe.block_weights:
        components, dimension = _matrix(arrays, f"block.{name}.pca_components")
        dimension = dimensions.setdefault(name, dimension)
        shapes[f"block.{name}.pca_mean"] = (dimension,)
        shapes[f"block.{name}.pca_components"] = (components, dimension)
    for name, length in _lengths(arrays, recipe).items():
        own = members()[name].machine.shapes(n_classes, length)
        shapes |= {f"{name}.{key}": shape for key, shape in own.items()}
    return shapes


def _lengths(arrays: Arrays, recipe: Recipe) -> dict[str, int]:
    """Give the number of features that each member looks at, from the blocks' components."""
    shapes = [arrays[f"block.{name}.pca_components"].shape for name in recipe.block_weights]
    lengths = dict.fromkeys(recipe.ensemble.members, sum(length for _, length in shapes))
    for name, most in count_components(recipe).items():
        lengths[name] = sum(min(kept, most) for kept, _ in shapes)
    return lengths


def _stream_shapes(
    arrays: Arrays, where: str, wanted: dict[str, str], options: StreamOptions
) -> tuple[Shapes, dict[str, int]]:
    """Give the shapes of a stream's arrays, and the length of each block."""
    components, dimension = _matrix(arrays, f"{where}.pca_components")
    point = components + (2 if options.position_weight else 0)
    parts = sum(level * level for level in options.pyramid)
    shapes: Shapes = {
        f"{where}.pca_mean": (dimension,),
        f"{where}.pca_components": (components, dimension),
    }
    lengths = {}
    for encoding, block in wanted.items():
        method, prefix = encodings()[encoding], f"{where}.{encoding}"
        size, _ = _matrix(arrays, f"{prefix}.{next(iter(method.shapes(0, 0)))}")
        own = method.shapes(size, point)
        shapes |= {f"{prefix}.{name}": shape for name, shape in own.items()}
        lengths[block] = method.length(size, point) * parts
    return shapes, lengths


def _positive(recipe: Recipe) -> Iterator[str]:
    """Name the arrays of codebooks in which every number must be above zero."""
    for stream, wanted in encodings_by_stream(recipe.block_weights).items():
        for encoding in wanted:
            for name in encodings()[encoding].positive:
                yield f"stream.{stream}.{encoding}.{name}"


def _matrix(arrays: Arrays, name: str) -> tuple[int, int]:
    if name not in arrays or arrays[name].ndim != 2:
        msg = f"it lacks the matrix {name!r}"
        raise ValueError(msg)
    rows, columns = arrays[name].shape
    return rows, columns


def recipe_from(about: Mapping[str, Any]) -> Recipe:
    """Bring back the recipe; ValueError unless it has its fingerprint."""
    data = about.get("recipe")
    if not isinstance(data, dict):
        msg = "its recipe is no table"
        raise ValueError(msg)
    recipe = Recipe.from_dict(data)  # first: it tells of a method that is not here
    if about.get("recipe_fingerprint") != fingerprint_of(data):
        msg = "its recipe's fingerprint differs"
        raise ValueError(msg)
    return recipe


def class_names_from(names: Any) -> tuple[str, ...]:
    """Bring back the names of the classes; ValueError if they are none."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        msg = "its classes are no list of names"
        raise ValueError(msg)
    check_class_names(names)
    return tuple(names)


def temperatures_from(values: Any, members: Sequence[str]) -> dict[str, float]:
    """Bring back the temperature of each member; ValueError unless they are positive."""
    numbers = _member_numbers(values, "temperatures", members)
    if not all(0 < number < inf for number in numbers.values()):
        msg = "its temperatures are not positive"
        raise ValueError(msg)
    return numbers


def member_weights_from(values: Any, members: Sequence[str]) -> dict[str, float]:
    """Bring back the weight of each member; ValueError if a pool cannot have them."""
    numbers = _member_numbers(values, "member_weights", members)
    if not all(0 <= number <= GREATEST_WEIGHT for number in numbers.values()) or not any(
        numbers.values()
    ):
        msg = f"the weights of its members are not in 0 to {GREATEST_WEIGHT:g}, or all are 0"
        raise ValueError(msg)
    return numbers


def _member_numbers(values: Any, name: str, members: Sequence[str]) -> dict[str, float]:
    if (
        not isinstance(values, dict)
        or set(values) != set(members)
        or not all(type(number) in {int, float} for number in values.values())
    ):
        msg = f"its {name} are not a number for each of {' and '.join(members)}"
        raise ValueError(msg)
    return {member: float(values[member]) for member in members}
