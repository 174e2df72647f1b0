"""Networks that are cross-fitted on the folds of the out-of-fold scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trifuse.classifiers.member import Folds
from trifuse.classifiers.model import mean_logits
from trifuse.datasets.table import count
from trifuse.features.descriptors.cnn import calibration_rows
from trifuse.features.keras_backbones import export_litert
from trifuse.features.litert import CnnClassifier
from trifuse.features.quiet import import_tensorflow
from trifuse.features.stages import duration, say_where, stage
from trifuse.recipes.finetuning import NetworkRecipe
from trifuse.recipes.recipe import Recipe
from trifuse.training.duplicates.guard import Inspection
from trifuse.training.encoding import Source, read_pixels
from trifuse.training.networks.children import run_children
from trifuse.training.networks.fold_network import FoldNetwork, train_fold_network
from trifuse.training.networks.network import (
    build_network,
    check_weights,
    export_network,
    split_network,
)
from trifuse.training.networks.network_costs import announce
from trifuse.training.networks.trunk import CnnTrunk, KeptFeatures, count_changes, store_features
from trifuse.training.networks.work_folder import grow_array, write_whole
from trifuse.training.parallel import map_images


class CrossFitted(NamedTuple):
    """What a cross-fitting gives.

    Attributes
    ----------
    classifier : CnnClassifier
        The mean of all networks, for new images.
    logits : ndarray of float32, shape (n_images, n_classes)
        Of each image, by the networks that have not seen its fold.
    about : list of dict
        What a model file tells of each network.
    """

    classifier: CnnClassifier
    logits: NDArray[np.float32]
    about: list[dict[str, Any]]


def rehearse_networks(classes: Sequence[str], recipe: Recipe) -> None:
    """Raise in the first minute what `cross_fit` would else raise after many.

    Raises
    ------
    FinetuningError, BackboneError
    """
    own = recipe.networks.seeded(recipe.random_state)
    check_weights(classes, own)
    network = build_network(own, len(classes))
    if recipe.networks.schedule.stored:
        split_network(network, own)
    import_tensorflow().keras.utils.clear_session()


def networks_fingerprint(inspection: Inspection, recipe: Recipe) -> str:
    """SHA-256, in hexadecimal, of all that the networks follow from."""
    table = inspection.table
    parts = (
        inspection.images, table.labels, table.groups, table.classes,
        recipe.ensemble.folds, recipe.random_state, asdict(recipe.networks),
    )  # fmt: skip
    return hashlib.sha256(ascii(parts).encode()).hexdigest()


def cross_fit(
    inspection: Inspection,
    images: Sequence[Source],
    folds: Folds,
    recipe: Recipe,
    folder: Path,
    jobs: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> CrossFitted:
    """Train networks on all folds but one, for each fold, and score that fold by them.

    What is finished stays in the folder: after a kill the same call goes on from there, to the same
    bytes. These do not depend on the number of jobs either.

    Parameters
    ----------
    inspection : Inspection
    images : sequence of Source
        In the order of the table.
    folds : Folds
        Of the out-of-fold scores.
    recipe : Recipe
    folder : Path
        Of this training alone.
    jobs : int, optional
        Processes at a time.
    say : callable
        Told what will be needed, before it begins.

    Raises
    ------
    FinetuningError, BackboneError, ImageError, OutputError, ProcessError
    """
    own = recipe.networks.seeded(recipe.random_state)
    trunk = _load_trunk(folder, own, len(inspection.table.classes), recipe)
    tasks = _plan(inspection, images, folds, recipe, folder, trunk)
    unfinished = [task for task in tasks if not task.is_finished()]
    if unfinished:
        announce(unfinished, images, trunk, jobs or 1, say)
        if trunk and (kept := unfinished[0].kept):
            store_features(kept, images, trunk, own, jobs)
        _train(unfinished, jobs or 1)
    whole = folder / "networks.tflite"
    if not whole.exists():
        with stage(f"joining {count(tasks, 'network')}"):
            calibration = [read_pixels(source) for source in _calibration(images, recipe)]
            joined = export_network([task.weights() for task in tasks], own, calibration)
            write_whole(whole, joined)
    logits = _score(tasks, images, folds, folder, jobs)
    fingerprint = networks_fingerprint(inspection, recipe)
    about = [task.about(fingerprint) for task in tasks]
    return CrossFitted(CnnClassifier(whole.read_bytes()), logits, about)


def _load_trunk(
    folder: Path, own: NetworkRecipe, n_classes: int, recipe: Recipe
) -> CnnTrunk | None:
    """Export the frozen layers, or read them; None where nothing is kept of images."""
    if not recipe.networks.schedule.stored:
        return None
    path = folder / "trunk.tflite"
    if not path.exists():
        import_tensorflow().keras.utils.clear_session()
        trunk, _ = split_network(build_network(own, n_classes), own)
        write_whole(path, export_litert(trunk))
    return CnnTrunk(path.read_bytes())


def _plan(
    inspection: Inspection,
    images: Sequence[Source],
    folds: Folds,
    recipe: Recipe,
    folder: Path,
    trunk: CnnTrunk | None,
) -> list[FoldNetwork]:
    options, table = recipe.networks, inspection.table
    kept: KeptFeatures | None = None
    if trunk:
        blank = np.zeros((options.network.side, options.network.side, 3), np.uint8)
        changes = count_changes(table.label_indices, options.seeded(0))
        kept = KeptFeatures(folder / "features.f16", changes, trunk.features(blank).shape)
    parts = [rows for rows, _ in folds for _ in range(options.per_fold)]
    return [
        FoldNetwork(
            number=number,
            recipe=options.seeded(recipe.random_state + number),
            trunk_seed=recipe.random_state,
            images=() if kept else images,
            labels=table.label_indices,
            classes=table.classes,
            rows=rows,
            calibration=_calibration([images[row] for row in rows], recipe),
            kept=kept,
            folder=folder,
        )
        for number, rows in enumerate(parts)
    ]


def _calibration(images: Sequence[Source], recipe: Recipe) -> list[Source]:
    rows = calibration_rows(len(images), recipe.networks.export.precision)
    return [images[row] for row in rows]


def _train(tasks: Sequence[FoldNetwork], jobs: int) -> None:
    """Train networks in processes of their own, and tell how far they are, all together."""
    done, total = [task.steps_done() for task in tasks], sum(task.steps for task in tasks)
    started, first = time.monotonic(), sum(done)
    with (
        stage(f"training {count(tasks, 'network')}: {total:,} steps"),
        closing(run_children(train_fold_network, tasks, jobs)) as told,
        tqdm(total=total, initial=first, unit=" steps", disable=None) as bar,
    ):
        for number, step in told:
            bar.update(step - done[number])
            done[number] = step
            if (new := sum(done) - first) > 0:
                left = (time.monotonic() - started) * (total - sum(done)) / new
                say_where(f"{sum(done):,} of {total:,} steps, {duration(left)} left")


def _score(
    tasks: Sequence[FoldNetwork],
    images: Sequence[Source],
    folds: Folds,
    folder: Path,
    jobs: int | None,
) -> NDArray[np.float32]:
    """Score each fold by the networks that have not seen it; float32 (n_images, n_classes)."""
    per_fold = len(tasks) // len(folds)
    logits = np.empty((len(images), len(tasks[0].classes)), np.float32)
    for fold, (_, held_out) in enumerate(folds):
        own = tasks[fold * per_fold : (fold + 1) * per_fold]
        score = partial(_score_image, [task.classifier() for task in own])
        rows = partial(_score_from, score, [images[row] for row in held_out], fold + 1, jobs)
        path, shape = folder / f"logits-{fold + 1}.f32", (len(held_out), logits.shape[1])
        logits[held_out] = grow_array(path, shape, np.float32, rows)
    return logits


def _score_from(
    score: Callable[[Source], NDArray[np.float32]],
    images: Sequence[Source],
    fold: int,
    jobs: int | None,
    done: int,
) -> Iterator[NDArray[np.float32]]:
    return map_images(score, images[done:], f"scoring fold {fold} by networks", jobs)


def _score_image(networks: Sequence[CnnClassifier], source: Source) -> NDArray[np.float32]:
    return mean_logits(networks, read_pixels(source))
