"""The runner: methods by repeated cross-validation that keeps lesions together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trifuse.classifiers.member import Folds
from trifuse.classifiers.prior import balance
from trifuse.datasets.splits import thin
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import descriptors
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import digest, with_blocks
from trifuse.studies.comparison.scores import (
    ComparisonScores,
    Leakage,
    LearningCurve,
    MethodScores,
    draw_inner_folds,
    draw_repeats,
    is_scored,
    score_fold,
)
from trifuse.studies.comparison.timing import feature_seconds
from trifuse.training.duplicates.guard import Say

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the training lesions of each class."""


def compare(
    cache: BlockCache,
    methods: Mapping[str, Recipe],
    recipe: Recipe,
    n_folds: int = 5,
    n_repeats: int = 1,
    say: Say = lambda _: None,
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
    repeats = draw_repeats(table, n_folds, n_repeats, recipe.random_state)
    scores = score_methods(cache, methods, repeats, say)
    fingerprint = digest(cache.content, table.labels, table.groups, recipe.fingerprint)
    return ComparisonScores(
        table.classes, table.label_indices, table.group_indices, scores, n_folds, fingerprint
    )


def rehearse_methods(
    cache: BlockCache,
    methods: Mapping[str, Recipe],
    recipe: Recipe,
    n_folds: int = 5,
    n_repeats: int = 1,
) -> None:
    """Raise in the first minute what `compare` would else raise after many.

    Folds are drawn, networks are built, and a few images go through every method.

    Parameters
    ----------
    cache, methods, recipe, n_folds, n_repeats
        As in `compare`.

    Raises
    ------
    trifuse.datasets.table.DatasetError, trifuse.features.backbones.BackboneError,
    trifuse.encoders.codebook.CodebookError, trifuse.features.images.ImageError
    """
    repeats = draw_repeats(cache.table, n_folds, n_repeats, recipe.random_state)
    _check_inner_folds(cache, methods.values(), repeats)
    for method in methods.values():
        cache.embedder(method)
    for method in methods.values():
        feature_seconds(cache, method)


def score_methods(
    cache: BlockCache,
    methods: Mapping[str, Recipe],
    repeats: Sequence[Folds],
    say: Say = lambda _: None,
) -> dict[str, MethodScores]:
    """Score every image by every method, once a repeat.

    Parameters
    ----------
    cache, methods, say
        As in `compare`.
    repeats : sequence of Folds
        For each repeat (training, test) rows; the test parts are disjoint and cover every row.
    """
    _check_inner_folds(cache, methods.values(), repeats)
    for folds in repeats:
        _take_features(cache, methods.values(), folds, say)
    return {
        name: _score_method(cache, name, method, repeats, say) for name, method in methods.items()
    }


def join_recipes(recipes: Iterable[Recipe]) -> list[Recipe]:
    """Give as few recipes as possible that together have every block of many.

    Examples
    --------
    >>> one, other = (with_blocks(Recipe(), [block]) for block in ("cnn", "sift_vlad"))
    >>> [list(recipe.block_weights) for recipe in join_recipes([one, other])]
    [['cnn', 'sift_vlad']]
    """
    joined: dict[str, Recipe] = {}
    for recipe in recipes:
        choices = recipe.to_dict()
        features = ("random_state", "image", *descriptors(), "sample")
        key = digest([choices[section] for section in features])
        others = joined[key].block_weights if key in joined else {}
        joined[key] = with_blocks(recipe, [*others, *recipe.block_weights])
    return list(joined.values())


def _check_inner_folds(
    cache: BlockCache, methods: Iterable[Recipe], repeats: Sequence[Folds]
) -> None:
    """Raise where a class is too small for the folds within a fold."""
    alike = {(method.ensemble.folds, method.random_state): method for method in methods}
    for method in alike.values():
        for folds in repeats:
            for training, _ in folds:
                draw_inner_folds(cache.table, training, method)


def _take_features(cache: BlockCache, methods: Iterable[Recipe], folds: Folds, say: Say) -> None:
    """Have the cache compute what is missing, in as few passes over the images as possible."""
    waiting = [
        method for method in methods if not all(is_scored(cache, method, fold) for fold in folds)
    ]
    parts = [training for training, _ in folds]
    for recipe in join_recipes(waiting):
        if not cache.holds(recipe, parts):
            seconds = feature_seconds(cache, recipe)
            codebooks = len(parts) * seconds.codebooks
            images = len(cache.table) * (2 * seconds.describe + len(parts) * seconds.encode)
            say(
                f"features ({', '.join(recipe.block_weights)}): about "
                f"{(codebooks + images) / 60:.1f} min of one core, {codebooks / 60:.1f} of them "
                f"for {len(parts)} times the codebooks, which are fitted before the images are "
                "encoded"
            )
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


def measure_learning(
    cache: BlockCache,
    name: str,
    method: Recipe,
    recipe: Recipe,
    n_folds: int = 5,
    say: Say = lambda _: None,
) -> LearningCurve:
    """Fit a method, codebooks and all, on growing parts of each fold's training lesions.

    The folds are those of the first repeat of `compare`, whose scores are the last point. The
    test images are the same at every point: all.

    Parameters
    ----------
    cache, recipe, n_folds, say
        As in `compare`.
    name : str
        Of the method, for `say`.
    method : Recipe
    """
    (folds,) = draw_repeats(cache.table, n_folds, 1, recipe.random_state)
    lesions: list[int] = []
    points: list[MethodScores] = []
    for share in SHARES:
        thinned = [
            (thin(cache.table, training, share, method.ensemble.folds, recipe.random_state), test)
            for training, test in folds
        ]
        counts = [len(set(cache.table.group_indices[training])) for training, _ in thinned]
        if lesions and round(float(np.mean(counts))) == lesions[-1]:
            continue  # of so few lesions all shares keep those that the inner folds need
        lesions.append(round(float(np.mean(counts))))
        title = f"{name}, {lesions[-1]} lesions"
        points.append(score_methods(cache, {title: method}, [thinned], say)[title])
    return LearningCurve(tuple(lesions), tuple(points))


def measure_leakage(
    cache: BlockCache,
    name: str,
    method: Recipe,
    recipe: Recipe,
    n_folds: int = 5,
    say: Say = lambda _: None,
) -> Leakage:
    """Cross-validate a method twice: with folds drawn over lesions, and over images.

    Over images, inner folds are drawn so too: the method is evaluated as by somebody who does not
    know the lesions. The folds over lesions are those of the first repeat of `compare`.

    Parameters
    ----------
    cache, recipe, n_folds, say
        As in `compare`.
    name : str
        Of the method, for `say`.
    method : Recipe
    """
    table = cache.table
    by_image = cache.of(replace(table, groups=tuple(str(row) for row in range(len(table)))))
    scores = []
    for of, title in ((cache, name), (by_image, f"{name}, folds by image")):
        repeats = draw_repeats(of.table, n_folds, 1, recipe.random_state)
        scores.append(score_methods(of, {title: method}, repeats, say)[title])
    return Leakage(*scores)
