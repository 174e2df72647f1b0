"""What ends a run early, to be gone on with: its storage is gone, or too many rows are errors.

An error of the storage is no error of an image.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence

from trifuse.batch.inputs.items import STDIN, Item, Record
from trifuse.datasets.kinds import is_archive, is_table
from trifuse.features.files import STORAGE_ERRORS

IN_A_ROW = 20
"""Inputs in a row that only the storage can be at fault for."""
FEWEST = 100
"""Rows before which a share of them says nothing."""

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})

Scored = tuple[Item, list[Record]]


class EndedError(RuntimeError):
    """A run that ended early; what it had is safe."""


class StorageGuard:
    """Tells an error of the storage from one of the image.

    Rows of inputs that may be the storage's errors are held back until the next input that is
    not one: only then are they errors of their own.

    Parameters
    ----------
    inputs : sequence of str
        As they were named: those that are there now must stay there.

    Attributes
    ----------
    problem : str
        What is wrong with the storage, as a clause; empty while nothing is.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        found = {name: _identify(name) for name in inputs if name != STDIN}
        self._roots = {name: place for name, place in found.items() if place is not None}
        self._held: list[Scored] = []
        self.problem = ""

    def watch(self, items: Iterator[Item | None]) -> Iterator[Item | None]:
        """Pass items on; at their end, what was named must still be there to be believed.

        Raises
        ------
        EndedError
            If it is not.
        """
        yield from items
        if problem := self._find_loss():
            raise EndedError(problem)

    def sift(self, scored: Iterable[Scored]) -> list[Scored]:
        """Give what can be written, in order; nothing behind a problem."""
        ready: list[Scored] = []
        for item, records in scored:
            if self.problem:
                break
            if not self._is_suspect(item, records[0].errno):
                ready += [*self._held, (item, records)]
                self._held.clear()
                continue
            self._held.append((item, records))
            self.problem = self._judge(item, records[0].errno)
        return ready

    def release(self) -> list[Scored]:
        """Give what is held back when all is scored, unless the storage is gone."""
        self.problem = self.problem or (self._find_loss() if self._held else "")
        return [] if self.problem else self._held

    def _is_suspect(self, item: Item, number: int) -> bool:
        if number in STORAGE_ERRORS:
            return True
        if number in _MISSING:
            folder = os.path.dirname(item.name) or "."  # noqa: PTH120 - a Path raises for more
            return bool(item.stamp or not os.path.isdir(folder) or self._find_loss())  # noqa: PTH112
        return number != 0 and bool(self._find_loss())

    def _judge(self, item: Item, number: int) -> str:
        if problem := self._find_loss():
            return problem
        if number in _MISSING and item.stamp and os.path.exists(item.name):  # noqa: PTH110
            return "a file that is there is not found by a worker"
        # Of an archive that was named, an input in it loses its own rows only.
        archives = tuple(f"{name}/" for name in self._roots if os.path.isfile(name))  # noqa: PTH113
        if item.fault and number in STORAGE_ERRORS and not item.name.startswith(archives):
            return f"{item.name} cannot be read to its end ({os.strerror(number)})"
        if len(self._held) >= IN_A_ROW:
            return f"{IN_A_ROW} inputs in a row could not be read ({os.strerror(number)})"
        return ""

    def _find_loss(self) -> str:
        """Say which of the inputs that were named is gone, was unmounted, or cannot be read."""
        for name, place in self._roots.items():
            if _identify(name) != place:
                return f"{name} is not there any more, or cannot be read"
        return ""


def _identify(name: str) -> tuple[int, int] | None:
    """Tell which folder, or that an archive or a table, is there and may be read.

    Where something is mounted, or not any more, is another folder than before. Of any other file
    its own row tells.
    """
    try:
        found = os.stat(name)  # noqa: PTH116 - a Path raises for more names
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return (found.st_dev, found.st_ino) if os.access(name, os.R_OK | os.X_OK) else None
    holds_others = is_archive(name) or is_table(name)
    return (0, 0) if holds_others and os.access(name, os.R_OK) else None


class ErrorLimit:
    """How many rows may be errors.

    Parameters
    ----------
    text : str, optional
        A number, or a share such as ``5%`` of the rows so far, of which `FEWEST` must be there
        or all; any number without it.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> ErrorLimit("2").is_passed(3, 10), ErrorLimit("5%").is_passed(3, 10)
    (True, False)
    >>> ErrorLimit("5%").is_passed(3, 10, at_end=True), ErrorLimit(None).is_passed(3, 3)
    (True, False)
    """

    def __init__(self, text: str | None) -> None:
        self._number: int | None = None
        self._share: float | None = None
        if text is None:
            return
        match = re.fullmatch(r"([0-9]{1,12})|([0-9]{1,3}(?:\.[0-9]{1,6})?)%", text)
        if match is None or float(match[2] or 0) > 100:
            msg = f"max_errors is {text!r}; it must be a number such as 50, or a share such as 5%."
            raise ValueError(msg)
        if match[1] is None:
            self._share = float(match[2]) / 100
        else:
            self._number = int(match[1])

    def is_passed(self, errors: int, rows: int, *, at_end: bool = False) -> bool:
        """Tell whether too many rows are errors."""
        if self._number is not None:
            return errors > self._number
        if self._share is None or not (at_end or rows >= FEWEST):
            return False
        return errors > self._share * rows
