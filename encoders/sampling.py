"""Samples of local descriptors, of a size that does not grow with the archive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.features.grid import LocalDescriptors


def sample_descriptors(
    descriptors: LocalDescriptors, n: int, seed: tuple[int, ...]
) -> LocalDescriptors:
    """Draw at most `n` of one image's descriptors without replacement.

    The draw depends on `seed` alone, so that images can be visited in any order, by any number
    of processes.
    """
    if len(descriptors.values) <= n:
        return descriptors
    chosen = np.random.default_rng(seed).choice(len(descriptors.values), n, replace=False)
    chosen.sort()
    return LocalDescriptors(descriptors.values[chosen], descriptors.positions[chosen])


class Reservoir:
    """An even sample of a stream of descriptors, of at most `size` of them.

    Each descriptor draws a random key, and those of the smallest keys are kept: after any part of
    the stream this is a draw without replacement from that part (Vitter, "Random sampling with a
    reservoir", ACM TOMS 11, 1985). Never are more than three times `size` descriptors in memory.

    Parameters
    ----------
    size : int
    random_state : int

    Examples
    --------
    >>> reservoir = Reservoir(3)
    >>> for number in range(100):
    ...     reservoir.add(np.full((5, 2), number, dtype=np.float32))
    >>> reservoir.sample().shape
    (3, 2)
    """

    def __init__(self, size: int, random_state: int = 0) -> None:
        self.size = size
        self._random = np.random.default_rng(random_state)
        self._largest = 1.0
        self._held = 0
        self._keys: list[NDArray[np.float64]] = []
        self._rows: list[NDArray[np.float32]] = []

    def add(self, *columns: NDArray[np.float32]) -> None:
        """Take in more descriptors: arrays (n, d) that are joined by columns; n may be zero."""
        keys = self._random.random(len(columns[0]))
        chosen = keys < min(self._largest, _bound(keys, self.size))
        if self._rows and not chosen.any():  # of a long stream, nearly every part
            return
        self._keys.append(keys[chosen])
        self._rows.append(np.hstack([column[chosen] for column in columns]))
        self._held += len(self._keys[-1])
        if self._held > 2 * self.size:
            self._shrink()

    def sample(self) -> NDArray[np.float32]:
        """Give the sample, in the order of the stream; (at most size, d)."""
        self._shrink()
        return self._rows[0]

    def _shrink(self) -> None:
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        self._largest = min(self._largest, _bound(keys, self.size))
        chosen = keys < self._largest
        self._keys, self._rows = [keys[chosen]], [rows[chosen]]
        self._held = len(self._keys[0])


def _bound(keys: NDArray[np.float64], size: int) -> float:
    """Give a number that `size` of the keys are below, or all of fewer."""
    return float(np.partition(keys, size)[size]) if len(keys) > size else 1.0
