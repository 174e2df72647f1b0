"""scikit-learn transformers from local descriptors, or from images, to vectors.

Scoring does not import this module: scikit-learn takes a second to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from trifuse.encoders.codebook import (
    CodebookError,
    GaussianMixture,
    check_sample,
    fit_centers,
    fit_gaussian_mixture,
)
from trifuse.encoders.fisher import FisherStatistics
from trifuse.encoders.pyramid import PyramidStatistics, Statistics
from trifuse.encoders.sampling import Reservoir
from trifuse.encoders.vlad import VladStatistics
from trifuse.features.checks import check_count, check_counts, check_flag
from trifuse.features.grid import LocalDescriptors

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
        for descriptors in self.sets(X, reset=True):
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
        for descriptors in self.sets(X, reset=False):
            statistics = self.statistics()
            statistics.add(descriptors)
            vectors.append(statistics.vector())
        return np.stack(vectors)

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

    def _check_parameters(self) -> None:
        raise NotImplementedError

    def _fit_codebook(self, sample: NDArray[np.float32], seed: int) -> None:
        raise NotImplementedError

    def sets(self, X: Any, *, reset: bool) -> Iterator[NDArray[np.float32]]:
        """Give each set as float32 (n, d), all of the same d: the first one's where `reset`."""
        if _is_table(X):
            least = 2 if reset else 1  # one descriptor has no spread to train on
            yield from validate_data(
                self, X, dtype=np.float32, reset=reset, ensure_min_samples=least
            )[:, np.newaxis]
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


class FisherEncoder(DescriptorEncoder):
    """Sets of local descriptors to improved Fisher vectors; see `fisher_vector`.

    Parameters
    ----------
    n_components : int
        Gaussians of the mixture; fewer are fitted to fewer descriptors.
    square_root, normalize : bool
        The improved Fisher vector's normalisations.
    sample_size : int
        Descriptors that the mixture is trained on.
    random_state : int, RandomState or None
        The seed of the sample and of the mixture.

    Attributes
    ----------
    mixture_ : GaussianMixture
    n_features_in_ : int
        d, the length of a descriptor.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 0, 60)]
    >>> FisherEncoder(n_components=4).fit_transform(images).shape
    (3, 24)
    """

    def __init__(
        self,
        n_components: int = 64,
        square_root: bool = True,
        normalize: bool = True,
        sample_size: int = SAMPLE_SIZE,
        random_state: Any = 0,
    ) -> None:
        self.n_components = n_components
        self.square_root = square_root
        self.normalize = normalize
        self.sample_size = sample_size
        self.random_state = random_state

    def statistics(self) -> FisherStatistics:
        """Start the Fisher vector of one set of descriptors that comes in parts."""
        return FisherStatistics(
            self.mixture_, square_root=self.square_root, normalize=self.normalize
        )

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the mixture as `means` and `variances`, (n_components, d), and `weights`."""
        check_is_fitted(self)
        mixture = self.mixture_
        return {
            "means": mixture.means,
            "variances": mixture.variances,
            "weights": mixture.weights,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted encoder of a mixture that `to_arrays` or another program gave.

        Parameters
        ----------
        arrays : dict
            `means` and `variances` of shape (n_components, d), `weights` of shape
            (n_components,): of a scikit-learn mixture the ``means_``, ``covariances_`` (of type
            ``diag``) and ``weights_``; of VLFeat's ``vl_gmm`` the means, covariances and priors,
            transposed where a column is a component.
        parameters
            Of the constructor.

        Raises
        ------
        ValueError
            If they are no mixture.
        """
        encoder = cls(**parameters)
        encoder._check_parameters()
        encoder.mixture_ = GaussianMixture.from_arrays(arrays)
        encoder.n_features_in_ = encoder.mixture_.means.shape[1]
        return encoder

    @property
    def _n_features_out(self) -> int:
        return 2 * self.mixture_.means.size

    def _check_parameters(self) -> None:
        check_count("n_components", self.n_components)
        check_flag("square_root", self.square_root)
        check_flag("normalize", self.normalize)

    def _fit_codebook(self, sample: NDArray[np.float32], seed: int) -> None:
        self.mixture_ = fit_gaussian_mixture(sample, self.n_components, seed)


class VladEncoder(DescriptorEncoder):
    """Sets of local descriptors to VLAD; see `vlad`.

    Parameters
    ----------
    n_centers : int
        Centres of the codebook; fewer are fitted to fewer descriptors.
    by_residual, by_mass, square_root, by_component, normalize : bool
        The normalisations.
    sample_size : int
        Descriptors that the codebook is trained on.
    random_state : int, RandomState or None
        The seed of the sample and of the codebook.

    Attributes
    ----------
    centers_ : ndarray of float32, shape (n_centers, d)
    n_features_in_ : int
        d, the length of a descriptor.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 0, 60)]
    >>> VladEncoder(n_centers=4).fit_transform(images).shape
    (3, 12)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - an estimator's parameters
        self,
        n_centers: int = 64,
        by_residual: bool = False,
        by_mass: bool = False,
        square_root: bool = True,
        by_component: bool = True,
        normalize: bool = True,
        sample_size: int = SAMPLE_SIZE,
        random_state: Any = 0,
    ) -> None:
        self.n_centers = n_centers
        self.by_residual = by_residual
        self.by_mass = by_mass
        self.square_root = square_root
        self.by_component = by_component
        self.normalize = normalize
        self.sample_size = sample_size
        self.random_state = random_state

    def statistics(self) -> VladStatistics:
        """Start the VLAD of one set of descriptors that comes in parts."""
        return VladStatistics(
            self.centers_,
            by_residual=self.by_residual,
            by_mass=self.by_mass,
            square_root=self.square_root,
            by_component=self.by_component,
            normalize=self.normalize,
        )

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the codebook as `centers`, (n_centers, d)."""
        check_is_fitted(self)
        return {"centers": self.centers_}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted encoder of a codebook that `to_arrays` or another program gave.

        Parameters
        ----------
        arrays : dict
            `centers` of shape (n_centers, d): the ``cluster_centers_`` of scikit-learn's
            `KMeans`, or the centres of VLFeat's ``vl_kmeans``, transposed where a column is one.
        parameters
            Of the constructor.

        Raises
        ------
        ValueError
            If they are no codebook.
        """
        encoder = cls(**parameters)
        encoder._check_parameters()
        if "centers" not in arrays:
            raise CodebookError("a codebook needs centers: they are missing")
        encoder.centers_ = check_array(arrays["centers"], dtype=np.float32, input_name="centers")
        encoder.n_features_in_ = encoder.centers_.shape[1]
        return encoder

    @property
    def _n_features_out(self) -> int:
        return self.centers_.size

    def _check_parameters(self) -> None:
        check_count("n_centers", self.n_centers)
        for name in ("by_residual", "by_mass", "square_root", "by_component", "normalize"):
            check_flag(name, getattr(self, name))

    def _fit_codebook(self, sample: NDArray[np.float32], seed: int) -> None:
        self.centers_ = fit_centers(sample, self.n_centers, seed)


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


def _is_table(X: Any) -> bool:
    """Tell whether X is one table of numbers, or of what should have been numbers."""
    if issparse(X):
        return True
    if not hasattr(X, "__array__"):
        return False
    array = np.asarray(X)
    return array.ndim == 2 or (array.ndim < 2 and array.dtype != object)
