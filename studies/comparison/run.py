"""The runner: methods by repeated cross-validation that keeps lesions together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from trifuse.classifiers.ensemble import Folds
from trifuse.classifiers.prior import balance
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import digest, with_blocks
from trifuse.studies.comparison.folds import draw_folds, draw_inner_folds, is_scored, score_fold
from trifuse.studies.comparison.scores import ComparisonScores, MethodScores
from trifuse.studies.comparison.timing import feature_seconds

Say = Callable[[str], None]
"""Told what happens, line by line."""


def be_silent(text: str) -> None:
    """Say nothing."""


def compare(
    cache: BlockCache,
    methods: Mapping[str, Recipe],
    recipe: Recipe,
    n_folds: int = 5,
    n_repeats: int = 1,
    say: Say = be_silent,
) -> ComparisonScores:
    """Score every image by methods that were fitted without its lesion.

    Everything is fitted anew in each fold, on its training part alone: codebooks, PCA, members,
    calibrations and weights, the last two on inner folds that keep lesions together too. What is
    finished, blocks and folds, is kept in the cache's folder: a run that was killed goes on there
    and gives the same.

    Parameters
    ----------
    cache : BlockCache
        Of the labelled archive.
    methods : dict of str to Recipe
    recipe : Recipe
        Its random state draws the folds, the same for every method; each repeat adds one to it.
    n_folds, n_repeats : int
    say : callable

    Raises
    ------
    trifuse.datasets.table.DatasetError
        Before the work begins, if a class has too few lesions for the folds or the inner folds.
    """
    table = cache.table
    repeats = draw_folds(table, n_folds, n_repeats, recipe.random_state)
    scores = score_methods(cache, methods, repeats, say)
    fingerprint = digest(cache.content, table.labels, table.groups, recipe.fingerprint)
    return ComparisonScores(
        table.classes, table.label_indices, table.group_indices, scores, n_folds, fingerprint
    )


def score_methods(
    cache: BlockCache,
    methods: Mapping[str, Recipe],
    repeats: Sequence[Folds],
    say: Say = be_silent,
) -> dict[str, MethodScores]:
    """Score every image by every method, once a repeat.

    Parameters
    ----------
    cache, methods, say
        As in `compare`.
    repeats : sequence of Folds
        For each repeat (training, test) rows; the test parts are disjoint and cover every row.
    """
    for method in methods.values():  # a class may be too small: that is told before the work
        for folds in repeats:
            for training, _ in folds:
                draw_inner_folds(cache.table, training, method)
    for folds in repeats:
        _take_features(cache, methods.values(), folds, say)
    return {
        name: _score_method(cache, name, method, repeats, say) for name, method in methods.items()
    }


def join_blocks(recipes: Iterable[Recipe]) -> list[Recipe]:
    """Give as few recipes as possible that together have every block of many.

    Examples
    --------
    >>> one, other = (with_blocks(Recipe(), [block]) for block in ("cnn", "sift_vlad"))
    >>> [list(recipe.block_weights) for recipe in join_blocks([one, other])]
    [['cnn', 'sift_vlad']]
    """
    joined: dict[str, Recipe] = {}
    for recipe in recipes:
        choices = recipe.to_dict()
        features = ("random_state", "image", "sift", "color", "cnn", "sample")
        key = digest([choices[section] for section in features])
        others = joined[key].block_weights if key in joined else {}
        joined[key] = with_blocks(recipe, [*others, *recipe.block_weights])
    return list(joined.values())


def _take_features(cache: BlockCache, methods: Iterable[Recipe], folds: Folds, say: Say) -> None:
    """Have the cache compute what is missing, in as few passes over the images as possible."""
    waiting = [
        method for method in methods if not all(is_scored(cache, method, fold) for fold in folds)
    ]
    parts = [training for training, _ in folds]
    for recipe in join_blocks(waiting):
        if not cache.holds(recipe, parts):
            seconds = feature_seconds(cache, recipe)
            each = 2 * seconds.describe + len(parts) * seconds.encode
            minutes = len(cache.table) * each / 60
            blocks = ", ".join(recipe.block_weights)
            say(f"features ({blocks}): about {minutes:.1f} min of one core, codebooks aside")
            cache.encode(recipe, parts)


def _score_method(
    cache: BlockCache, name: str, method: Recipe, repeats: Sequence[Folds], say: Say
) -> MethodScores:
    labels, n_classes = cache.table.label_indices, len(cache.table.classes)
    probabilities = np.zeros((len(repeats), len(labels), n_classes))
    balanced, seconds, dimensions = np.zeros_like(probabilities), [], 0
    for repeat, folds in enumerate(repeats):
        for number, (training, test) in enumerate(folds):
            if not is_scored(cache, method, (training, test)):
                of_all = f"{repeat * len(folds) + number + 1} of {len(repeats) * len(folds)}"
                say(f"{name}: fold {of_all}")
            fold = score_fold(cache, method, (training, test))
            prior = np.bincount(labels[training], minlength=n_classes) / len(training)
            probabilities[repeat, test] = fold.probabilities
            balanced[repeat, test] = balance(fold.probabilities, prior)
            seconds.append(fold.seconds)
            dimensions = fold.dimensions
    features = feature_seconds(cache, method)
    total = features.describe + features.encode + float(np.median(seconds))
    return MethodScores(probabilities, balanced, dimensions, total)
