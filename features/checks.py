"""What options may be, told once by their types; recipes and estimators both look there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from typing import Annotated, Any, TypeAlias, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

LARGEST = sys.float_info.max
Count: TypeAlias = Annotated[int, Meta(ge=1, lt=2**31, description="a positive integer")]
Scales: TypeAlias = Annotated[
    tuple[Count, ...],
    Meta(min_length=1, max_length=16, description="a sequence of positive integers"),
]
NonNegative: TypeAlias = Annotated[
    float, Meta(ge=0, le=LARGEST, description="a finite number of at least 0")
]
Flag: TypeAlias = Annotated[bool, Meta(description="True or False")]


def check_value(name: str, value: Any, kind: Any) -> None:
    """Raise ValueError unless a value is of a kind.

    Parameters
    ----------
    name : str
        To be named in the message.
    value : object
        Numbers may be NumPy's, and sequences of any type.
    kind : object
        `Annotated` with a `Meta` whose description says in words what it takes.

    Examples
    --------
    >>> check_value("step", 0, Count)
    Traceback (most recent call last):
    ...
    ValueError: step must be a positive integer, not 0
    """
    try:
        msgspec.convert(_plain(value), kind)
    except (msgspec.ValidationError, OverflowError):
        words = kind.__metadata__[0].description
        raise ValueError(f"{name} must be {words}, not {value!r}") from None


class Options:
    """A base of frozen dataclasses: each value is checked against its field's type.

    Raises
    ------
    ValueError
        For the first field whose value does not fit.
    """

    def __post_init__(self) -> None:
        for name, kind in option_kinds(type(self)).items():
            check_value(name, getattr(self, name), kind)


def option_kinds(options: type[Any]) -> dict[str, Any]:
    """Give the type of each field of a dataclass, with what it says of the values."""
    hints = get_type_hints(options, include_extras=True)
    return {item.name: hints[item.name] for item in fields(options)}


def check_color_image(image: Any) -> None:
    """Raise ValueError unless `image` is a uint8 array of shape (rows, columns, 3)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            "a colour image must be uint8 of shape (rows, columns, 3), "
            f"not {image.dtype} of shape {image.shape}"
        )


def _plain(value: Any) -> Any:
    """Make Python's own of NumPy's numbers, paths and sequences; a set has no order, so is none."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, AbstractSet):
        return repr(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(part) for part in value]
    return value
