"""The training job: a labelled archive becomes a model file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.batch.workers.process_mapper import ProcessMapper
from trifuse.classifiers.card import render_metrics
from trifuse.classifiers.ensemble import NETWORK, OutOfFold
from trifuse.classifiers.metrics import compute_metrics
from trifuse.classifiers.model import check_class_names
from trifuse.classifiers.model_file import Training, save_model
from trifuse.classifiers.network_file import (
    Network,
    NetworkError,
    check_networks,
    load_network,
)
from trifuse.classifiers.output import check_output
from trifuse.classifiers.training import encode_archive, fit_model, score_by_networks
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.features.content import file_sha256
from trifuse.recipes.recipe import Recipe
from trifuse.studies.duplicates.guard import guard_groups

LEAST_UNSEEN = 2
"""Images of a class that a fine-tuned network must not have seen."""


@dataclass(frozen=True)
class TrainingOptions:
    """What is trained on, by what, and where the model goes.

    Attributes
    ----------
    data : str
        What `trifuse.datasets.load.load_dataset` reads.
    output : str
        Path of the model file.
    recipe : str
        A preset or a TOML file.
    backbones : tuple of str
        Files of fine-tuned networks.
    merge_duplicates : bool
        Keep images that show the same thing together, whatever their groups.
    jobs : int
        Processes that take features from images.
    overwrite : bool
        Replace an existing model.
    """

    data: str
    output: str
    recipe: str = "default"
    backbones: tuple[str, ...] = ()
    merge_duplicates: bool = False
    jobs: int = 1
    overwrite: bool = False


def run_training(options: TrainingOptions, say: Callable[[str], None] = lambda _: None) -> str:
    """Train on an archive and write the model file.

    Parameters
    ----------
    options : TrainingOptions
    say : callable
        Told what happens, line by line.

    Returns
    -------
    str
        The out-of-fold metrics as a table.

    Raises
    ------
    OutputError, DatasetError, RecipeError, BackboneError, ImageError, ClassNamesError,
    CodebookError, ModelFileError, NetworkError, WorkerError
        Each with the sentence that says what to do.
    """
    path = Path(options.output)
    check_output(path, options.overwrite)
    recipe = Recipe.load(options.recipe)
    networks = [load_network(Path(file)) for file in options.backbones]
    table = load_dataset(options.data)
    check_class_names(table.classes)
    mapper = ProcessMapper(options.jobs)
    table = guard_groups(table, options.merge_duplicates, mapper, say)
    folds = grouped_stratified_folds(
        table.labels, table.groups, recipe.ensemble.folds, recipe.random_state
    )
    images = [file_sha256(path) for path in table.paths]
    seen = find_seen(networks, images, table)
    encoder, blocks = encode_archive(table.paths, recipe, mapper)
    classifiers = [network.classifier for network in networks]
    if networks:
        blocks[NETWORK] = score_by_networks(table.paths, classifiers, seen, mapper)
    say(f"fitting the ensemble: {len(table)} images, {len(folds)} folds")
    model, out_of_fold = fit_model(
        encoder, blocks, table.label_indices, table.classes, folds, classifiers
    )
    training = describe_training(table, images, out_of_fold, networks)
    save_model(path, model, training)
    return render_metrics(training.metrics)


def find_seen(
    networks: Sequence[Network], images: Sequence[str], table: LabelledTable
) -> NDArray[np.bool_]:
    """Tell which groups each fine-tuned network has seen; bool (n_networks, n_images).

    Raises
    ------
    NetworkError
        If a network is of other classes, or too few images are left that one has not seen.
    """
    seen = np.array([network.has_seen(images, table.groups) for network in networks])
    if networks:
        check_networks(networks, table.classes)
        left = np.bincount(table.label_indices[~seen.all(axis=0)], minlength=len(table.classes))
        if left.min() < LEAST_UNSEEN:
            name = table.classes[int(left.argmin())]
            msg = (
                f"the fine-tuned network has seen all but {left.min()} images of the class {name}, "
                "too few to calibrate it on; set more folds aside when fine-tuning, or train on "
                "the whole archive that it is a part of"
            )
            raise NetworkError(msg)
    return seen


def describe_training(
    table: LabelledTable,
    images: Sequence[str],
    out_of_fold: OutOfFold,
    networks: Sequence[Network],
) -> Training:
    """Say what the model file tells of the training."""
    rows = out_of_fold.rows
    labels = table.label_indices[rows]
    return Training(
        images=len(table),
        groups=len(set(table.groups)),
        fingerprint=fingerprint(table, images),
        class_counts={name: table.labels.count(name) for name in table.classes},
        metrics={
            name: compute_metrics(probabilities, labels, table.classes).to_dict()
            for name, probabilities in out_of_fold.probabilities.items()
        },
        networks=[network.about.to_summary() for network in networks],
        held_out=(len(rows), len({table.groups[row] for row in rows})),
    )


def fingerprint(table: LabelledTable, images: Sequence[str]) -> str:
    """SHA-256 over each image's content, label and group, whatever the order of the rows.

    Names and folders of the files do not count: they may hold a patient's data.

    Parameters
    ----------
    table : LabelledTable
    images : sequence of str
        SHA-256 of each image's file, in hexadecimal.
    """
    rows = [
        bytes.fromhex(image) + repr((label, group)).encode()
        for image, label, group in zip(images, table.labels, table.groups, strict=True)
    ]
    return hashlib.sha256(b"".join(sorted(rows))).hexdigest()
