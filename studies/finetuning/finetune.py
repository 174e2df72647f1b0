"""Fine-tuning as a job: a labelled archive becomes the file of a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trifuse.classifiers.network_file import FineTuned, Network, save_network
from trifuse.classifiers.output import check_output, make_folder
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.features.files import file_sha256
from trifuse.features.libraries import require_modules
from trifuse.features.litert import CnnClassifier
from trifuse.features.quiet import import_tensorflow
from trifuse.features.stages import duration
from trifuse.recipes.finetuning import FinetuningRecipe, SplitOptions
from trifuse.studies.finetuning.finetuning_report import FINETUNING_FILES, write_finetuning
from trifuse.studies.finetuning.judged_trainer import CHECKPOINTS, JudgedTrainer
from trifuse.training.networks.batches import Batches
from trifuse.training.networks.network import (
    FinetuningError,
    build_network,
    check_weights,
    export_network,
    network_weights,
)

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
        raise FinetuningError(
            f"of {options.folds} folds {options.validation} validate and {options.calibration} "
            "are set aside, which leaves none to train on; use more folds"
        )
    splits = grouped_stratified_folds(table.labels, table.groups, options.folds, random_state)
    folds = [rows for _, rows in splits]
    first = options.validation + options.calibration
    parts = (folds[first:], folds[: options.validation], folds[options.validation : first])
    rows = [np.sort(np.concatenate([np.empty(0, int), *part])) for part in parts]
    return Parts(*(table.subset(part) for part in rows))


def open_folder(folder: Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> Path:
    """Make the folder of a fine-tuning, or take one that there is.

    Parameters
    ----------
    folder : Path
    overwrite : bool
        Remove the checkpoints of an earlier fine-tuning.
    inputs : iterable of str or Path
        What is read, which no file of the fine-tuning may replace.

    Raises
    ------
    FinetuningError
        If it holds a network without its checkpoint.
    trifuse.classifiers.output.OutputError, OSError
        If it is no folder, cannot be made, cannot be written to, or holds files that must not be
        replaced.
    """
    make_folder(folder)
    if (
        not overwrite
        and (folder / NETWORK_FILE).exists()
        and not (folder / CHECKPOINTS[0]).exists()
    ):
        raise FinetuningError(
            f"{folder} holds {NETWORK_FILE}, but not {CHECKPOINTS[0]}, of which it was made; "
            "name another folder, or say --overwrite to replace it"
        )
    is_own = (folder / CHECKPOINTS[0]).exists()
    for name in (*CHECKPOINTS, NETWORK_FILE, *FINETUNING_FILES):
        mark = b"" if name in CHECKPOINTS else None
        check_output(folder / name, overwrite or is_own, inputs, mark)
    for name in CHECKPOINTS if overwrite else ():
        (folder / name).unlink(missing_ok=True)
    return folder


def rehearse_fine_tuning(table: LabelledTable, recipe: FinetuningRecipe) -> None:
    """Raise in the first minute what `fine_tune` would else raise after many.

    Raises
    ------
    FinetuningError, DatasetError, BackboneError, ExtraError
    """
    require_modules("studies", "matplotlib")
    check_weights(table.classes, recipe)
    split_archive(table, recipe.split, recipe.random_state)
    build_network(recipe, len(table.classes))
    import_tensorflow().keras.utils.clear_session()  # else the next network's layers count on


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
    FinetuningError, DatasetError, BackboneError, ImageError, OutputError
        Each with the sentence that says what to do; most of them are raised by
        `rehearse_fine_tuning` too, before any work.
    """
    check_weights(table.classes, recipe)
    parts = split_archive(table, recipe.split, recipe.random_state)
    images = [file_sha256(path) for path in table.paths]
    rows = repr((images, table.labels, table.groups, table.classes))
    fingerprint = hashlib.sha256(f"{recipe.fingerprint}{rows}".encode()).hexdigest()
    network = build_network(recipe, len(table.classes))
    batches = Batches(parts.training.paths, parts.training.label_indices, recipe)
    trainer = JudgedTrainer(network, batches, parts.validation, recipe, folder, fingerprint)
    if not trainer.finished:
        _announce(trainer, parts, say)
        trainer.run(say)
    trainer.take_kept()
    tflite = export_network([network_weights(network)], recipe)
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
    write_finetuning(folder, trainer.progress.epochs, trainer.kept_epoch, *trainer.measure())
    save_network(folder / NETWORK_FILE, result)
    return result


def _announce(trainer: JudgedTrainer, parts: Parts, say: Callable[[str], None]) -> None:
    recipe, step = trainer.recipe, trainer.progress.step
    say(
        f"{recipe.network.backbone}: {len(parts.training)} images train it, "
        f"{len(parts.validation)} judge its epochs, {len(parts.calibration)} are set aside"
    )
    layers = trainer.network.model.layers
    frozen = sum(not layer.trainable for layer in layers)
    seconds = trainer.seconds_a_step() * (trainer.total - step)
    begin = f"going on after step {step}" if step else "beginning"
    say(
        f"{begin}: {recipe.schedule.epochs} epochs of {trainer.steps_per_epoch} steps, "
        f"{frozen} of {len(layers)} layers frozen; about {duration(seconds)} "
        "on this machine"
    )
