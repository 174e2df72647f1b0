"""A zip of plain data that is safe to open, whoever made it.

Every file in it is stored uncompressed, so that nothing can be larger than the archive itself;
arrays are read from their bytes after their header was checked, and nothing is ever unpickled.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_DTYPES = {np.dtype("<f4"), np.dtype("<f8")}


class ModelFileError(ValueError):
    """A model file that cannot be read or written, or does not hold what it should."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Zip files, the same files always to the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
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
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) < len(names) or any(set(name) & set("/\\:\0") for name in names):
                msg = f"{what} is no model file of trifuse: it has a name that it should not have."
                raise ModelFileError(msg)
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                msg = f"{what} is no model file of trifuse: its parts are compressed."
                raise ModelFileError(msg)
            if sum(entry.file_size for entry in entries) > len(content):
                msg = f"{what} is damaged: its parts claim to be larger than the whole."
                raise ModelFileError(msg)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,  # an encrypted part
        ValueError,
    ) as error:
        if isinstance(error, ModelFileError):
            raise
        msg = f"{what} is no model file of trifuse, or is damaged: {error}."
        raise ModelFileError(msg) from error


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
        If a part is no array of finite floating-point numbers, or is damaged.
    """
    return {
        name.removesuffix(".npy"): _read_array(part, f"the array {name} of {what}")
        for name, part in unpack(content, what).items()
    }


def _read_array(part: bytes, what: str) -> NDArray[Any]:
    buffer = io.BytesIO(part)
    try:
        npy.read_magic(buffer)
        shape, fortran, dtype = npy.read_array_header_1_0(buffer)
    except (ValueError, TypeError, EOFError) as error:
        msg = f"{what} is damaged: {error}."
        raise ModelFileError(msg) from error
    rest = len(part) - buffer.tell()
    count = int(np.prod([int(length) for length in shape], dtype=object))
    if dtype not in _DTYPES or fortran or min(shape, default=0) < 0:
        msg = f"{what} is no array of floating-point numbers."
        raise ModelFileError(msg)
    if count * dtype.itemsize != rest:
        msg = f"{what} is damaged: its shape does not fit its size."
        raise ModelFileError(msg)
    array: NDArray[Any] = np.frombuffer(part, dtype, offset=buffer.tell()).reshape(shape)
    if not np.all(np.isfinite(array)):
        msg = f"{what} holds numbers that are not finite."
        raise ModelFileError(msg)
    return array


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when whole.

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        msg = f"The model cannot be written to {path}: {error.strerror or error}."
        raise ModelFileError(msg) from error
