"""The search space: which choices of a recipe are searched, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import chain, combinations
from operator import getitem
from typing import Any, TypeAlias

from trifuse.recipes.recipe import Recipe, member_options
from trifuse.recipes.registry import encodings, encodings_by_stream

Value: TypeAlias = int | float | str


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`: whole ones if these are; `log` spaces them by ratio."""

    low: float
    high: float
    log: bool = True


Candidates: TypeAlias = Range | tuple[Value, ...]
Space: TypeAlias = dict[str, Candidates]
"""What a choice may be, by its dotted name in the recipe."""

WEIGHT = "fusion.weights."
MEMBERS = "ensemble.members"

BLOCK_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""A block of weight 0 takes no part."""
# Few sizes: trials with the same share their blocks, which take most of the time.
SIZES = (16, 32, 64, 128)
PCA_DIMENSIONS = (32, 64)
CLASSIFIERS: Space = {
    "svm.C": Range(0.1, 100.0),
    "lightgbm.pca_dimension": Range(16, 128),
    "lightgbm.trees": Range(50, 600),
    "lightgbm.learning_rate": Range(0.02, 0.3),
    "lightgbm.leaves": Range(3, 31),
    "lightgbm.l2": Range(0.0, 20.0, log=False),
    "lightgbm.feature_fraction": Range(0.05, 1.0),
}


def search_space(base: Recipe, keep_codebooks: bool = False) -> Space:
    """Give the choices that are searched from a recipe on; the recipe's own are always among them.

    Parameters
    ----------
    base : Recipe
        Blocks that it does not weigh are not tried.
    keep_codebooks : bool
        Leave out the sizes of the codebooks and of the PCA before them.

    Examples
    --------
    >>> base = Recipe.from_dict({"fusion": {"weights": {"cnn": 3, "color_vlad": 1}}})
    >>> space = search_space(base)
    >>> list(space)[:4]
    ['fusion.weights.cnn', 'fusion.weights.color_vlad', 'color.pca_dimension', 'color.vlad.centers']
    >>> space["fusion.weights.cnn"]
    (0.0, 0.5, 1.0, 2.0, 4.0, 3.0)
    """
    space: Space = {}
    if len(base.block_weights) > 1:
        space |= {WEIGHT + block: BLOCK_WEIGHTS for block in base.block_weights}
    for stream, wanted in encodings_by_stream(base.block_weights).items():
        if not keep_codebooks:
            space[f"{stream}.pca_dimension"] = PCA_DIMENSIONS
            for encoding in wanted:
                space[f"{stream}.{encoding}.{encodings()[encoding].size}"] = SIZES
    space |= CLASSIFIERS
    # Every set of members, the recipe's own first and in its order.
    members = list(dict.fromkeys([*base.ensemble.members, *member_options()]))
    sets = (combinations(members, size) for size in range(1, len(members) + 1))
    space.setdefault(MEMBERS, tuple("+".join(chosen) for chosen in chain.from_iterable(sets)))
    own = read_choices(base, space)
    return {name: _including(candidates, own[name]) for name, candidates in space.items()}


def read_choices(recipe: Recipe, space: Space) -> dict[str, Value]:
    """Give what a recipe says of each choice of a space."""
    data = recipe.to_dict()
    choices: dict[str, Any] = {name: reduce(getitem, name.split("."), data) for name in space}
    return choices | {MEMBERS: "+".join(choices[MEMBERS])}


def with_choices(base: Recipe, choices: Mapping[str, Value]) -> Recipe:
    """Give a recipe with other choices.

    Parameters
    ----------
    base : Recipe
    choices : dict
        By the names of a space. Only the ratios of the blocks' weights count, so that all of them
        zero is all of them equal.

    Examples
    --------
    >>> base = Recipe.from_dict({"fusion": {"weights": {"cnn": 3, "color_vlad": 1}}})
    >>> recipe = with_choices(base, {"fusion.weights.cnn": 0.0, "svm.C": 0.5})
    >>> recipe.block_weights, recipe.members["svm"].C
    ({'color_vlad': 1.0}, 0.5)
    """
    data = base.to_dict()
    for name, value in choices.items():
        *sections, key = name.split(".")
        parts = str(value).split("+")
        reduce(getitem, sections, data)[key] = parts if name == MEMBERS else value
    weights = data["fusion"]["weights"]
    kept = {block: weight for block, weight in weights.items() if weight > 0}
    data["fusion"]["weights"] = kept or dict.fromkeys(weights, 1.0)
    return Recipe.from_dict(data)


def _including(candidates: Candidates, value: Any) -> Candidates:
    """Widen candidates, where they must be, to hold a value."""
    if isinstance(candidates, Range):
        low, high = min(candidates.low, value), max(candidates.high, value)
        return Range(low, high, candidates.log)
    return candidates if value in candidates else (*candidates, value)
