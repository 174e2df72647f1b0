"""Training: an archive that was looked at becomes a model, and what is told of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bands import name_stratum
from trifuse.classifiers.card import Training
from trifuse.classifiers.decision import find_positive
from trifuse.classifiers.decision_fitting import fit_decision
from trifuse.classifiers.ensemble import NETWORK, OutOfFold
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.held_out_figures import describe_held_out
from trifuse.classifiers.member import Folds
from trifuse.classifiers.metadata import MetadataColumn, learn_column
from trifuse.classifiers.metrics import describe_metrics
from trifuse.classifiers.model import Model, TrainingImages, check_class_names
from trifuse.classifiers.network_file import Network, NetworkError
from trifuse.classifiers.review import HeldOut, fit_review
from trifuse.datasets.splits import find_doubts, fit_fold_count, grouped_stratified_folds
from trifuse.datasets.table import DatasetError, LabelledTable, name_few
from trifuse.encoders.blocks import BlockEncoder, Blocks, FeatureExtractor
from trifuse.features.litert import CnnClassifier
from trifuse.features.stages import stage
from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe
from trifuse.training.duplicates.guard import Inspection
from trifuse.training.encoding import Source, encode_archive, score_by_networks
from trifuse.training.networks.crossfit import cross_fit

LEAK = 0.01
"""Of the images that the most frequent class is wrong for; a column that is wrong for no more holds
the labels."""
MANY_CELLS = 3
"""Times the classes; a column of more different cells tells images apart, and not classes."""
LEAST_UNSEEN = 2
"""Images of a class that a fine-tuned network must not have seen."""


class Fitted(NamedTuple):
    """What an archive came to.

    Attributes
    ----------
    model : Model
    training : Training
        What its file tells of it.
    held_out : HeldOut
        What the members of the folds, and bounds that other folds gave, say of its images.
    """

    model: Model
    training: Training
    held_out: HeldOut


def fit_archive(
    inspection: Inspection,
    extractor: FeatureExtractor,
    networks: Sequence[Network] = (),
    jobs: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    images: Sequence[Source] = (),
    work: Path | None = None,
) -> Fitted:
    """Train on an archive.

    Parameters
    ----------
    inspection : Inspection
        The images' labels, groups and digests.
    extractor : FeatureExtractor
        Of the recipe.
    networks : sequence of Network
        Fine-tuned, as one more member, where the recipe has none of its own.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.
    say : callable
        Told, line by line, why the figures say little.
    images : sequence of Source
        In the order of the table; by default its files.
    work : Path, optional
        Where the state of the recipe's networks is kept; by default nowhere.

    Raises
    ------
    DatasetError, ImageError, CodebookError, NetworkError, ClassNamesError, ProcessError,
    FinetuningError, OutputError
    """
    table, recipe = inspection.table, extractor.recipe
    folds = draw_folds(table, recipe)
    for doubt in (doubts := find_doubts(table, len(folds), recipe.ensemble.folds)):
        say(f"warning: {doubt}")
    images = images or table.paths
    seen = find_seen(networks, inspection.images, table)
    classifiers = [network.classifier for network in networks]
    about = [network.about.to_summary() for network in networks]
    logits = {}
    if recipe.networks.per_fold:
        with nullcontext(work) if work else TemporaryDirectory() as folder:
            crossed = cross_fit(inspection, images, folds, recipe, Path(folder), jobs, say)
        classifiers, about, logits[NETWORK] = [crossed.classifier], crossed.about, crossed.logits
    elif networks:
        logits[NETWORK] = score_by_networks(table.paths, classifiers, seen, jobs)
    encoder, blocks = encode_archive(images, extractor, jobs)
    known = [*inspection.images, *(image for network in networks for image in network.about.seen)]
    model, out_of_fold, held_out = fit_model(
        encoder, blocks | logits, table, folds, known, classifiers, inspection.metadata
    )
    training = describe_training(inspection, out_of_fold, held_out, about, doubts)
    return Fitted(model, training, held_out)


def draw_folds(table: LabelledTable, recipe: Recipe) -> Folds:
    """Draw the folds of the out-of-fold scores, fewer where a class has fewer groups.

    Raises
    ------
    trifuse.datasets.table.DatasetError
        If a class has one group alone.
    """
    n_folds = fit_fold_count(table.labels, table.groups, recipe.ensemble.folds)
    return grouped_stratified_folds(table.labels, table.groups, n_folds, recipe.random_state)


def find_seen(
    networks: Sequence[Network], images: Sequence[str], table: LabelledTable
) -> NDArray[np.bool_]:
    """Tell which groups each fine-tuned network has seen; bool (n_networks, n_images).

    Raises
    ------
    NetworkError
        If too few images are left that one has not seen.
    """
    seen = np.array([network.has_seen(images, table.groups) for network in networks])
    if networks:
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


def fit_model(
    encoder: BlockEncoder,
    blocks: Blocks,
    table: LabelledTable,
    folds: Folds,
    images: Sequence[str],
    networks: Sequence[CnnClassifier] = (),
    metadata: Sequence[str] = (),
) -> tuple[Model, OutOfFold, HeldOut]:
    """Fit everything that sees labels.

    Parameters
    ----------
    encoder : BlockEncoder
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
        Of `encode_archive`; where there are networks, with what `score_by_networks` gives, under
        the name `trifuse.classifiers.ensemble.NETWORK`.
    table : LabelledTable
        Of the images; every class must occur.
    folds : Folds
        For the out-of-fold scores; images of one group must share a fold.
    images : sequence of str
        SHA-256, in hexadecimal, of every image file that something here has learnt from, those of
        the networks too, in any order.
    networks : sequence of CnnClassifier
    metadata : sequence of str
        Columns of the table that the ensemble may take beside the blocks.

    Raises
    ------
    DatasetError, ClassNamesError, RecipeError
    """
    check_class_names(table.classes)
    recipe, labels, groups = encoder.extractor.recipe, table.label_indices, table.group_indices
    columns, decision = find_positive(recipe, table.classes), None
    strata, known_columns = name_strata(table, recipe), choose_metadata(table, metadata)
    with stage(f"fitting the ensemble: {len(labels)} images, {len(folds)} folds"):
        ensemble, out_of_fold = fit_ensemble(
            blocks, labels, folds, len(table.classes), recipe,
            with_residuals=True,
            metadata={column.name: table.columns[column.name] for column in known_columns},
        )  # fmt: skip
        review, held_out = fit_review(labels, groups, folds, out_of_fold, recipe, strata)
        if columns:
            decision = fit_decision(labels, groups, folds, out_of_fold, columns, recipe)
    known, own = TrainingImages.of(images), tuple(networks)
    model = Model(table.classes, encoder, ensemble, review, known, own, decision)
    return model, out_of_fold, held_out


def choose_metadata(table: LabelledTable, names: Sequence[str]) -> list[MetadataColumn]:
    """Give the columns that the ensemble is to take beside the images, as they are understood.

    Raises
    ------
    trifuse.datasets.table.DatasetError
        If the archive does not have one of the columns, it is that of the labels, or it says
        nothing.
    """
    if reason := _refuse_columns(table, names):
        msg = f"--metadata {reason}"
        raise DatasetError(msg)
    try:
        return [learn_column(name, table.columns[name]) for name in names]
    except ValueError as error:
        raise DatasetError(f"--metadata cannot be used: {error}") from error


def _refuse_columns(table: LabelledTable, names: Sequence[str]) -> str:
    """Say which of the columns is not there, or is that of the labels; empty if none is."""
    for name in names:
        if name not in table.columns:
            known = name_few(sorted(table.columns), 10) or "none"
            return (
                f"names the column {name!r}, which the archive's table does not have; "
                f"it has: {known}."
            )
        if _tells_labels(table.columns[name], table.labels):
            return (
                f"names the column {name!r}, which holds the labels: of new images it is not known."
            )
    return ""


def _tells_labels(cells: Sequence[str], labels: Sequence[str]) -> bool:
    """Tell whether few different cells tell the label of nearly every image, by whatever name."""
    pairs = Counter(zip(cells, labels, strict=True))
    best = dict.fromkeys(cells, 0)
    for (cell, _), n in pairs.items():
        best[cell] = max(best[cell], n)
    wrong, at_first = len(labels) - sum(best.values()), len(labels) - max(Counter(labels).values())
    return len(best) <= MANY_CELLS * len(set(labels)) and wrong <= LEAK * at_first


def name_strata(table: LabelledTable, recipe: Recipe) -> list[str]:
    """Name the stratum of each image by the recipe's groups; none where it has no groups.

    Raises
    ------
    trifuse.recipes.reading.RecipeError
        If the archive does not have one of the columns, or it is that of the labels.
    """
    options = recipe.review
    if reason := _refuse_columns(table, options.groups):
        msg = f"The recipe's [review] groups {reason}"
        raise RecipeError(msg)
    if not options.groups:
        return []
    rows = zip(*(table.columns[name] for name in options.groups), strict=True)
    return [name_stratum(options.groups, options.bands, cells) for cells in rows]


def describe_training(
    inspection: Inspection,
    out_of_fold: OutOfFold,
    held_out: HeldOut,
    networks: Sequence[Mapping[str, Any]],
    doubts: Sequence[str],
) -> Training:
    """Say what the model file tells of the training, and of fine-tuned networks."""
    table, rows = inspection.table, out_of_fold.rows
    labels, groups = table.label_indices[rows], [table.groups[row] for row in rows]
    flawed = np.array([bool(inspection.flaws[row]) for row in rows]) if inspection.flaws else None
    return Training(
        images=len(table),
        groups=len(set(table.groups)),
        fingerprint=fingerprint(table, inspection.images),
        class_counts={name: table.labels.count(name) for name in table.classes},
        metrics={
            name: describe_metrics(probabilities, labels, table.classes, groups)
            for name, probabilities in out_of_fold.probabilities.items()
        },
        networks=networks,
        held_out=(len(rows), len(set(groups))),
        doubts=doubts,
        unread=[(image.sha256, image.reason) for image in inspection.unread],
        **describe_held_out(held_out, labels, groups, flawed),
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
