"""Inputs: files, folders and lists of paths become one stream of paths, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from trifuse.features.images import IMAGE_SUFFIXES

STDIN = "-"
_BLOCK = 65536


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
        Told of each folder's files that were passed over.
    """
    for item in inputs:
        if item == STDIN:
            yield from read_list(stdin, separator)
        elif Path(item).is_dir():
            yield from walk_folder(item, warn)
        else:
            yield item


def read_list(stream: BinaryIO, separator: bytes) -> Iterator[str]:
    """Give the non-empty entries of a list of paths while it is still being written."""
    rest = b""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    while block := read(_BLOCK):
        *entries, rest = (rest + block).split(separator)
        yield from map(os.fsdecode, filter(None, _strip(entries, separator)))
    yield from map(os.fsdecode, filter(None, _strip([rest], separator)))


def _strip(entries: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    """Take the carriage return off lines that were written on Windows."""
    for entry in entries:
        yield entry.removesuffix(b"\r") if separator == b"\n" else entry


def walk_folder(folder: str, warn: Callable[[str], None]) -> Iterator[str]:
    """Give a folder's images, sorted, and warn of the files that are none by their suffix."""
    n_other = n_images = 0
    for root, folders, files in os.walk(folder, onerror=lambda error: warn(_unreadable(error))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                n_images += 1
                yield os.path.join(root, name)  # noqa: PTH118 - keeps the folder as it was named
            else:
                n_other += 1
    if n_other:
        warn(f"{folder}: passed over {n_other} files without an image's suffix.")
    if not n_images:
        warn(f"{folder}: holds no image.")


def _unreadable(error: OSError) -> str:
    return f"{error.filename}: the folder cannot be read: {error.strerror}."
