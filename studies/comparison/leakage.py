"""The leak: what a method seems to be worth when images of one lesion are on both sides."""

from __future__ import annotations

from dataclasses import replace

from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.comparison.folds import draw_folds
from trifuse.studies.comparison.run import Say, be_silent, score_methods
from trifuse.studies.comparison.scores import Leakage, MethodScores


def measure_leakage(
    cache: BlockCache,
    name: str,
    method: Recipe,
    recipe: Recipe,
    n_folds: int = 5,
    say: Say = be_silent,
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
    alone = replace(table, groups=tuple(str(row) for row in range(len(table))))
    by_image = BlockCache(cache.folder, alone, cache.mapper)

    def score(of: BlockCache, title: str) -> MethodScores:
        repeats = draw_folds(of.table, n_folds, 1, recipe.random_state)
        return score_methods(of, {title: method}, repeats, say)[title]

    return Leakage(score(cache, name), score(by_image, f"{name}, folds by image"))
