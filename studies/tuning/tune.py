"""Tuning: the best recipe of a search, beside the recipe it began with, on held-out lesions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.member import Folds
from trifuse.classifiers.prior import balance
from trifuse.datasets.splits import Split, grouped_stratified_folds
from trifuse.datasets.table import LabelledTable
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import digest
from trifuse.studies.comparison.scores import draw_inner_folds, score_fold
from trifuse.studies.comparison.timing import feature_seconds
from trifuse.studies.measured import FIGURES, Answers, Measured, Truth, measure_method
from trifuse.studies.tuning.search import (
    Budget,
    Trial,
    best_trial,
    choice_importances,
    open_study,
    run_search,
)
from trifuse.studies.tuning.search_space import Space, read_choices, search_space, with_choices

HELD_OUT = 5
"""One in so many lesions is held out."""
TRIALS_PER_CHOICE = 3
"""With fewer, the importance of the choices is a guess, and is not told."""
DEFAULT_BUDGET = Budget()


class Part(NamedTuple):
    """How many images and lesions one side of the split has."""

    images: int
    lesions: int


@dataclass(frozen=True)
class Tuning:
    """What a search came to.

    Attributes
    ----------
    objective : str
        The figure that was searched for.
    space : Space
    base : Recipe
        The recipe of trial 0.
    trials : list of Trial
        With figures on the searched lesions, out of fold.
    best : int
        The trial whose objective is best.
    importances : dict of str to float
        As `choice_importances` gives them; none below `TRIALS_PER_CHOICE` trials a choice.
    searched, held_out : Part
    outer_base, outer_best : Measured
        Of the base recipe and of the best one, fitted on all searched lesions, on the held-out
        ones.
    """

    objective: str
    space: Space
    base: Recipe
    trials: list[Trial]
    best: int
    importances: dict[str, float]
    searched: Part
    held_out: Part
    outer_base: Measured
    outer_best: Measured

    @property
    def recipe(self) -> Recipe:
        """The best recipe."""
        return with_choices(self.base, self.trials[self.best].choices)


def tune(
    cache: BlockCache,
    base: Recipe,
    storage: Path,
    objective: str = "log_loss",
    budget: Budget = DEFAULT_BUDGET,
    keep_codebooks: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Search for the best recipe, and measure it on lesions that the search did not see.

    One in five lesions is held out. A trial's figures are those of its ensemble on the others, out
    of fold; its codebooks, which see no labels, are fitted on all of these. The best of many trials
    looks better than it is, so that the figures to report are those of the held-out lesions.

    Parameters
    ----------
    cache : BlockCache
        Of the labelled archive.
    base : Recipe
        Where the search begins; its random state draws the split and the trials.
    storage : Path
        The file of the search, which goes on where it was.
    objective : str
        A key of `trifuse.studies.tuning.search.OBJECTIVES`.
    budget : Budget
    keep_codebooks : bool
        As in `search_space`.
    say : callable
        Told what happens, line by line.

    Raises
    ------
    TuningError, trifuse.features.libraries.ExtraError
    trifuse.datasets.table.DatasetError
        If a class has too few lesions for the split or the folds.
    """
    table, space = cache.table, search_space(base, keep_codebooks)
    split = hold_out(table, base.random_state)
    inner = draw_inner_folds(table, split[0], base)
    archive = digest(cache.content, table.labels, table.groups, table.classes)
    identity = {"archive": archive} | _identify(base, space)
    with open_study(storage, objective, identity) as study:
        score = partial(score_choices, cache, base, split[0], inner)
        start = read_choices(base, space)
        trials = run_search(study, space, start, score, budget, base.random_state, say)
        importances = {}
        if len(trials) >= TRIALS_PER_CHOICE * len(space):
            importances = choice_importances(study, base.random_state)
    best = best_trial(trials, objective)
    say("fitting the first and the best recipe on all of the searched lesions")
    return Tuning(
        objective,
        space,
        base,
        trials,
        best,
        importances,
        _size(table, split[0]),
        _size(table, split[1]),
        _measure_outer(cache, base, split),
        _measure_outer(cache, with_choices(base, trials[best].choices), split),
    )


def rehearse_search(
    cache: BlockCache, base: Recipe, storage: Path, objective: str, keep_codebooks: bool = False
) -> None:
    """Raise in the first minute what `tune` would else raise after many.

    Folds are drawn, the network is built, a few images go through the recipe, and the search that
    there may be already must be the same one, as far as it can be told without the images.

    Parameters
    ----------
    cache, base, storage, objective, keep_codebooks
        As in `tune`.

    Raises
    ------
    TuningError, trifuse.features.libraries.ExtraError
    trifuse.datasets.table.DatasetError, trifuse.features.backbones.BackboneError,
    trifuse.encoders.codebook.CodebookError, trifuse.features.images.ImageError
    """
    draw_inner_folds(cache.table, hold_out(cache.table, base.random_state)[0], base)
    if storage.exists():
        with open_study(storage, objective, _identify(base, search_space(base, keep_codebooks))):
            pass
    cache.embedder(base)
    feature_seconds(cache, base)


def hold_out(table: LabelledTable, random_state: int = 0) -> Split:
    """Give the rows that are searched on, and those that are held out."""
    return grouped_stratified_folds(table.labels, table.groups, HELD_OUT, random_state)[0]


def score_choices(
    cache: BlockCache,
    base: Recipe,
    searched: NDArray[np.intp],
    folds: Folds,
    choices: dict[str, int | float | str],
) -> dict[str, float]:
    """Give the figures of a trial; the labels of rows other than `searched` are not looked at."""
    recipe, part = with_choices(base, choices), cache.table.subset(searched)
    (blocks,) = cache.encode(recipe, [searched])
    own = {name: block[searched] for name, block in blocks.items()}
    _, out_of_fold = fit_ensemble(own, part.label_indices, folds, len(part.classes), recipe)
    values = _measure(out_of_fold.probabilities["ensemble"], part, part, n_resamples=0).values
    return {figure: values[figure] for figure in FIGURES}


def _identify(base: Recipe, space: Space) -> dict[str, str]:
    """Tell a search from others, but for its archive."""
    candidates = digest([(name, repr(values)) for name, values in space.items()])
    return {"recipe": base.fingerprint, "search space": candidates}


def _size(table: LabelledTable, rows: NDArray[np.intp]) -> Part:
    return Part(len(rows), len(set(table.group_indices[rows].tolist())))


def _measure_outer(cache: BlockCache, recipe: Recipe, split: Split) -> Measured:
    searched, held_out = (cache.table.subset(rows) for rows in split)
    return _measure(score_fold(cache, recipe, split).probabilities, searched, held_out)


def _measure(
    probabilities: NDArray[np.float64], training: LabelledTable, part: LabelledTable, **options: int
) -> Measured:
    """Measure what an ensemble with the class shares of `training` says of `part`."""
    prior = np.bincount(training.label_indices, minlength=len(part.classes)) / len(training)
    answers = Answers(probabilities[None], balance(probabilities, prior)[None])
    truth = Truth(part.classes, part.label_indices, part.group_indices)
    return measure_method(answers, truth, **options)
