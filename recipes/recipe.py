"""The recipe: every choice of a run, read from TOML, known by its fingerprint."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from trifuse.recipes.options import (
    CnnOptions,
    ColorOptions,
    EnsembleOptions,
    FusionOptions,
    ImageOptions,
    LightgbmOptions,
    ReviewOptions,
    SampleOptions,
    Seed,
    SiftOptions,
    SvmOptions,
)

DEFAULT = "default"


class RecipeError(ValueError):
    """A recipe that cannot be used: an unknown name or key, or a value that does not fit."""


@dataclass(frozen=True)
class Recipe:
    """Every choice of a run, one section a stage; ``Recipe()`` is the default recipe.

    Examples
    --------
    >>> load_recipe("default") == Recipe()
    True
    >>> Recipe.from_dict({"svm": {"c": 10}})
    Traceback (most recent call last):
    ...
    trifuse.recipes.recipe.RecipeError: The recipe's section [svm] has no key 'c'; it has C.
    """

    random_state: Seed = 0
    image: ImageOptions = field(default_factory=ImageOptions)
    sift: SiftOptions = field(default_factory=SiftOptions)
    color: ColorOptions = field(default_factory=ColorOptions)
    cnn: CnnOptions = field(default_factory=CnnOptions)
    sample: SampleOptions = field(default_factory=SampleOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    svm: SvmOptions = field(default_factory=SvmOptions)
    lightgbm: LightgbmOptions = field(default_factory=LightgbmOptions)
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    review: ReviewOptions = field(default_factory=ReviewOptions)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe's canonical JSON: equal exactly where every choice is."""
        return hashlib.sha256(msgspec.json.encode(self.to_dict(), order="sorted")).hexdigest()

    @property
    def block_weights(self) -> dict[str, float]:
        """The blocks and their weights in the fusion, in the recipe's order."""
        return {str(block): weight for block, weight in self.fusion.weights.items()}

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain data, the form that `from_dict` reads."""
        # Not msgspec.to_builtins: it leaves out what a recipe read from a file has by default.
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """Read a recipe from plain data; what it leaves out is as in the default recipe.

        Raises
        ------
        RecipeError
            If a key is unknown, or a value has the wrong type or is out of range.
        """
        _refuse_unknown_keys(cls, data)
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            msg = f"The recipe has a value that does not fit: {error}."
            raise RecipeError(msg) from error


def preset_names() -> list[str]:
    """Give the names of the recipes that come with trifuse."""
    files = (Path(item.name) for item in resources.files("trifuse.recipes").iterdir())
    return sorted([DEFAULT, *(file.stem for file in files if file.suffix == ".toml")])


def load_recipe(name_or_path: str) -> Recipe:
    """Read a preset by its name, or a TOML file by its path.

    Raises
    ------
    RecipeError
        If there is no such preset or file, or if it holds no valid recipe.
    """
    try:
        return Recipe.from_dict(tomllib.loads(_recipe_text(name_or_path)))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"The recipe {name_or_path} cannot be read: {error}."
        raise RecipeError(msg) from error


def _recipe_text(name_or_path: str) -> str:
    if name_or_path == DEFAULT:
        return ""
    if name_or_path in preset_names():
        return (resources.files("trifuse.recipes") / f"{name_or_path}.toml").read_text("utf-8")
    if Path(name_or_path).suffix == ".toml":
        return Path(name_or_path).read_text("utf-8")
    msg = (
        f"There is no recipe {name_or_path!r}; "
        f"name one of {', '.join(preset_names())}, or a .toml file."
    )
    raise RecipeError(msg)


def _refuse_unknown_keys(kind: Any, data: Any, section: str = "") -> None:
    """Raise for the first key, here or in a section of it, that stands for nothing."""
    kinds = _kinds_by_key(kind)
    if not kinds or not isinstance(data, Mapping):
        return
    where = f"The recipe's section [{section}]" if section else "The recipe"
    for key, value in data.items():
        if key not in kinds:
            msg = f"{where} has no key {key!r}; it has {', '.join(kinds)}."
            raise RecipeError(msg)
        _refuse_unknown_keys(kinds[key], value, f"{section}.{key}" if section else key)


def _kinds_by_key(kind: Any) -> dict[str, Any]:
    """Give the keys that a section may have, and the type of each; none for a plain value."""
    if is_dataclass(kind):
        return get_type_hints(kind)
    if get_origin(kind) is Mapping:
        keys, value = get_args(kind)
        return dict.fromkeys(get_args(keys), value)
    return {}
