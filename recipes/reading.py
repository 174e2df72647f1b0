"""How recipes are read and written: plain data or TOML, a frozen dataclass, or one clear error."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import msgspec

DEFAULT = "default"


class RecipeError(ValueError):
    """A recipe that cannot be used: an unknown name or key, or a value that does not fit."""


def fingerprint_of(choices: Mapping[str, Any]) -> str:
    """SHA-256 of plain data's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(choices, order="sorted")).hexdigest()


class TomlRecipe:
    """What a frozen dataclass of options, or of sections of them, has as a recipe.

    Attributes
    ----------
    PRESETS : str
        The folder below `trifuse/recipes` with the recipes of its kind that come with trifuse.
    """

    PRESETS: ClassVar[str] = ""

    @classmethod
    def schema(cls) -> type[Any]:
        """Give the dataclass whose fields are the keys and sections of a file."""
        return cls

    @classmethod
    def from_schema(cls, content: Any) -> Self:
        """Make the recipe of an instance of `schema`."""
        return content  # type: ignore[no-any-return]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe's canonical JSON: equal exactly where every choice is."""
        return fingerprint_of(self.to_dict())

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
        _refuse_unknown(cls.schema(), data)
        try:
            return cls.from_schema(msgspec.convert(data, cls.schema()))
        except (msgspec.ValidationError, ValueError) as error:
            msg = f"The recipe has a value that does not fit: {error}."
            raise RecipeError(msg) from error

    def but(self, data: Mapping[str, Any]) -> Self:
        """Give the recipe with other choices: plain data, as `from_dict` reads.

        A key replaces the recipe's own; what is no section, such as the fusion's weights, is
        replaced as a whole.

        Raises
        ------
        RecipeError
            As `from_dict`.
        """
        return type(self).from_dict(_merge(self.schema(), self.to_dict(), data))

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


def _refuse_unknown(kind: Any, data: Any, section: str = "") -> None:
    """Raise for the first key, here or in a section, that stands for nothing, or such a value."""
    kinds = _kinds_by_key(kind)
    if not kinds or not isinstance(data, Mapping):
        return
    where = f"The recipe's section [{section}]" if section else "The recipe"
    for key, value in data.items():
        if key not in kinds:
            msg = f"{where} has no key {key!r}; it has {', '.join(kinds)}."
            raise RecipeError(msg)
        known = _choices(kinds[key])
        for one in value if isinstance(value, list | tuple) else [value]:
            if known and one not in known:
                may = ", ".join(map(str, known))
                msg = f"{where} has the value {one!r} for {key}; it may be {may}."
                raise RecipeError(msg)
        _refuse_unknown(kinds[key], value, f"{section}.{key}" if section else key)


def _choices(kind: Any) -> tuple[Any, ...]:
    """Give the values that a key, or each in its list, may have, where they are few."""
    of = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return get_args(of) if get_origin(of) is Literal else ()


def _merge(kind: Any, own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Replace keys of a section, and within its sections the keys of these."""
    kinds, merged = _kinds_by_key(kind), dict(own)
    for key, value in other.items():
        is_section = is_dataclass(kinds.get(key)) and isinstance(value, Mapping)
        merged[key] = _merge(kinds[key], own[key], value) if is_section else value
    return merged


def _kinds_by_key(kind: Any) -> dict[str, Any]:
    """Give the keys that a section may have, and the type of each; none for a plain value."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {item.name: hints[item.name] for item in fields(kind)}
    if get_origin(kind) is Mapping and get_args(get_args(kind)[0]):
        keys, value = get_args(kind)
        return dict.fromkeys(get_args(keys), value)
    return {}


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
        if value is not None and not isinstance(value, Mapping):
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
