"""A zip of plain data that is safe to open, whoever made it.

Every file in it is stored uncompressed, so that nothing can be larger than the archive itself;
arrays are read from their bytes after their header was checked, and nothing is ever unpickled.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_DTYPES = {np.dtype("<f4"), np.dtype("<f8"), np.dtype("u1")}


class ModelFileError(ValueError):
    """A model file that cannot be read, or does not hold what it should."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Zip files, the same files always to the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16  # readable by its owner where it is unzipped
            archive.writestr(entry, content)
    return buffer.getvalue()


def unpack(content: bytes, what: str) -> dict[str, bytes]:
    """Unzip files that were stored uncompressed, under names without folders.

    Raises
    ------
    ModelFileError
        If `content` is no such zip, is damaged, or has a name twice.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive.infolist(), len(content))
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except Exception as error:  # zipfile promises no closed list for damaged bytes
        msg = f"{what} is no model file of trifuse, or is damaged: {_first_line(error)}."
        raise ModelFileError(msg) from error


def _check_entries(entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise ValueError for what `pack` never writes, before anything is read."""
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names) or any(set(name) & set("/\\:\0") for name in names):
        msg = "it has a name that it should not have"
        raise ValueError(msg)
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        msg = "its parts are compressed"
        raise ValueError(msg)
    if sum(entry.file_size for entry in entries) > size:
        msg = "its parts claim to be larger than the whole"
        raise ValueError(msg)


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays in NumPy's ``.npz`` form, uncompressed."""
    files = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        npy.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    return pack(files)


def unpack_arrays(content: bytes, what: str) -> Arrays:
    """Read what `pack_arrays` wrote.

    Raises
    ------
    ModelFileError
        If a part is no array of finite floating-point numbers or of bytes, or is damaged.
    """
    return {
        name.removesuffix(".npy"): _read_array(part, f"the array {name} of {what}")
        for name, part in unpack(content, what).items()
    }


def _read_array(part: bytes, what: str) -> NDArray[Any]:
    buffer = io.BytesIO(part)
    try:
        if npy.read_magic(buffer) != (1, 0):
            msg = "it is of another version of the format"
            raise ValueError(msg)
        shape, fortran, dtype = npy.read_array_header_1_0(buffer)
    except Exception as error:  # NumPy promises no closed list for a bad header
        msg = f"{what} is damaged: {_first_line(error)}."
        raise ModelFileError(msg) from error
    if dtype not in _DTYPES or fortran or min(shape, default=0) < 1:
        msg = f"{what} is no array of floating-point numbers or of bytes."
        raise ModelFileError(msg)
    start = buffer.tell()
    if math.prod(shape) * dtype.itemsize != len(part) - start:
        msg = f"{what} is damaged: its shape does not fit its size."
        raise ModelFileError(msg)
    array: NDArray[Any] = np.frombuffer(part, dtype, offset=start).reshape(shape)
    if not np.all(np.isfinite(array)):
        msg = f"{what} holds numbers that are not finite."
        raise ModelFileError(msg)
    return array


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
