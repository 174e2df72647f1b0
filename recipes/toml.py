"""Recipes written as TOML, the form that `TomlRecipe.load` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trifuse.recipes.reading import TomlRecipe


def to_toml(recipe: TomlRecipe) -> str:
    r"""Write every choice of a recipe as TOML; what is read from it equals the recipe.

    Examples
    --------
    >>> from trifuse.recipes.recipe import Recipe
    >>> "[svm]\nC = 10.0\n" in to_toml(Recipe.from_dict({"svm": {"C": 10}}))
    True
    """
    return "\n".join(_lines(recipe.to_dict())) + "\n"


def _lines(content: Mapping[str, Any], section: str = "") -> Iterator[str]:
    """Give the lines of a section: its own keys, then the sections within it."""
    for key, value in content.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_literal(value)}"
    for key, value in content.items():
        if isinstance(value, Mapping):
            name = f"{section}.{_key(key)}" if section else _key(key)
            yield from ("", f"[{name}]", *_lines(value, name))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _literal(key)


def _literal(value: Any) -> str:
    """Write a value: but for one control character, JSON's text, numbers and lists are TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
