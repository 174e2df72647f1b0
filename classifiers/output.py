"""Output files: what cannot be written is told early, and only whole files get their names."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".partial"
"""Behind the name of a file that is not whole yet."""
MARKS = {
    ".png": b"\x89PNG", ".pdf": b"%PDF", ".parquet": b"PAR1", ".sqlite3": b"SQLite",
    ".trifuse": b"model.json", ".trifuse-cnn": b"network.json",
}  # fmt: skip
"""What stands in the first `MARK_BYTES` of the binary files that trifuse writes."""
MARK_BYTES = 48
START_BYTES = 4096
"""By which a file is known to be text."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class OutputError(ValueError):
    """A file that cannot be written, or must not be replaced."""


def check_output(
    path: Path, overwrite: bool, inputs: Iterable[str | Path] = (), mark: bytes | None = None
) -> None:
    """Raise before the work begins what would else be told, or be lost, after hours of it.

    Parameters
    ----------
    path : Path
        Of the file that is going to be written.
    overwrite : bool
        Whether it may replace a file.
    inputs : iterable of str or Path
        What is read; see `protect_inputs`.
    mark : bytes
        What stands in the first `MARK_BYTES` of a file of its kind, if that is binary; unless
        told, what `MARKS` says of its suffix. Nothing stands in all files.

    Raises
    ------
    OutputError
        If `path` exists and is a link, no file, an input or must not be replaced, or if its folder
        is missing or cannot be written to.
    """
    with writing(path):
        check_name(path, "" if path.suffix == UNFINISHED else UNFINISHED)
        if path.is_symlink():
            msg = f"{path} is a link; name the file that it leads to, or another output."
            raise OutputError(msg)
        if path.exists() and not path.is_file():
            msg = f"{path} is there and is no regular file; name another output."
            raise OutputError(msg)
        protect_inputs((path, path.with_name(path.name + UNFINISHED)), inputs)
        if path.exists() and not overwrite:
            msg = f"{path} exists already; name another output, or say --overwrite to replace it."
            raise OutputError(msg)
        if path.exists() and not _is_replaceable(path, mark):
            msg = f"{path} is there and is a file of another kind; name another output."
            raise OutputError(msg)
        tempfile.TemporaryFile(dir=path.parent).close()


def check_name(path: Path, suffix: str) -> None:
    """Raise OutputError if the name is too long for a file with `suffix` behind it."""
    with writing(path):
        most = os.pathconf(path.parent, "PC_NAME_MAX")
    if len(os.fsencode(path.name)) + len(suffix) > most:
        msg = f"{path} cannot be written: File name too long; {most - len(suffix)} bytes are most."
        raise OutputError(msg)


def protect_inputs(outputs: Iterable[Path], inputs: Iterable[str | Path]) -> None:
    """Raise OutputError if an output is one of the files that are read.

    The same file counts, not the same name: links are followed, and hard links told.
    """
    places = {_place(path): path for path in outputs}
    places.pop(None, None)
    for name in inputs if places else ():
        if path := places.get(_place(name)):
            which = "" if str(path) == str(name) else f" as {name}"
            msg = f"{path} is itself read{which} and must not be replaced; name another output."
            raise OutputError(msg)


def _place(path: str | Path) -> tuple[int, int] | None:
    """Tell which file a name leads to; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path raises for more names
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _is_replaceable(path: Path, mark: bytes | None) -> bool:
    """Tell whether a file is text, or of the output's kind: no image, archive or other's model."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    mark = MARKS.get(path.suffix) if mark is None else mark
    return _CONTROLS.search(start) is None or (mark is not None and mark in start[:MARK_BYTES])


def make_folder(path: Path) -> Path:
    """Make a folder for output, and those above it, where there is none; give its path.

    Raises
    ------
    OutputError
        If it cannot be made, or is no folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {path} cannot be made: {error.strerror or error}."
        raise OutputError(msg) from error
    return path


@contextlib.contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when the block ends well, and else not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with writing(path), open_whole(path, path.name + UNFINISHED) as file:
        yield file


@contextlib.contextmanager
def open_whole(path: Path, unfinished: str) -> Iterator[BinaryIO]:
    """Give a file that has the name `unfinished` until the block ends well and it is on the disk.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    part = path.with_name(unfinished)
    try:
        part.unlink(missing_ok=True)  # a link there leads to a file that is not ours
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise OutputError, which says that the file cannot be written and why, for the system's."""
    try:
        yield
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}."
        raise OutputError(msg) from error
