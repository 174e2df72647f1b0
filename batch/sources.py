"""Inputs: files, folders and lists of paths become one stream of paths, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from trifuse.datasets.table import count
from trifuse.features.images import IMAGE_SUFFIXES

STDIN = "-"
_BLOCK = 65536


class SourceError(ValueError):
    """A list of inputs that cannot be read."""


def iterate_inputs(
    inputs: Sequence[str], stdin: BinaryIO, separator: bytes, warn: Callable[[str], None]
) -> Iterator[str]:
    """Give the path of every image, in the order of the inputs.

    A file is given as it was named, whatever its suffix. A folder gives the files below it that
    have an image's suffix, sorted by name, folder by folder; hidden files and links to folders
    are passed over. `-` gives the paths listed on standard input, as they come.

    Parameters
    ----------
    inputs : sequence of str
    stdin : binary file
        Read where an input is `-`.
    separator : bytes
        Between the listed paths: a newline, or NUL.
    warn : callable
        Told of what was passed over in each folder.

    Raises
    ------
    SourceError
        If standard input cannot be read.
    """
    for item in inputs:
        if item == STDIN:
            yield from read_list(stdin, separator)
        elif os.path.isdir(item):  # noqa: PTH112 - a Path raises for a name that is too long
            yield from walk_folder(item, warn)
        else:
            yield item


def read_list(stream: BinaryIO, separator: bytes) -> Iterator[str]:
    """Give the non-empty entries of a list of paths while it is still being written."""
    rest = b""
    while block := _read(stream):
        *entries, rest = (rest + block).split(separator)
        yield from map(os.fsdecode, filter(None, _strip(entries, separator)))
    yield from map(os.fsdecode, filter(None, _strip([rest], separator)))


def _read(stream: BinaryIO) -> bytes:
    """Read what is there, without waiting for more."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    try:
        return read(_BLOCK)
    except OSError as error:
        msg = f"The list of images on standard input cannot be read: {error.strerror or error}."
        raise SourceError(msg) from error


def _strip(entries: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    """Take the carriage return off lines that were written on Windows."""
    for entry in entries:
        yield entry.removesuffix(b"\r") if separator == b"\n" else entry


def walk_folder(folder: str, warn: Callable[[str], None]) -> Iterator[str]:
    """Give a folder's images, sorted, and warn of what was passed over.

    A folder in it that cannot be read is given itself, last: it becomes a row that says so.
    """
    unreadable: list[OSError] = []
    n_images = n_other = n_links = 0
    for root, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(filter(_is_shown, folders))
        n_links += sum(Path(root, name).is_symlink() for name in folders)
        for name in sorted(filter(_is_shown, files)):
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                n_images += 1
                yield os.path.join(root, name)  # noqa: PTH118 - keeps the folder as it was named
            else:
                n_other += 1
    if n_other:
        warn(f"{folder}: passed over {count(range(n_other), 'file')} without an image's suffix.")
    if n_links:
        links = count(range(n_links), "link")
        warn(f"{folder}: passed over {links} to folders; name these as inputs.")
    if not n_images:
        warn(f"{folder}: holds no image.")
    for error in unreadable:
        warn(f"{error.filename}: the folder cannot be read: {error.strerror}.")
        yield error.filename


def _is_shown(name: str) -> bool:
    return not name.startswith(".")
