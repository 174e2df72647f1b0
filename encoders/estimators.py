"""scikit-learn transformers from sets of local descriptors to vectors.

Scoring does not import this module: scikit-learn takes a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from trifuse.encoders.codebook import (
    CodebookError,
    GaussianMixture,
    fit_centers,
    fit_gaussian_mixture,
)
from trifuse.encoders.descriptor_encoder import SAMPLE_SIZE, DescriptorEncoder
from trifuse.encoders.fisher import FisherStatistics
from trifuse.encoders.vlad import VladStatistics
from trifuse.features.checks import check_count, check_flag


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
        mixture = GaussianMixture.from_arrays(arrays)
        encoder = cls(**{"n_components": len(mixture.weights), **parameters})
        encoder._check_parameters()
        encoder.mixture_ = mixture
        encoder.n_features_in_ = mixture.means.shape[1]
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
        if "centers" not in arrays:
            raise CodebookError("a codebook needs centers: they are missing")
        centers = check_array(arrays["centers"], dtype=np.float32, input_name="centers")
        encoder = cls(**{"n_centers": len(centers), **parameters})
        encoder._check_parameters()
        encoder.centers_ = centers
        encoder.n_features_in_ = centers.shape[1]
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
