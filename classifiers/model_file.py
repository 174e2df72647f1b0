"""The model file ``NAME.trifuse``: one zip of plain data, safe to open from a stranger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.calibration import Calibration
from trifuse.classifiers.card import render_card
from trifuse.classifiers.ensemble import NETWORK, Ensemble, Machine
from trifuse.classifiers.model import Model, check_class_names
from trifuse.classifiers.model_arrays import (
    check_arrays,
    linear_from,
    model_arrays,
    projections_from,
    streams_from,
)
from trifuse.classifiers.model_entries import (
    member_weights_from,
    review_from,
    review_to_entry,
    temperatures_from,
)
from trifuse.classifiers.network_file import MAX_NETWORKS, check_outputs
from trifuse.classifiers.output import open_output
from trifuse.classifiers.trees import Trees
from trifuse.encoders.blocks import BlockEncoder
from trifuse.encoders.extraction import FeatureExtractor, uses_cnn
from trifuse.features.cnn import CnnClassifier, CnnEmbedder
from trifuse.recipes.recipe import Recipe

FORMAT = 3
HASHED = ("arrays.npz", "lightgbm.txt", "backbone.tflite")
"""Parts whose SHA-256 is in `model.json`, as it is of each fine-tuned network."""
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
    networks : list of dict
        What is to be known of each fine-tuned network: its backbone, its fingerprint, and how
        many images it has seen.
    held_out : tuple of int
        The images, and their groups, that no fine-tuned network has seen: the metrics, the
        members' weights, the network's calibration and the prediction sets come from these alone.
    """

    images: int
    groups: int
    fingerprint: str
    class_counts: dict[str, int]
    metrics: dict[str, Any]
    networks: Sequence[Mapping[str, Any]] = ()
    held_out: tuple[int, int] = (0, 0)


def save_model(path: Path, model: Model, training: Training) -> None:
    """Write a model file; it appears under its name only when whole.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    embedder = model.encoder.extractor.embedder
    trees = model.ensemble.machines.get("lightgbm")
    files = {
        "arrays.npz": pack_arrays(model_arrays(model)),
        "lightgbm.txt": trees.text.encode() if isinstance(trees, Trees) else b"",
        "backbone.tflite": embedder.tflite if embedder else b"",
    }
    for name, network in zip(network_names(len(model.networks)), model.networks, strict=True):
        files[name] = network.tflite
    about = {
        "format": FORMAT,
        "classes": list(model.classes),
        "recipe": model.recipe.to_dict(),
        "recipe_fingerprint": model.recipe.fingerprint,
        "temperatures": {
            name: calibration.temperature
            for name, calibration in model.ensemble.calibrations.items()
        },
        "member_weights": model.ensemble.member_weights,
        "review": review_to_entry(model.review),
        "training": vars(training),
        "versions": {name: metadata.version(name) for name in LIBRARIES},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files["CARD.md"] = render_card(about).encode()
    text = json.dumps(about, indent=1, allow_nan=False)
    with open_output(path) as file:
        file.write(pack({"model.json": text.encode(), **files}))


def read_about(path: Path) -> dict[str, Any]:
    """Read what a model file says of itself: its `model.json`, and its card as `card`.

    Its classes and its recipe are sound; all else is as it stands there.

    Raises
    ------
    ModelFileError
    """
    files, about = _read(path)
    with _errors_of_the_file(path):
        _class_names(about.get("classes"))
        _recipe(about)
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
    with _errors_of_the_file(path):
        return _build(files, about, str(path))


@contextmanager
def _errors_of_the_file(path: Path) -> Iterator[None]:
    """Turn what unsound parts raise into the error of the file."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:  # LiteRT promises no closed list for a forged network
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        msg = f"{path} is no sound model file: {reason}."
        raise ModelFileError(msg) from error


def _read(path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    files = unpack(_read_content(path), str(path))
    networks = network_names(len(files) - 2 - len(HASHED))
    if set(files) != {"model.json", "CARD.md", *HASHED, *networks}:
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
    for name in (*HASHED, *networks):
        if not isinstance(sums, dict) or sums.get(name) != hashlib.sha256(files[name]).hexdigest():
            msg = f"{path} is damaged: the checksum of {name} differs."
            raise ModelFileError(msg)
    return files, about


def _read_content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            msg = f"The model {path} cannot be read: it is no regular file."
            raise ModelFileError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"The model {path} cannot be read: {error.strerror or error}."
        raise ModelFileError(msg) from error


def _build(files: Mapping[str, bytes], about: Mapping[str, Any], what: str) -> Model:
    """Put the parts together, checking that each fits the others."""
    recipe = _recipe(about)
    classes = _class_names(about.get("classes"))
    networks = tuple(
        CnnClassifier(part) for name, part in files.items() if name.startswith("network-")
    )
    members = [*recipe.ensemble.members, *([NETWORK] if networks else [])]
    arrays = unpack_arrays(files["arrays.npz"], what)
    check_arrays(arrays, recipe, len(classes), members)
    projections = projections_from(arrays, recipe)
    machines: dict[str, Machine] = {**linear_from(arrays, recipe)}
    if "lightgbm" in members:
        n_features = sum(len(projection.components) for projection in projections.values())
        text = files["lightgbm.txt"].decode("ascii")
        machines["lightgbm"] = Trees.parse(text, n_features, len(classes))
    ensemble = Ensemble(
        recipe.block_weights,
        machines,
        projections,
        {
            name: Calibration(temperature, arrays[f"calibration.{name}.biases"])
            for name, temperature in temperatures_from(about.get("temperatures"), members).items()
        },
        member_weights_from(about.get("member_weights"), members),
        arrays["prior"],
    )
    embedder = CnnEmbedder(files["backbone.tflite"]) if uses_cnn(recipe) else None
    encoder = BlockEncoder(FeatureExtractor(recipe, embedder), streams_from(arrays, recipe))
    review = review_from(arrays, about.get("review"))
    model = Model(classes, encoder, ensemble, review, networks)
    _try_out(model)
    return model


def network_names(n: int) -> list[str]:
    """Name the parts of fine-tuned networks."""
    return [f"network-{number}.tflite" for number in range(1, min(n, MAX_NETWORKS) + 1)]


def _recipe(about: Mapping[str, Any]) -> Recipe:
    data = about.get("recipe")
    if not isinstance(data, dict):
        msg = "its recipe is no table"
        raise ValueError(msg)
    recipe = Recipe.from_dict(data)
    if about.get("recipe_fingerprint") != recipe.fingerprint:
        msg = "its recipe's fingerprint differs"
        raise ValueError(msg)
    return recipe


def _class_names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        msg = "its classes are no list of names"
        raise ValueError(msg)
    check_class_names(names)
    return tuple(names)


def _try_out(model: Model) -> None:
    """Score a blank image, so that parts that do not fit are found now and not in an archive."""
    blank = np.zeros((64, 64, 3), dtype=np.uint8)
    with np.errstate(all="ignore"):
        for network in model.networks:
            check_outputs(network, len(model.classes))
        blocks = model.describe(blank)
        scores = model.review.novelty.scores(blocks, model.ensemble.projections)
        numbers = np.append(model.ensemble.probabilities(blocks), scores)
    if not np.all(np.isfinite(numbers)) or not abs(model.ensemble.prior.sum() - 1) < 1e-6:
        msg = "its numbers are out of range"
        raise ValueError(msg)
