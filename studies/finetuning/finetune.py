"""Fine-tuning as a job: a labelled archive becomes the file of a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trifuse.classifiers.network_file import FineTuned, Network, save_network
from trifuse.classifiers.output import make_folder
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.features.cnn import CnnClassifier
from trifuse.features.content import file_sha256
from trifuse.recipes.finetuning import FinetuningRecipe, SplitOptions
from trifuse.studies.extra import require_modules
from trifuse.studies.finetuning.errors import FinetuningError
from trifuse.studies.finetuning.network import build_network, export_network
from trifuse.studies.finetuning.report import write_report
from trifuse.studies.finetuning.trainer import CHECKPOINTS, Trainer

NETWORK_FILE = "network.trifuse-cnn"
"""The file of the network, in the folder of a fine-tuning."""


@dataclass(frozen=True)
class Parts:
    """The parts of an archive; no group is in two of them.

    Attributes
    ----------
    training, validation, calibration : LabelledTable
        What the network learns from, what judges its epochs, and what it never sees.
    """

    training: LabelledTable
    validation: LabelledTable
    calibration: LabelledTable


def split_archive(table: LabelledTable, options: SplitOptions, random_state: int) -> Parts:
    """Deal the groups of an archive into its parts.

    Raises
    ------
    FinetuningError
        If no fold is left to train on.
    trifuse.datasets.table.DatasetError
        If a class has fewer groups than there are folds.
    """
    if options.validation + options.calibration >= options.folds:
        msg = (
            f"of {options.folds} folds {options.validation} validate and {options.calibration} "
            "are set aside, which leaves none to train on; use more folds"
        )
        raise FinetuningError(msg)
    folds = [
        rows
        for _, rows in grouped_stratified_folds(
            table.labels, table.groups, options.folds, random_state
        )
    ]
    first = options.validation + options.calibration
    parts = (folds[first:], folds[: options.validation], folds[options.validation : first])
    rows = [np.sort(np.concatenate([np.empty(0, int), *part])) for part in parts]
    return Parts(*(table.subset(part) for part in rows))


def open_folder(folder: Path, overwrite: bool) -> Path:
    """Make the folder of a fine-tuning, or take one that there is.

    Parameters
    ----------
    folder : Path
    overwrite : bool
        Remove the checkpoints of an earlier fine-tuning.

    Raises
    ------
    FinetuningError
        If it holds a network without its checkpoint.
    trifuse.classifiers.output.OutputError, OSError
        If it is no folder, cannot be made, or cannot be written to.
    """
    make_folder(folder)
    if overwrite:
        for name in CHECKPOINTS:
            (folder / name).unlink(missing_ok=True)
    if (
        not overwrite
        and (folder / NETWORK_FILE).exists()
        and not (folder / CHECKPOINTS[0]).exists()
    ):
        msg = (
            f"{folder} holds {NETWORK_FILE}, but not {CHECKPOINTS[0]}, of which it was made; "
            "name another folder, or say --overwrite to replace it"
        )
        raise FinetuningError(msg)
    return folder


def fine_tune(
    table: LabelledTable,
    recipe: FinetuningRecipe,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Network:
    """Fine-tune a network, or go on where a killed fine-tuning in the same folder stopped.

    A fine-tuning that was interrupted gives the same network as one that was not.

    Parameters
    ----------
    table : LabelledTable
    recipe : FinetuningRecipe
    folder : Path
        Where its checkpoints, its network, its curves and its report are.
    say : callable
        Told what happens, line by line; first of all how long it will take.

    Returns
    -------
    Network
        Of the epoch that is kept, as it is in the folder's `NETWORK_FILE`.

    Raises
    ------
    FinetuningError, DatasetError, BackboneError, ExtraError, ImageError, OutputError
        Each with the sentence that says what to do.
    """
    require_modules("studies", "matplotlib")
    if unknown := sorted(set(recipe.balance.class_weights) - set(table.classes)):
        msg = f"the recipe weights the class {unknown[0]!r}, which no image of the archive has"
        raise FinetuningError(msg)
    parts = split_archive(table, recipe.split, recipe.random_state)
    images = [file_sha256(path) for path in table.paths]
    fingerprint = _fingerprint(table, images, recipe)
    network = build_network(recipe, len(table.classes))
    trainer = Trainer(network, parts.training, parts.validation, recipe, folder, fingerprint)
    if not trainer.finished:
        _announce(trainer, parts, say)
        trainer.run(say)
    trainer.take_kept()
    tflite = export_network(network, recipe)
    content = dict(zip(table.paths, images, strict=True))
    seen = {content[path] for path in parts.training.paths + parts.validation.paths}
    about = FineTuned(
        classes=table.classes,
        backbone=recipe.network.backbone,
        fingerprint=fingerprint,
        seen=tuple(sorted(seen)),
        validation=trainer.progress.epochs[trainer.kept_epoch].validation,
        recipe=recipe.to_dict(),
        sha256=hashlib.sha256(tflite).hexdigest(),
    )
    result = Network(about, CnnClassifier(tflite))
    write_report(folder, trainer.progress.epochs, trainer.kept_epoch, trainer.measure())
    save_network(folder / NETWORK_FILE, result)
    return result


def _announce(trainer: Trainer, parts: Parts, say: Callable[[str], None]) -> None:
    recipe, step = trainer.recipe, trainer.progress.step
    say(
        f"{recipe.network.backbone}: {len(parts.training)} images train it, "
        f"{len(parts.validation)} judge its epochs, {len(parts.calibration)} are set aside"
    )
    layers = trainer.network.model.layers
    frozen = sum(not layer.trainable for layer in layers)
    begin = f"going on after step {step}" if step else "beginning"
    say(
        f"{begin}: {recipe.schedule.epochs} epochs of {trainer.steps_per_epoch} steps, "
        f"{frozen} of {len(layers)} layers frozen; about {_duration(trainer.estimate())} "
        "on this machine"
    )


def _duration(seconds: float) -> str:
    """Write a duration in words.

    >>> _duration(59), _duration(3_000), _duration(9_000)
    ('1 minute', '50 minutes', '2 h 30 min')
    """
    minutes = max(1, round(seconds / 60))
    if minutes < 100:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes // 60} h {minutes % 60} min"


def _fingerprint(table: LabelledTable, images: Sequence[str], recipe: FinetuningRecipe) -> str:
    """SHA-256 over the images' contents, labels and groups, in order, and the recipe."""
    rows = repr((images, table.labels, table.groups, table.classes))
    return hashlib.sha256(f"{recipe.fingerprint}{rows}".encode()).hexdigest()
