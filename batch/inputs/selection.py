"""Which of the inputs are taken: those that the patterns choose, and of these one part in N.

Parts let N machines share a job without talking to each other. An input belongs to the part that
the SHA-256 of its name says, read as one number, modulo N: the parts are disjoint, together they
are all, and no input changes its part when others come or go. The name is what the output calls
the image, so the machines must name their inputs alike.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable

from trifuse.batch.inputs.item import SourceError
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.text import to_bytes


def parse_part(text: str) -> tuple[int, int]:
    """Read which part of the inputs is to be taken.

    Raises
    ------
    SourceError
        If `text` is not I/N, whole numbers with 1 <= I <= N.

    Examples
    --------
    >>> parse_part("3/8")
    (3, 8)
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None:
        raise _refuse(text)
    return _check_part((int(match[1]), int(match[2])))


def _check_part(part: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= part[0] <= part[1]:
        raise _refuse(f"{part[0]}/{part[1]}")
    return part


def _refuse(part: str) -> SourceError:
    return SourceError(f"There is no part {part!r}; say I/N, such as 3/8, with I from 1 to N.")


class Selection:
    """Chooses inputs by their names.

    A pattern is one of the shell's (`*`, `?`, `[...]`), and case counts. Without a slash it is
    held against the last part of a name; with one, against the whole name as it was given or
    found, where `*` stands for slashes too.

    Raises
    ------
    SourceError
        If there is no such part.

    Examples
    --------
    >>> selection = Selection(InputOptions(("photos",), include=("*.jpg",), exclude=("*/old/*",)))
    >>> [selection.matches(name) for name in ("photos/a.jpg", "photos/a.png", "photos/old/a.jpg")]
    [True, False, False]
    """

    def __init__(self, options: InputOptions) -> None:
        self._include = [_Pattern(glob) for glob in options.include]
        self._exclude = [_Pattern(glob) for glob in options.exclude]
        self._part = None if options.part is None else _check_part(options.part)

    def takes(self, name: str) -> bool:
        """Tell whether an input is chosen by the patterns and belongs to the part."""
        return self.matches(name) and self.in_part(name)

    def matches(self, name: str) -> bool:
        """Tell whether the patterns choose a name: any of `include`, and none of `exclude`."""
        return (not self._include or _any(self._include, name)) and not _any(self._exclude, name)

    def in_part(self, name: str) -> bool:
        """Tell whether a name belongs to the part."""
        if self._part is None:
            return True
        index, n_parts = self._part
        digest = hashlib.sha256(to_bytes(name)).digest()  # os.fsencode would ask the locale
        return int.from_bytes(digest, "big") % n_parts == index - 1


class _Pattern:
    def __init__(self, glob: str) -> None:
        self._match = re.compile(fnmatch.translate(glob)).match
        self._whole = "/" in glob

    def fits(self, name: str) -> bool:
        text = name if self._whole else name.rstrip("/").rpartition("/")[2]
        return self._match(text) is not None


def _any(patterns: Iterable[_Pattern], name: str) -> bool:
    return any(pattern.fits(name) for pattern in patterns)
