"""The model file ``NAME.trifuse``: one zip of plain data, safe to open from a stranger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trifuse.classifiers.archive import ModelFileError, pack, pack_arrays, unpack, unpack_arrays
from trifuse.classifiers.calibration import Calibration
from trifuse.classifiers.card import Training, render_card
from trifuse.classifiers.components import count_components
from trifuse.classifiers.decision import decision_from, decision_to_entry
from trifuse.classifiers.ensemble import NETWORK, Ensemble
from trifuse.classifiers.metadata import metadata_from, metadata_to_entry
from trifuse.classifiers.model import Model, TrainingImages
from trifuse.classifiers.model_parts import (
    TRAINING_IMAGES,
    check_arrays,
    class_names_from,
    machines_from,
    member_weights_from,
    model_arrays,
    pool_from,
    projections_from,
    recipe_from,
    streams_from,
    temperatures_from,
)
from trifuse.classifiers.network_file import MAX_NETWORKS, check_outputs
from trifuse.classifiers.output import open_output
from trifuse.classifiers.review_parts import review_from, review_to_entry
from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor, uses_cnn
from trifuse.features.libraries import find_versions
from trifuse.features.litert import CnnClassifier, CnnEmbedder
from trifuse.recipes.reading import fingerprint_of
from trifuse.recipes.registry import members

FORMAT = 7
TEXTS = {name: f"{name}.txt" for name, kind in members().items() if kind.machine.keeps_text}
"""The parts that hold members' texts, empty where a model has no such member."""
HASHED = ("arrays.npz", *TEXTS.values(), "backbone.tflite")
"""Parts whose SHA-256 is in `model.json`, as it is of each fine-tuned network."""


def save_model(path: Path, model: Model, training: Training) -> None:
    """Write a model file; it appears under its name only when whole.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    content = pack_model(model, training)
    with open_output(path) as file:
        file.write(content)


def pack_model(model: Model, training: Training) -> bytes:
    """Give the content of a model file."""
    embedder = model.encoder.extractor.embedder
    machines = model.ensemble.machines
    files = {
        "arrays.npz": pack_arrays(model_arrays(model)),
        **{
            part: machines[name].text.encode() if name in machines else b""
            for name, part in TEXTS.items()
        },
        "backbone.tflite": embedder.tflite if embedder else b"",
    }
    for name, network in zip(network_names(len(model.networks)), model.networks, strict=True):
        files[name] = network.tflite
    choices = model.recipe.used()
    about = {
        "format": FORMAT,
        "classes": list(model.classes),
        "recipe": choices,
        "recipe_fingerprint": fingerprint_of(choices),
        "temperatures": {
            name: calibration.temperature
            for name, calibration in model.ensemble.calibrations.items()
        },
        "member_weights": dict(model.ensemble.pool.weights),
        "metadata": metadata_to_entry(model.ensemble.metadata),
        "review": review_to_entry(model.review),
        "decision": decision_to_entry(model.decision),
        "training": vars(training),
        "versions": find_versions(_modules_of(model)),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files["CARD.md"] = render_card(about).encode()
    text = json.dumps(about, indent=1, allow_nan=False)
    return pack({"model.json": text.encode(), **files})


def _modules_of(model: Model) -> list[str]:
    """Name what made a model, whatever else this process has imported: its bytes tell the same."""
    modules = ["trifuse", "cv2", "numpy", "PIL", "scipy", "sklearn"]
    for name in model.ensemble.machines:
        modules += members()[name].modules
    if model.encoder.extractor.embedder or model.networks:
        import ai_edge_litert  # noqa: F401  # perhaps other processes alone have used it

        modules += ["ai_edge_litert", "tensorflow"]
    return modules


def read_about(path: Path) -> dict[str, Any]:
    """Read what a model file says of itself: its `model.json`, and its card as `card`.

    Its classes, its recipe and its metadata are sound; all else is as it stands there.

    Raises
    ------
    ModelFileError
    """
    files, about = _unpack(_read(path), str(path))
    with _errors_of_the_file(str(path)):
        class_names_from(about.get("classes"))
        recipe_from(about)
        metadata_from(about.get("metadata"))
    return {**about, "card": files["CARD.md"].decode("utf-8", "replace")}


def load_model(path: Path) -> Model:
    """Read a model file. Whatever it holds, no code of its maker's runs.

    Raises
    ------
    ModelFileError
        If it is no model file, is damaged, is of another format, or its parts do not fit
        each other.
    """
    return unpack_model(_read(path), str(path))


def unpack_model(content: bytes, what: str) -> Model:
    """Read the content of a model file; `what` names it in errors, which are `load_model`'s."""
    files, about = _unpack(content, what)
    with _errors_of_the_file(what):
        return _build(files, about, what)


@contextmanager
def _errors_of_the_file(what: str) -> Iterator[None]:
    """Turn what unsound parts raise into the error of the file."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:  # LiteRT promises no closed list for a forged network
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        msg = f"{what} is no sound model file: {reason}."
        raise ModelFileError(msg) from error


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            msg = f"The model {path} cannot be read: it is no regular file."
            raise ModelFileError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"The model {path} cannot be read: {error.strerror or error}."
        raise ModelFileError(msg) from error


def _unpack(content: bytes, what: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    files = unpack(content, what)
    networks = network_names(len(files) - 2 - len(HASHED))
    if set(files) != {"model.json", "CARD.md", *HASHED, *networks}:
        msg = f"{what} is no model file of trifuse: it does not hold the right parts."
        raise ModelFileError(msg)
    try:
        about = json.loads(files["model.json"])
    except (ValueError, RecursionError) as error:
        msg = f"{what} is damaged: model.json cannot be read: {error}."
        raise ModelFileError(msg) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        msg = f"{what} is not of model format {FORMAT}; train it anew, or use its own trifuse."
        raise ModelFileError(msg)
    sums = about.get("sha256")
    for name in (*HASHED, *networks):
        if not isinstance(sums, dict) or sums.get(name) != hashlib.sha256(files[name]).hexdigest():
            msg = f"{what} is damaged: the checksum of {name} differs."
            raise ModelFileError(msg)
    return files, about


def _build(files: Mapping[str, bytes], about: Mapping[str, Any], what: str) -> Model:
    """Put the parts together, checking that each fits the others."""
    recipe = recipe_from(about)
    classes = class_names_from(about.get("classes"))
    networks = tuple(
        CnnClassifier(part) for name, part in files.items() if name.startswith("network-")
    )
    calibrated = [*recipe.ensemble.members, *([NETWORK] if networks else [])]
    arrays = unpack_arrays(files["arrays.npz"], what)
    metadata = metadata_from(about.get("metadata"))
    check_arrays(arrays, recipe, len(classes), calibrated, metadata)
    texts = {
        name: files[part].decode("ascii") for name, part in TEXTS.items() if name in calibrated
    }
    ensemble = Ensemble(
        recipe.block_weights,
        machines_from(arrays, texts, recipe, len(classes)),
        projections_from(arrays, recipe),
        count_components(recipe),
        {
            name: Calibration(temperature, arrays[f"calibration.{name}.biases"])
            for name, temperature in temperatures_from(
                about.get("temperatures"), calibrated
            ).items()
        },
        pool_from(arrays, member_weights_from(about.get("member_weights"), calibrated)),
        arrays["prior"],
        metadata,
    )
    embedder = CnnEmbedder(files["backbone.tflite"]) if uses_cnn(recipe) else None
    encoder = BlockEncoder(FeatureExtractor(recipe, embedder), streams_from(arrays, recipe))
    review = review_from(arrays, about.get("review"), recipe)
    images = TrainingImages(arrays[TRAINING_IMAGES])
    decision = decision_from(about.get("decision"), recipe, classes)
    model = Model(classes, encoder, ensemble, review, images, networks, decision)
    _try_out(model)
    return model


def network_names(n: int) -> list[str]:
    """Name the parts of fine-tuned networks."""
    return [f"network-{number}.tflite" for number in range(1, min(n, MAX_NETWORKS) + 1)]


def _try_out(model: Model) -> None:
    """Score a blank image, so that parts that do not fit are found now and not in an archive."""
    blank = np.zeros((64, 64, 3), dtype=np.uint8)
    with np.errstate(all="ignore"):
        for network in model.networks:
            check_outputs(network, len(model.classes))
        images = model.ensemble.project(model.describe(blank))
        scores = model.review.novelty.scores(images)
        numbers = np.append(model.ensemble.judge(images), scores)
    if not np.all(np.isfinite(numbers)) or not abs(model.ensemble.prior.sum() - 1) < 1e-6:
        msg = "its numbers are out of range"
        raise ValueError(msg)
