"""The arrays of a model file: which a model has, and the shapes in which they fit each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.archive import Arrays
from trifuse.classifiers.linear import LinearMachine
from trifuse.classifiers.model import Model
from trifuse.encoders.extraction import encodings_by_stream
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream import StreamEncoder
from trifuse.recipes.options import CodebookOptions
from trifuse.recipes.recipe import Recipe

Shapes = dict[str, tuple[int, ...]]

_BY_CLASS = ("prior", "review.floors")
_BY_BLOCK = ("review.residual_means", "review.residual_deviations")
_DOUBLES = (".intercepts", ".biases", *_BY_CLASS, *_BY_BLOCK)
_POSITIVE = ("mixture_variances", "mixture_weights", "prior", "residual_deviations")


def model_arrays(model: Model) -> Arrays:
    """Give everything fitted, except the trees, as named arrays."""
    novelty = model.review.novelty
    arrays: Arrays = {
        "prior": model.ensemble.prior,
        "review.floors": model.review.sets.floors,
        "review.residual_means": novelty.means,
        "review.residual_deviations": novelty.deviations,
    }
    for name, machine in model.ensemble.machines.items():
        if isinstance(machine, LinearMachine):
            arrays[f"{name}.weights"] = machine.weights
            arrays[f"{name}.intercepts"] = machine.intercepts
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
        name: StreamEncoder.from_arrays(_below(arrays, f"stream.{name}."), getattr(recipe, name))
        for name in encodings_by_stream(recipe.block_weights)
    }


def projections_from(arrays: Arrays, recipe: Recipe) -> dict[str, Projection]:
    """Bring back the PCA of each block."""
    return {
        name: Projection(arrays[f"block.{name}.pca_mean"], arrays[f"block.{name}.pca_components"])
        for name in recipe.block_weights
    }


def linear_from(arrays: Arrays, recipe: Recipe) -> dict[str, LinearMachine]:
    """Bring back the linear members."""
    return {
        name: LinearMachine(arrays[f"{name}.weights"], arrays[f"{name}.intercepts"])
        for name in linear_members(recipe)
    }


def linear_members(recipe: Recipe) -> list[str]:
    """Name the members that are linear in the fused blocks."""
    return [name for name in recipe.ensemble.members if name != "lightgbm"]


def check_arrays(arrays: Arrays, recipe: Recipe, n_classes: int, calibrated: Sequence[str]) -> None:
    """Check that these are all arrays of such a model, and that they fit each other.

    Nothing is computed with arrays before this: NumPy would stretch some that do not fit to
    sizes far beyond the file's own. `calibrated` names the members.

    Raises
    ------
    ValueError
        With the first thing that is wrong.
    """
    shapes = _shapes(arrays, recipe, n_classes)
    shapes |= {f"calibration.{name}.biases": (n_classes,) for name in calibrated}
    if missing := sorted(set(shapes) - set(arrays)):
        msg = f"it lacks the array {missing[0]!r}"
        raise ValueError(msg)
    if set(arrays) != set(shapes):
        msg = f"it must not hold the array {min(set(arrays) - set(shapes))!r}"
        raise ValueError(msg)
    for name, shape in shapes.items():
        dtype = np.float64 if name.endswith(_DOUBLES) else np.float32
        if arrays[name].shape != shape or arrays[name].dtype != dtype:
            msg = f"the array {name!r} does not fit the others"
            raise ValueError(msg)
        if name.endswith(_POSITIVE) and not np.all(arrays[name] > 0):
            msg = f"the array {name!r} must be positive"
            raise ValueError(msg)
    floors = arrays["review.floors"]
    if np.any(floors < 0) or np.any(floors > 1):
        msg = "the array 'review.floors' holds numbers that are no probabilities"
        raise ValueError(msg)


def _shapes(arrays: Arrays, recipe: Recipe, n_classes: int) -> Shapes:
    """Give the shape of each array; only the free sizes are taken from the arrays themselves."""
    shapes: Shapes = dict.fromkeys(_BY_CLASS, (n_classes,))
    shapes |= dict.fromkeys(_BY_BLOCK, (len(recipe.block_weights),))
    dimensions: dict[str, int] = {}
    for stream, encodings in encodings_by_stream(recipe.block_weights).items():
        where = f"stream.{stream}"
        stream_shapes, lengths = _stream_shapes(arrays, where, encodings, getattr(recipe, stream))
        shapes |= stream_shapes
        dimensions |= {f"{stream}_{encoding}": length for encoding, length in lengths.items()}
    for name in recipe.block_weights:
        components, dimension = _matrix(arrays, f"block.{name}.pca_components")
        dimension = dimensions.setdefault(name, dimension)
        shapes[f"block.{name}.pca_mean"] = (dimension,)
        shapes[f"block.{name}.pca_components"] = (components, dimension)
    for name in linear_members(recipe):
        shapes[f"{name}.weights"] = (n_classes, sum(dimensions.values()))
        shapes[f"{name}.intercepts"] = (n_classes,)
    return shapes


def _stream_shapes(
    arrays: Arrays, where: str, encodings: list[str], options: CodebookOptions
) -> tuple[Shapes, dict[str, int]]:
    """Give the shapes of a stream's arrays, and the length of the vector of each encoding."""
    components, dimension = _matrix(arrays, f"{where}.pca_components")
    point = components + (2 if options.position_weight else 0)
    parts = sum(level * level for level in options.pyramid)
    shapes: Shapes = {
        f"{where}.pca_mean": (dimension,),
        f"{where}.pca_components": (components, dimension),
    }
    lengths = {}
    if "fisher" in encodings:
        gaussians, _ = _matrix(arrays, f"{where}.mixture_means")
        shapes[f"{where}.mixture_means"] = (gaussians, point)
        shapes[f"{where}.mixture_variances"] = (gaussians, point)
        shapes[f"{where}.mixture_weights"] = (gaussians,)
        lengths["fisher"] = 2 * gaussians * point * parts
    if "vlad" in encodings:
        centers, _ = _matrix(arrays, f"{where}.centers")
        shapes[f"{where}.centers"] = (centers, point)
        lengths["vlad"] = centers * point * parts
    return shapes, lengths


def _matrix(arrays: Arrays, name: str) -> tuple[int, int]:
    if name not in arrays or arrays[name].ndim != 2:
        msg = f"it lacks the matrix {name!r}"
        raise ValueError(msg)
    rows, columns = arrays[name].shape
    return rows, columns


def _below(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    return {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }
