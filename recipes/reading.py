"""How recipes are read: plain data or TOML becomes a frozen dataclass, or one clear error."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

import msgspec

DEFAULT = "default"


class RecipeError(ValueError):
    """A recipe that cannot be used: an unknown name or key, or a value that does not fit."""


class TomlRecipe:
    """What a frozen dataclass of options, or of sections of them, has as a recipe.

    Attributes
    ----------
    PRESETS : str
        The folder below `trifuse/recipes` with the recipes of its kind that come with trifuse.
    """

    PRESETS: ClassVar[str] = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe's canonical JSON: equal exactly where every choice is."""
        return hashlib.sha256(msgspec.json.encode(self.to_dict(), order="sorted")).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain data, the form that `from_dict` reads."""
        # Not msgspec.to_builtins: it leaves out what a recipe read from a file has by default.
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
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

    @classmethod
    def presets(cls) -> list[str]:
        """Give the names of the recipes that come with trifuse."""
        folder = resources.files("trifuse.recipes") / cls.PRESETS
        files = (Path(item.name) for item in folder.iterdir())
        return sorted([DEFAULT, *(file.stem for file in files if file.suffix == ".toml")])

    @classmethod
    def load(cls, name_or_path: str) -> Self:
        """Read a preset by its name, or a TOML file by its path.

        Raises
        ------
        RecipeError
            If there is no such preset or file, or if it holds no valid recipe.
        """
        try:
            return cls.from_dict(tomllib.loads(cls._text(name_or_path)))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            msg = f"The recipe {name_or_path} cannot be read: {error}."
            raise RecipeError(msg) from error

    @classmethod
    def _text(cls, name_or_path: str) -> str:
        if name_or_path == DEFAULT:
            return ""
        if name_or_path in cls.presets():
            folder = resources.files("trifuse.recipes") / cls.PRESETS
            return (folder / f"{name_or_path}.toml").read_text("utf-8")
        if Path(name_or_path).suffix == ".toml":
            return Path(name_or_path).read_text("utf-8")
        msg = (
            f"There is no recipe {name_or_path!r}; "
            f"name one of {', '.join(cls.presets())}, or a .toml file."
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
        hints = get_type_hints(kind)
        return {item.name: hints[item.name] for item in fields(kind)}
    if get_origin(kind) is Mapping and get_args(get_args(kind)[0]):
        keys, value = get_args(kind)
        return dict.fromkeys(get_args(keys), value)
    return {}
