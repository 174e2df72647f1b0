"""The scikit-learn transformer of spatial pyramids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from trifuse.encoders.descriptor_encoder import DescriptorEncoder
from trifuse.encoders.estimators import FisherEncoder
from trifuse.encoders.pyramid import PyramidStatistics
from trifuse.features.checks import check_counts
from trifuse.features.grid import LocalDescriptors


class SpatialPyramid(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Sets of local descriptors with positions to the vectors of the parts of each image.

    Parameters
    ----------
    encoder : FisherEncoder or VladEncoder
        Encodes each part; one codebook serves them all. By default a `FisherEncoder`.
    levels : sequence of int
        Level n cuts an image into n x n parts; see `PyramidStatistics`.

    Attributes
    ----------
    encoder_ : FisherEncoder or VladEncoder
        The fitted encoder.
    n_features_in_ : int
        d, the length of a descriptor.

    Examples
    --------
    >>> from trifuse.encoders.estimators import VladEncoder
    >>> from trifuse.features.estimators import DenseSift
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    >>> descriptors = DenseSift(step=8).transform([image])
    >>> SpatialPyramid(VladEncoder(n_centers=4), levels=(1, 2)).fit_transform(descriptors).shape
    (1, 2560)
    """

    def __init__(
        self, encoder: DescriptorEncoder | None = None, levels: Sequence[int] = (1, 2)
    ) -> None:
        self.encoder = encoder
        self.levels = levels

    def fit(self, X: Iterable[LocalDescriptors], y: object = None) -> Self:  # noqa: ARG002
        """Train the encoder's codebook, on the descriptors of whole images.

        Raises
        ------
        ValueError
            If a parameter or a set does not fit.
        """
        check_counts("levels", self.levels)
        self.encoder_ = self._own_encoder().fit(X)
        self.n_features_in_ = self.encoder_.n_features_in_
        return self

    def transform(self, X: Iterable[LocalDescriptors]) -> NDArray[np.float32]:
        """Encode sets of descriptors that have positions.

        Returns
        -------
        ndarray of float32, shape (n_sets, sum of n * n over the levels, times dim)

        Raises
        ------
        ValueError
            If a set is no `LocalDescriptors` of as long descriptors as were fitted.
        """
        check_is_fitted(self)
        vectors = []
        for item in X:
            if not isinstance(item, LocalDescriptors):
                raise ValueError(
                    "a spatial pyramid needs the positions of descriptors: give it LocalDescriptors"
                )
            (values,) = self.encoder_.sets([item], reset=False)
            pyramid = self.pyramid()
            pyramid.add(values, item.positions)
            vectors.append(pyramid.vector())
        if not vectors:
            raise ValueError("there are no sets of descriptors")
        return np.stack(vectors)

    def pyramid(self) -> PyramidStatistics:
        """Start the encoding of one image whose descriptors come in parts."""
        return PyramidStatistics(self.levels, self.encoder_.statistics)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the encoder's codebook as named arrays."""
        check_is_fitted(self)
        return self.encoder_.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted pyramid; as the encoder's own `from_arrays`."""
        pyramid = cls(**parameters)
        check_counts("levels", pyramid.levels)
        encoder = pyramid._own_encoder()
        pyramid.encoder_ = encoder.from_arrays(arrays, **encoder.get_params())
        pyramid.n_features_in_ = pyramid.encoder_.n_features_in_
        return pyramid

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        n_parts = sum(level * level for level in self.levels)
        return int(self.encoder_._n_features_out) * n_parts

    def _own_encoder(self) -> DescriptorEncoder:
        return FisherEncoder() if self.encoder is None else clone(self.encoder)
