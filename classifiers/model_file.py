"""The model file ``NAME.trifuse``: one zip of plain data, safe to open from a stranger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.classifiers.archive import (
    Arrays,
    ModelFileError,
    pack,
    pack_arrays,
    unpack,
    unpack_arrays,
    write_atomically,
)
from trifuse.classifiers.card import render_card
from trifuse.classifiers.ensemble import MEMBERS, Ensemble
from trifuse.classifiers.model import Model
from trifuse.classifiers.svm import LinearSvm
from trifuse.classifiers.trees import Trees, TreesError
from trifuse.encoders.blocks import BlockEncoder
from trifuse.encoders.extraction import FeatureExtractor, encodings_by_stream, uses_cnn
from trifuse.encoders.projection import Projection
from trifuse.encoders.stream import StreamEncoder
from trifuse.features.cnn import CnnEmbedder
from trifuse.recipes.recipe import Recipe, RecipeError

FORMAT = 1
LIBRARIES = ("trifuse", "numpy", "scipy", "scikit-learn", "lightgbm", "opencv-contrib-python",
             "ai-edge-litert", "tensorflow", "pillow")  # fmt: skip


@dataclass(frozen=True)
class Training:
    """What a model was trained on, and how well it did on images that it had not seen.

    Attributes
    ----------
    images, groups : int
        How many.
    fingerprint : str
        SHA-256 over the images' bytes and their labels.
    class_counts : dict of str to int
    metrics : dict
        Out-of-fold metrics of each member and the ensemble.
    """

    images: int
    groups: int
    fingerprint: str
    class_counts: dict[str, int]
    metrics: dict[str, Any]


def save_model(path: Path, model: Model, training: Training) -> None:
    """Write a model file; it appears under its name only when whole.

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """
    embedder = model.encoder.extractor.embedder
    files = {
        "arrays.npz": pack_arrays(_to_arrays(model)),
        "lightgbm.txt": model.ensemble.trees_text.encode(),
        "backbone.tflite": embedder.tflite if embedder else b"",
    }
    about = {
        "format": FORMAT,
        "classes": list(model.classes),
        "recipe": model.recipe.to_dict(),
        "recipe_fingerprint": model.recipe.fingerprint,
        "temperatures": model.ensemble.temperatures,
        "member_weights": model.ensemble.member_weights,
        "training": vars(training),
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files["CARD.md"] = render_card(about).encode()
    text = json.dumps(about, indent=1, allow_nan=False)
    write_atomically(path, pack({"model.json": text.encode(), **files}))


def read_about(path: Path) -> dict[str, Any]:
    """Read what a model file says of itself: its `model.json`, and its card as `card`.

    Raises
    ------
    ModelFileError
    """
    files, about = _read(path)
    return {**about, "card": files["CARD.md"].decode("utf-8", "replace")}


def load_model(path: Path) -> Model:
    """Read a model file. Whatever it holds, no code of its maker's runs.

    Raises
    ------
    ModelFileError
        If it is no model file, is damaged, is of another format, or its parts do not fit
        each other.
    """
    files, about = _read(path)
    try:
        return _build(files, about, unpack_arrays(files["arrays.npz"], str(path)))
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, RecipeError, TreesError) as error:
        msg = f"{path} is no sound model file: {error}."
        raise ModelFileError(msg) from error


def _read(path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"The model {path} cannot be read: {error.strerror or error}."
        raise ModelFileError(msg) from error
    files = unpack(content, str(path))
    if set(files) != {"model.json", "arrays.npz", "lightgbm.txt", "backbone.tflite", "CARD.md"}:
        msg = f"{path} is no model file of trifuse: it does not hold the right parts."
        raise ModelFileError(msg)
    try:
        about = json.loads(files["model.json"])
    except (ValueError, RecursionError) as error:
        msg = f"{path} is damaged: model.json cannot be read: {error}."
        raise ModelFileError(msg) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        msg = f"{path} is not of model format {FORMAT}; train it anew, or use its own trifuse."
        raise ModelFileError(msg)
    sums = about.get("sha256")
    for name in ("arrays.npz", "lightgbm.txt", "backbone.tflite"):
        if not isinstance(sums, dict) or sums.get(name) != hashlib.sha256(files[name]).hexdigest():
            msg = f"{path} is damaged: the checksum of {name} differs."
            raise ModelFileError(msg)
    return files, about


def _to_arrays(model: Model) -> Arrays:
    arrays: Arrays = {
        "svm.weights": model.ensemble.svm.weights,
        "svm.intercepts": model.ensemble.svm.intercepts,
        "prior": model.ensemble.prior,
    }
    for name, projection in model.ensemble.projections.items():
        arrays[f"block.{name}.pca_mean"] = projection.mean
        arrays[f"block.{name}.pca_components"] = projection.components
    for name, stream in model.encoder.streams.items():
        arrays |= {f"stream.{name}.{key}": value for key, value in stream.to_arrays().items()}
    return arrays


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)
    }


def _build(files: Mapping[str, bytes], about: Mapping[str, Any], arrays: Arrays) -> Model:
    """Put the parts together, checking that each fits the others."""
    recipe = Recipe.from_dict(about["recipe"])
    if about["recipe_fingerprint"] != recipe.fingerprint:
        msg = "its recipe's fingerprint differs"
        raise ValueError(msg)
    classes = _class_names(about["classes"])
    embedder = CnnEmbedder(files["backbone.tflite"]) if uses_cnn(recipe) else None
    streams = {
        name: StreamEncoder.from_arrays(_part(arrays, f"stream.{name}."), getattr(recipe, name))
        for name in encodings_by_stream(recipe.block_weights)
    }
    encoder = BlockEncoder(FeatureExtractor(recipe, embedder), streams)
    projections = {
        name: Projection(arrays[f"block.{name}.pca_mean"], arrays[f"block.{name}.pca_components"])
        for name in recipe.block_weights
    }
    n_features = sum(len(projection.components) for projection in projections.values())
    trees_text = files["lightgbm.txt"].decode("ascii")
    ensemble = Ensemble(
        recipe.block_weights,
        LinearSvm(arrays["svm.weights"], arrays["svm.intercepts"]),
        projections,
        trees_text,
        Trees.parse(trees_text, n_features, len(classes)),
        _positive_numbers(about["temperatures"]),
        _positive_numbers(about["member_weights"]),
        arrays["prior"],
    )
    model = Model(classes, encoder, ensemble)
    _check_shapes(model)
    return model


def _class_names(names: Any) -> tuple[str, ...]:
    if (
        not isinstance(names, list)
        or len(names) < 2
        or len(set(map(str, names))) < len(names)
        or not all(isinstance(name, str) and name for name in names)
    ):
        msg = "its classes are not a list of different names"
        raise ValueError(msg)
    return tuple(names)


def _positive_numbers(values: Any) -> dict[str, float]:
    numbers = {name: float(values[name]) for name in MEMBERS}
    if not all(0 <= number < np.inf for number in numbers.values()) or not sum(numbers.values()):
        msg = "a temperature or weight is out of range"
        raise ValueError(msg)
    return numbers


def _check_shapes(model: Model) -> None:
    """Raise ValueError where the arrays do not fit each other: score a blank image."""
    probabilities = model.predict(np.zeros((256, 256, 3), dtype=np.uint8))
    shape = (len(model.classes),)
    if probabilities.shape != shape or model.ensemble.prior.shape != shape:
        msg = "its arrays do not fit its classes"
        raise ValueError(msg)
    if not np.all(model.ensemble.prior > 0) or not np.all(np.isfinite(probabilities)):
        msg = "its numbers are out of range"
        raise ValueError(msg)
