"""What methods say out of fold: of the test part of one fold, and of a whole archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.member import Folds
from trifuse.classifiers.output import open_output
from trifuse.datasets.splits import Split, grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import Blocks
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import block_choices, digest
from trifuse.studies.comparison.methods import with_members
from trifuse.studies.comparison.timing import TIMED_IMAGES, median_seconds
from trifuse.studies.measured import Answers, Truth

FORMAT = 2
"""To be raised where the same blocks and recipe give other probabilities than before."""


@dataclass(frozen=True)
class MethodScores(Answers):
    """What one method says of every image, out of fold, and what it costs.

    Attributes
    ----------
    dimensions : int
        Length of the vector that the classifier sees: the sum of the blocks'.
    seconds : float
        Of processor time, to take the features of one image and score it; NaN if not measured.
    """

    dimensions: int
    seconds: float


@dataclass(frozen=True)
class ComparisonScores(Truth):
    """What every method says of the images of one archive.

    Attributes
    ----------
    methods : dict of str to MethodScores
        In the order in which they were asked for.
    n_folds : int
    fingerprint : str
        Of the archive and the base recipe.
    """

    methods: dict[str, MethodScores]
    n_folds: int
    fingerprint: str


@dataclass(frozen=True)
class LearningCurve:
    """One method, fitted on growing parts of each fold's training lesions.

    Attributes
    ----------
    lesions : tuple of int
        Training lesions at each point, the mean over the folds, rounded; they grow.
    points : tuple of MethodScores
        Of each point: one repeat, and every image out of fold, so the test images are the same.
    """

    lesions: tuple[int, ...]
    points: tuple[MethodScores, ...]


@dataclass(frozen=True)
class Leakage:
    """One method, with folds drawn over lesions and with folds drawn over images.

    Attributes
    ----------
    by_lesion, by_image : MethodScores
        With the images of a lesion on one side of each split, and on both.
    """

    by_lesion: MethodScores
    by_image: MethodScores


class FoldScores(NamedTuple):
    """What a method says of the test part of one fold.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_test, n_classes)
    dimensions : int
        Of all blocks together.
    seconds : float
        Of processor time, to score the blocks of one image.
    """

    probabilities: NDArray[np.float64]
    dimensions: int
    seconds: float


def draw_repeats(
    table: LabelledTable, n_folds: int, n_repeats: int, random_state: int
) -> list[Folds]:
    """Draw the folds of every repeat; the random state of each is one more than the last's."""
    return [
        grouped_stratified_folds(table.labels, table.groups, n_folds, random_state + repeat)
        for repeat in range(n_repeats)
    ]


def draw_inner_folds(table: LabelledTable, training: NDArray[np.intp], method: Recipe) -> Folds:
    """Split a training part once more, for calibrations and weights."""
    part = table.subset(training)
    n_folds = method.ensemble.folds
    return grouped_stratified_folds(part.labels, part.groups, n_folds, method.random_state)


def score_fold(cache: BlockCache, method: Recipe, split: Split) -> FoldScores:
    """Fit a method on a training part and score the test part, or read what this gave before.

    What each member alone gives is kept too: to compare the members is then no work.
    """
    path = _path(cache, method, split)
    if (known := _read(path)) is not None:
        return known
    found = _fit_and_score(cache, method, split)
    for recipe, scores in found:
        with open_output(_path(cache, recipe, split)) as file:
            np.savez(file, **scores._asdict())
    return found[0][1]


def is_scored(cache: BlockCache, method: Recipe, split: Split) -> bool:
    """Tell whether `score_fold` has only to read."""
    return _read(_path(cache, method, split)) is not None


def _path(cache: BlockCache, method: Recipe, split: Split) -> Path:
    """Give the file of a fold's scores, by everything that they depend on.

    The labels of the test part are not among it.
    """
    training, test = split
    part = cache.table.subset(training)
    choices = {name: value for name, value in method.to_dict().items() if name != "review"}
    blocks = [block_choices(method, block) for block in method.block_weights]
    key = digest(
        FORMAT, cache.content, training.tolist(), test.tolist(),
        part.label_indices.tolist(), part.group_indices.tolist(), len(part.classes),
        choices, blocks,
    )  # fmt: skip
    return cache.folder / f"scores-{key}.npz"


def _read(path: Path) -> FoldScores | None:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return FoldScores(
                arrays["probabilities"], int(arrays["dimensions"]), float(arrays["seconds"])
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None  # it is not there, or damaged: then it is made again


def _fit_and_score(
    cache: BlockCache, method: Recipe, split: Split
) -> list[tuple[Recipe, FoldScores]]:
    """Score the test part by a method, and by those that have one of its members alone."""
    training, test = split
    labels, n_classes = cache.table.label_indices[training], len(cache.table.classes)
    inner = draw_inner_folds(cache.table, training, method)
    (blocks,) = cache.encode(method, [training])
    ensemble, _ = fit_ensemble(_rows(blocks, training), labels, inner, n_classes, method)
    held_out = _rows(blocks, test)
    images = [_rows(held_out, [row]) for row in range(min(TIMED_IMAGES, len(test)))]
    ensembles = [(method, ensemble)]
    if len(ensemble.machines) > 1:
        ensembles += [
            (with_members(method, member), ensemble.alone(member)) for member in ensemble.machines
        ]
    dimensions = sum(block.shape[1] for block in blocks.values())
    return [
        (recipe, FoldScores(fitted.probabilities(held_out), dimensions, seconds))
        for recipe, fitted in ensembles
        for seconds in [median_seconds(fitted.probabilities, images)]
    ]


def _rows(blocks: Blocks, rows: NDArray[np.intp] | Sequence[int]) -> Blocks:
    return {name: block[rows] for name, block in blocks.items()}
