"""Principal component analysis, fitted by scikit-learn and kept as two arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Projection:
    """A linear projection onto principal components: ``(x - mean) @ components.T``.

    Attributes
    ----------
    mean : ndarray of float32, shape (d,)
    components : ndarray of float32, shape (n_components, d)
        Orthonormal rows, by falling variance.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    @classmethod
    def fit(
        cls, sample: NDArray[np.float32], n_components: int, random_state: int = 0
    ) -> Projection:
        """Fit the projection in float64.

        Parameters
        ----------
        sample : ndarray of float32, shape (n_samples, d)
        n_components : int
            Components to keep; fewer are kept where the sample has fewer rows or columns.
        random_state : int
            Seed of the randomised solver that scikit-learn takes for large samples.
        """
        from sklearn.decomposition import PCA

        pca = PCA(min(n_components, *sample.shape), random_state=random_state)
        pca.fit(sample.astype(np.float64))
        return cls(pca.mean_.astype(np.float32), pca.components_.astype(np.float32))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike]) -> Projection:
        """Take `pca_mean` and `pca_components` from anywhere.

        Raises
        ------
        ValueError
            If one is missing, or their shapes do not fit.
        """
        try:
            mean, components = (
                np.array(arrays[name], dtype=np.float32) for name in ("pca_mean", "pca_components")
            )
        except KeyError as error:
            raise ValueError(
                f"a projection needs pca_mean and pca_components: no {error}"
            ) from error
        if components.ndim != 2 or mean.shape != components.shape[1:]:
            raise ValueError(
                "pca_components must have the shape (n_components, d) and pca_mean (d,), "
                f"not {components.shape} and {mean.shape}"
            )
        return cls(mean, components)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give it as `pca_mean` and `pca_components`."""
        return {"pca_mean": self.mean, "pca_components": self.components}

    def apply(
        self, values: NDArray[np.float32], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Project rows; (n, d) to (n, n_components), float32, into `out` where given."""
        projected: NDArray[np.float32] = np.matmul(values, self.components.T, out=out)
        projected -= self._offset
        return projected

    @cached_property
    def _offset(self) -> NDArray[np.float32]:
        """The projection of the mean: as much work as that of a row."""
        offset: NDArray[np.float32] = self.components @ self.mean
        return offset
