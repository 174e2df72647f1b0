"""What the estimators of encodings share: sets of local descriptors and a trained codebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from trifuse.encoders.codebook import check_sample
from trifuse.encoders.pyramid import PyramidStatistics, Statistics
from trifuse.encoders.sampling import Reservoir
from trifuse.features.checks import check_count
from trifuse.features.grid import LocalDescriptors
from trifuse.features.threads import limited_threads

SAMPLE_SIZE = 120_000
"""Local descriptors that a codebook is trained on."""


class DescriptorEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What Fisher vectors and VLAD share: sets of local descriptors become one vector each.

    A set of descriptors is an array (n_descriptors, d) or a `LocalDescriptors`, whose positions are
    not looked at; many are a sequence of them, of any lengths. A table (n, d) is n sets of one
    descriptor each, which trains a codebook on n descriptors.
    """

    sample_size: int
    random_state: Any

    def fit(self, X: Iterable[Any], y: object = None) -> Self:  # noqa: ARG002
        """Train the codebook on a sample of the descriptors.

        Parameters
        ----------
        X : iterable of sets of descriptors
            Read once, so that it may be a generator: one set and at most three times `sample_size`
            descriptors are in memory.
        y : object
            Not looked at.

        Raises
        ------
        ValueError
            If a parameter or a set does not fit; `trifuse.encoders.codebook.CodebookError` if no
            two descriptors differ.
        """
        self._check_parameters()
        check_count("sample_size", self.sample_size)
        random = check_random_state(self.random_state)
        reservoir = Reservoir(self.sample_size, random.randint(2**31))
        # A table is taken at once: row by row it would take minutes.
        parts = [self._table(X, reset=True)] if _is_table(X) else self.sets(X, reset=True)
        for descriptors in parts:
            reservoir.add(descriptors)
        sample = reservoir.sample()
        check_sample(sample)
        self._fit_codebook(sample, random.randint(2**31))
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Encode sets of descriptors.

        Returns
        -------
        ndarray of float32, shape (n_sets, dim)
        """
        check_is_fitted(self)
        vectors = []
        with limited_threads():
            for descriptors in self.sets(X, reset=False):
                statistics = self.statistics()
                statistics.add(descriptors)
                vectors.append(statistics.vector())
        return np.stack(vectors)

    def sets(self, X: Any, *, reset: bool) -> Iterator[NDArray[np.float32]]:
        """Give each set as float32 (n, d), all of the same d: the first one's where `reset`."""
        if _is_table(X):
            yield from self._table(X, reset=reset)[:, np.newaxis]
            return
        empty = True
        for number, item in enumerate(X):
            values = item.values if isinstance(item, LocalDescriptors) else np.asarray(item)
            values = values[np.newaxis] if values.ndim == 1 else values
            values = check_array(values, dtype=np.float32, ensure_min_samples=0)
            if reset and empty:
                self.n_features_in_ = values.shape[1]
            if values.shape[1] != self.n_features_in_:
                raise ValueError(
                    f"set {number} has descriptors of {values.shape[1]} numbers, "
                    f"but {type(self).__name__} is expecting {self.n_features_in_}"
                )
            empty = False
            yield values
        if empty:
            raise ValueError("there are no sets of descriptors")

    def statistics(self) -> Statistics:
        """Start the encoding of one set of descriptors that comes in parts."""
        raise NotImplementedError

    def pyramid(self) -> PyramidStatistics:
        """Start the encoding of one set of descriptors, as a pyramid of the whole image alone."""
        return PyramidStatistics((1,), self.statistics)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the codebook as named arrays."""
        raise NotImplementedError

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted encoder of a codebook's arrays."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _table(self, X: Any, *, reset: bool) -> NDArray[np.float32]:
        """Give a table of descriptors, each a set of its own, as float32 (n, d)."""
        least = 2 if reset else 1  # one descriptor has no spread to train on
        table: NDArray[np.float32] = validate_data(
            self, X, dtype=np.float32, reset=reset, ensure_min_samples=least
        )
        return table

    def _check_parameters(self) -> None:
        raise NotImplementedError

    def _fit_codebook(self, sample: NDArray[np.float32], seed: int) -> None:
        raise NotImplementedError


def _is_table(X: Any) -> bool:
    """Tell whether X is one table of numbers, or of what should have been numbers."""
    if issparse(X):
        return True
    if not hasattr(X, "__array__"):
        return False
    array = np.asarray(X)
    return array.ndim == 2 or (array.ndim < 2 and array.dtype != object)
