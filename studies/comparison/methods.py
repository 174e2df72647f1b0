"""The methods of a comparison: recipes by name, from a file or made of one recipe."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_choices import with_blocks

ENSEMBLE = "fused, ensemble"


class MethodsError(ValueError):
    """Methods that cannot be compared; the message says which, and what to do."""


def default_methods(recipe: Recipe) -> dict[str, Recipe]:
    """Make the methods that show what a recipe's parts bring.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    dict of str to Recipe
        The recipe itself; then, of all its blocks fused, each member alone; then each block alone
        with a linear SVM. The last two are left out where there is but one.

    Examples
    --------
    >>> recipe = with_blocks(Recipe(), ["cnn", "sift_vlad"])
    >>> list(default_methods(recipe))
    ['fused, ensemble', 'fused, svm', 'fused, lightgbm', 'cnn', 'sift_vlad']
    """
    methods = {ENSEMBLE: recipe}
    members, blocks = recipe.ensemble.members, list(recipe.block_weights)
    if len(members) > 1:
        for member in members:
            methods[f"fused, {member}"] = with_members(recipe, member)
    if len(blocks) > 1:
        for block in blocks:
            methods[block] = with_blocks(with_members(recipe, "svm"), [block])
    return methods


def read_methods(path: Path, recipe: Recipe) -> dict[str, Recipe]:
    """Read methods from a TOML file: a table each, with what differs from a recipe.

    Parameters
    ----------
    path : Path
        ``["Fisher (SIFT)"]`` and below it, say, ``fusion.weights = { sift_fisher = 1 }``. A key
        replaces the recipe's; ``fusion.weights`` replaces all of the recipe's weights.
    recipe : Recipe

    Returns
    -------
    dict of str to Recipe
        In the order of the file.

    Raises
    ------
    MethodsError
        If the file cannot be read, or holds no methods or one that is no recipe.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MethodsError(f"The methods of {path} cannot be read: {error}.") from error
    if not tables:
        msg = f'{path} holds no method; a method is a table with its name, such as ["SIFT alone"].'
        raise MethodsError(msg)
    return {name: _read_method(name, table, recipe, path) for name, table in tables.items()}


def require_methods(names: Iterable[str], methods: Iterable[str]) -> None:
    """Raise MethodsError for the first of `names` that is none of `methods`.

    Examples
    --------
    >>> require_methods(["cnn"], ["sift_vlad", "fused, svm"])
    Traceback (most recent call last):
    ...
    trifuse.studies.comparison.methods.MethodsError: There is no method 'cnn'; there are \
'sift_vlad', 'fused, svm'.
    """
    for name in names:
        if name not in methods:
            msg = f"There is no method {name!r}; there are {', '.join(map(repr, methods))}."
            raise MethodsError(msg)


def with_members(recipe: Recipe, *members: Any) -> Recipe:
    """Give the recipe with an ensemble of these members."""
    return replace(recipe, ensemble=replace(recipe.ensemble, members=members))


def _read_method(name: str, table: Any, recipe: Recipe, path: Path) -> Recipe:
    if not name.strip() or not name.isprintable():
        msg = f"{path} has a method with the name {name!a}, which is not one line of text."
        raise MethodsError(msg)
    if not isinstance(table, dict):
        msg = f"{path} has {name!r} outside of a method; a method is a table with its name."
        raise MethodsError(msg)
    try:
        return recipe.but(table)
    except RecipeError as error:
        raise MethodsError(f"{path}, method {name!r}: {error}") from error
