"""The folder in which a long training keeps what it has done, until its output is whole."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from trifuse.classifiers.output import OutputError, make_folder, open_output, writing

ABOUT = "trifuse-work.txt"
"""The file by which a folder is known to be one, with the fingerprint of what is done there."""
SYNC_SECONDS = 60
"""Between the moments at which what was appended is safely on the disk."""


def work_folder(output: Path) -> Path:
    """Give the folder's place, beside the output."""
    return output.with_name(f"{output.name}.work")


def check_work(folder: Path) -> None:
    """Raise before the work begins what would else be told when its folder is made.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If there is something else under this name.
    """
    is_own = folder.is_dir() and not folder.is_symlink()
    if is_own and ((folder / ABOUT).is_file() or not any(folder.iterdir())):
        return
    if folder.exists() or folder.is_symlink():
        msg = f"{folder} is there and is no folder of a training; name another output."
        raise OutputError(msg)


@contextmanager
def working_in(
    folder: Path, fingerprint: str, overwrite: bool, keep: bool = False
) -> Iterator[Path]:
    """Make the folder, or go on in the one that is there; it is removed if the block ends well.

    Parameters
    ----------
    folder : Path
    fingerprint : str
        Of the data and the recipe.
    overwrite : bool
        Begin anew where the folder is of others.
    keep : bool
        Do not remove it.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be made, is of other data or of another recipe, or is being worked in.
    """
    check_work(folder)
    make_folder(folder)
    with writing(folder / ABOUT):
        file = (folder / ABOUT).open("a+", encoding="ascii")
    with file:
        _lock(file.fileno(), folder)
        file.seek(0)
        if (found := file.read()) != fingerprint:
            if found and not overwrite:
                msg = (
                    f"{folder} is of a training on other images or by another recipe; name "
                    "another output, or say --overwrite to begin anew."
                )
                raise OutputError(msg)
            _begin(folder, file.fileno(), fingerprint)
        yield folder
        if not keep:
            _empty(folder)
            (folder / ABOUT).unlink()  # last: by it a folder that was left half removed is known
            folder.rmdir()


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = f"{folder} is worked in by another training; wait for it, or name another output."
        raise OutputError(msg) from error
    except OSError:
        pass  # a network drive that knows no locks


def _begin(folder: Path, descriptor: int, fingerprint: str) -> None:
    """Remove what is there, then say whose the folder is."""
    with writing(folder):
        _empty(folder)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, fingerprint.encode())
        os.fsync(descriptor)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != ABOUT:
            path.unlink()


def grow_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    rows: Callable[[int], Iterable[NDArray[np.generic]]],
) -> NDArray[np.generic]:
    """Append to an array on the disk what it lacks, row by row; a kill costs the row at most.

    It is written, and not mapped into memory, for there a full disk kills without a word.

    Parameters
    ----------
    path : Path
        Of the raw numbers.
    shape : tuple of int
        Of the whole array.
    dtype : data type
    rows : callable
        Gives the rows from a number on, when there are some to append.

    Returns
    -------
    ndarray
        On the disk, to be read.

    Raises
    ------
    trifuse.classifiers.output.OutputError
        If it cannot be written.
    """
    size, synced = np.dtype(dtype).itemsize * prod(shape[1:]), time.monotonic()
    with writing(path):
        file = path.open("ab", buffering=0)
    with file:
        done = min(file.tell() // size, shape[0])
        with writing(path):
            file.truncate(done * size)
        for row in rows(done) if done < shape[0] else ():
            left = memoryview(np.ascontiguousarray(row, dtype).tobytes())
            with writing(path):
                while left:  # a disk that is nearly full takes a part
                    left = left[file.write(left) :]
                if time.monotonic() - synced > SYNC_SECONDS:
                    os.fsync(file.fileno())
                    synced = time.monotonic()
        with writing(path):
            os.fsync(file.fileno())
    return read_array(path, shape, dtype)


def read_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.generic]:
    """Map an array that `grow_array` made, to be read."""
    return np.memmap(path, dtype, "r", shape=shape)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole, or not there, at any moment."""
    with open_output(path) as file:
        file.write(content)
