"""Read the PyTorch state dict (``.pth``) of one known file, without PyTorch.

A ``.pth`` file is a pickle, and unpickling runs what the file names. So the SHA-256 is checked
first, and the unpickler then knows the four names that the known files use and refuses others. The
layout is that which ``torch.save`` wrote before PyTorch 1.6: five pickles (magic number, protocol
version, system information, the state dict, the storage keys), then for every key the number of
elements as int64 and the elements, little-endian.
"""

import hashlib
import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class _Tensor(NamedTuple):
    storage: tuple[str, str]  # its key, and the type of its elements
    offset: int  # elements, as the strides
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: Any


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _StateDictUnpickler(pickle.Unpickler):
    """Resolves the names a state dict needs; a tensor becomes a description, filled in later."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"no state dict of tensors needs {module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[str, str]:
        _, dtype, key, *_ = pid
        return key, dtype


def read_state_dict(path: str | os.PathLike[str], sha256: str) -> dict[str, NDArray[Any]]:
    """Read the named tensors of a state dict in PyTorch's layout from before version 1.6.

    Parameters
    ----------
    path
        The ``.pth`` file.
    sha256
        Its SHA-256 in hexadecimal; a file of another one is not unpickled.

    Returns
    -------
    dict
        Name -> C-contiguous array of float32 or int64, in the order of the file.

    Raises
    ------
    ValueError
        If the file has another SHA-256.
    OSError
        If the file cannot be read.
    """
    content = Path(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} has SHA-256 {found}, not the expected {sha256}: it is damaged or another "
            "file; get it again"
        )
    file = io.BytesIO(content)
    *_, tensors, keys = (_StateDictUnpickler(file).load() for _ in range(5))
    dtypes = dict(tensor.storage for tensor in tensors.values())
    storages = {}
    for key in keys:
        size = int.from_bytes(file.read(8), "little") * np.dtype(dtypes[key]).itemsize
        storages[key] = np.frombuffer(file.read(size), dtypes[key])
    arrays = {}
    for name, tensor in tensors.items():
        storage = storages[tensor.storage[0]]
        steps = [stride * storage.itemsize for stride in tensor.strides]
        view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, steps)
        arrays[name] = np.array(view, order="C")
    return arrays
