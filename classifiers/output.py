"""Output files: what cannot be written is told early, and only whole files get their names."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


class OutputError(ValueError):
    """A file that cannot be written, or must not be replaced."""


def check_output(path: Path, overwrite: bool) -> None:
    """Raise before the work begins what would else be told after hours of it.

    Parameters
    ----------
    path : Path
        Of the file that is going to be written.
    overwrite : bool
        Whether it may replace a file.

    Raises
    ------
    OutputError
        If `path` exists and is no file or must not be replaced, or if its folder is missing or
        cannot be written to.
    """
    try:
        if path.exists() and not path.is_file():
            msg = f"{path} is there and is no regular file; name another output."
            raise OutputError(msg)
        if path.exists() and not overwrite:
            msg = f"{path} exists already; name another output, or say --overwrite to replace it."
            raise OutputError(msg)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise OutputError(cannot_write(path, error)) from error


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
    try:
        with open_whole(path, f"{path.name}.partial") as file:
            yield file
    except OSError as error:
        raise OutputError(cannot_write(path, error)) from error


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
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def cannot_write(path: Path, error: OSError) -> str:
    """Say that a file cannot be written, and why."""
    return f"{path} cannot be written: {error.strerror or error}."
