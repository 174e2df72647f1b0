"""What is to be scored: what is named and chosen, one input of it, and what becomes of that."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from trifuse.batch.text import to_bytes

STDIN = "-"
VANISHED = (-1,)
"""Stamp of a file that a folder had when it was listed, and that was gone right after."""


class SourceError(ValueError):
    """Inputs that cannot be listed; the message is a sentence: what is wrong, and what to do."""


class Item(NamedTuple):
    """One input: a file, or a member of an archive.

    Attributes
    ----------
    name : str
        The path as it was given or found; of a member, the archive's path, a slash and the
        member's name. Bytes that are no UTF-8 are surrogate escapes (`os.fsdecode`).
    content : bytes, optional
        Of a member of an archive; a file is read by the worker that scores it.
    fault : str
        Why there is nothing to score, as a clause ("it is a folder that cannot be read"); empty
        where there is.
    id : str
        What a table of inputs calls it; empty where it says nothing.
    columns : tuple of str
        Cells of a table of inputs that are carried through to the output.
    errno : int
        Of the system's error that is the fault's cause; else 0.
    ordinal : int
        Its place among all inputs, from 1, those of other parts included.
    stamp : tuple of float
        What changes when the input does: a file's size and time of change, and what the archive's
        header says of a member, when the input was listed. Empty where there was nothing.
    unpack : callable, optional
        Of a member of an archive whose content is not there yet: gives this item with it.
    """

    name: str
    content: bytes | None = None
    fault: str = ""
    id: str = ""
    columns: tuple[str, ...] = ()
    errno: int = 0
    ordinal: int = 0
    stamp: tuple[float, ...] = ()
    unpack: Callable[[Item], Item] | None = None

    def load(self) -> Item:
        """Give the item with the content of a member; only while the archive stands at it."""
        return self if self.unpack is None else self.unpack(self)


class Record(NamedTuple):
    """What became of one image: its probabilities, or the reason why there are none.

    Attributes
    ----------
    probabilities : tuple of float, shape (n_classes,), optional
        Summing to one; none where the image could not be scored.
    message : str
        Why it could not be scored, one sentence without a path; else empty.
    unfamiliar : bool
        The image does not look like the training archive.
    flaws : tuple of str
        What is wrong with the picture itself, such as "too dark".
    prediction_set : tuple of int
        Classes, as indices in the model's order, that hold the right one with the promised
        coverage.
    is_training_image : bool
        The model was trained on this very file.
    sha256 : str
        Of the file's content; empty where it could not be read.
    uid : str
        The SOP Instance UID of a DICOM object; else empty.
    study : str
        The Study Instance UID of a DICOM object; else empty.
    frame, frames : int
        Number of the frame, from 0, and of frames in the file.
    errno : int
        Of the system's error for which it could not be read; else 0.
    alert : float, optional
        The sensitivity of the strictest operating point that the image reaches.
    thumbnail : bytes
        A JPEG, where that was asked for instead of probabilities.
    """

    probabilities: tuple[float, ...] | None
    message: str = ""
    unfamiliar: bool = False
    flaws: tuple[str, ...] = ()
    prediction_set: tuple[int, ...] = ()
    is_training_image: bool = False
    sha256: str = ""
    uid: str = ""
    frame: int = 0
    frames: int = 1
    errno: int = 0
    alert: float | None = None
    thumbnail: bytes = b""
    study: str = ""


def find_errno(error: BaseException | None) -> int:
    """Give the number of the system's error that an exception is, or was caused by; else 0.

    Examples
    --------
    >>> find_errno(OSError(5, "Input/output error")), find_errno(ValueError("no"))
    (5, 0)
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        error = error.__cause__
    return 0


@dataclass(frozen=True)
class InputOptions:
    """What is to be scored.

    Attributes
    ----------
    inputs : tuple of str
        Files, folders, tables of inputs (CSV), archives (zip, tar), and `-` for a list on
        standard input.
    path_column : str
        What tables of inputs call the column of the images' paths.
    null : bool
        The list on standard input is separated by NUL, not by newlines.
    include : tuple of str
        Patterns of the names that are taken; with none, all are.
    exclude : tuple of str
        Patterns of the names that are not.
    hidden : bool
        Take hidden files and folders too.
    follow_links : bool
        Follow symbolic links to folders, and those that lead out of the folder they are found in.
    part : tuple of int, optional
        (I, N): take the I-th of N parts only, counted from 1; see `Selection`.

    Raises
    ------
    SourceError
        If standard input is named twice.
    """

    inputs: tuple[str, ...]
    path_column: str = "path"
    null: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.inputs.count(STDIN) > 1:
            msg = "Standard input can be read only once; name - once."
            raise SourceError(msg)

    def require_inputs(self) -> None:
        """Raise SourceError if an input is named that does not exist."""
        from trifuse.datasets.table import name_few

        named = [name for name in self.inputs if name != STDIN]
        if missing := [name for name in named if not _exists(name)]:
            msg = f"There is no {name_few(missing)}; name files and folders that exist."
            raise SourceError(msg)


def _exists(name: str) -> bool:
    """Tell whether there is such a file; of one that cannot be looked at its reader tells why."""
    try:
        os.stat(name)  # noqa: PTH116 - a Path raises for more names
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno not in {errno.ENAMETOOLONG, errno.ELOOP}
    return True


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
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        msg = f"There is no part {text!r}; say I/N, such as 3/8, with I from 1 to N."
        raise SourceError(msg)
    return int(match[1]), int(match[2])


class Selection:
    """Chooses inputs by their names: those that patterns say, and of these one part in N.

    A pattern is one of the shell's (`*`, `?`, `[...]`), and case counts. Without a slash it is
    held against the last part of a name; with one, against the whole name as it was given or
    found, where `*` stands for slashes too.

    Parts let N machines share a job without talking to each other. An input belongs to the part
    that the SHA-256 of its name says, read as one number, modulo N: the parts are disjoint,
    together they are all, and no input changes its part when others come or go. The name is what
    the output calls the image, so the machines must name their inputs alike.

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
        self._include = [_compile(glob) for glob in options.include]
        self._exclude = [_compile(glob) for glob in options.exclude]
        self._part = options.part and parse_part("{}/{}".format(*options.part))

    def matches(self, name: str) -> bool:
        """Tell whether the patterns choose a name: any of `include`, and none of `exclude`."""
        is_included = not self._include or any(fits(name) for fits in self._include)
        return is_included and not any(fits(name) for fits in self._exclude)

    def in_part(self, name: str) -> bool:
        """Tell whether a name belongs to the part."""
        if self._part is None:
            return True
        index, n_parts = self._part
        digest = hashlib.sha256(to_bytes(name)).digest()  # os.fsencode would ask the locale
        return int.from_bytes(digest, "big") % n_parts == index - 1


def _compile(glob: str) -> Callable[[str], object]:
    match = re.compile(fnmatch.translate(glob)).match
    return match if "/" in glob else lambda name: match(name.rstrip("/").rpartition("/")[2])
