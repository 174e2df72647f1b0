"""Fisher vectors of sets of local descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.encoders.methods import Encoding, Summands
from trifuse.encoders.mixture import Density, GaussianMixture, centered, fit_gaussian_mixture
from trifuse.encoders.normalization import l2_normalize, signed_square_root, to_float32
from trifuse.features.checks import Count, Flag, Options


@dataclass(frozen=True)
class FisherOptions(Options):
    """The mixture of a Fisher vector, and the normalisations of the improved one."""

    components: Count = 64
    """Gaussians of the mixture; fewer are fitted to fewer descriptors."""
    square_root: Flag = True
    normalize: Flag = True


@dataclass(frozen=True)
class FisherEncoding(Encoding):
    """Fisher vectors under a fitted mixture; see `fisher_vector`.

    Attributes
    ----------
    mixture : GaussianMixture
    options : FisherOptions
    """

    name: ClassVar[str] = "fisher"
    title: ClassVar[str] = "Fisher vector"
    options_type: ClassVar[type[Any]] = FisherOptions
    size: ClassVar[str] = "components"
    size_title: ClassVar[str] = "Gaussians"
    positive: ClassVar[tuple[str, ...]] = ("variances", "weights")

    mixture: GaussianMixture
    options: FisherOptions = FisherOptions()

    @classmethod
    def fit(
        cls, points: NDArray[np.float32], options: FisherOptions, random_state: int = 0
    ) -> FisherEncoding:
        """Fit the mixture."""
        return cls(fit_gaussian_mixture(points, options.components, random_state), options)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], options: FisherOptions) -> FisherEncoding:
        """Take the mixture's `means` and `variances`, (n_components, d), and `weights`.

        Of a scikit-learn mixture they are the ``means_``, ``covariances_`` (of type ``diag``) and
        ``weights_``; of VLFeat's ``vl_gmm`` the means, covariances and priors, transposed where a
        column is a component.
        """
        return cls(GaussianMixture.from_arrays(arrays), options)

    @classmethod
    def shapes(cls, size: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Give the shapes of the mixture's arrays."""
        return {"means": (size, dimension), "variances": (size, dimension), "weights": (size,)}

    @classmethod
    def length(cls, size: int, dimension: int) -> int:
        """Give the length of a vector: a gradient by each mean, and by each deviation."""
        return 2 * size * dimension

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give the mixture as `means`, `variances` and `weights`."""
        return {name: getattr(self.mixture, name) for name in self.shapes(0, 0)}

    def sums(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the sums of `trifuse.encoders.mixture.Statistics`, (n_components, 1 + 2 * d)."""
        return self.mixture.statistics(points).sums

    def vector(self, sums: NDArray[np.float64], n: int) -> NDArray[np.float32]:
        """Give the Fisher vector of `n` descriptors."""
        _, means, variances, weights = centered(self.mixture)
        mass, first, second = np.split(sums, [1, 1 + means.shape[1]], axis=1)
        # A Gaussian of weight zero has no descriptors, hence no gradient.
        roots = np.sqrt(np.where(weights > 0, weights, np.inf))[:, None]
        scale = 1 / (max(n, 1) * roots)
        by_mean = (first - means * mass) / np.sqrt(variances) * scale
        spread = second - 2 * means * first + (means * means - variances) * mass
        by_variance = spread / variances * (scale / np.sqrt(2))
        vector = np.concatenate([by_mean.ravel(), by_variance.ravel()])
        if self.options.square_root:
            vector = signed_square_root(vector)
        return to_float32(l2_normalize(vector) if self.options.normalize else vector)

    def summands(self, points: NDArray[np.float32]) -> Iterator[Summands]:
        """Give what descriptors add to the gradients of each Gaussian."""
        mixture = self.mixture
        posteriors = Density.of(mixture, np.float64).posteriors(points).shares
        n_components, dimension = mixture.means.shape
        for k in range(n_components):
            rows = np.flatnonzero(posteriors[:, k] > np.finfo(np.float32).eps)
            scale = posteriors[rows, k] / (len(points) * np.sqrt(float(mixture.weights[k])))
            deviations = np.sqrt(mixture.variances[k].astype(np.float64))
            standard = (points[rows].astype(np.float64) - mixture.means[k]) / deviations
            values = np.hstack([standard, (standard * standard - 1) / np.sqrt(2)])
            first = np.arange(k * dimension, (k + 1) * dimension)
            columns = np.concatenate([first, first + mixture.means.size])
            yield Summands(rows, columns, values * scale[:, None])

    def normalized_parts(self) -> tuple[int, ...]:
        """Tell the L2 normalisations: of the whole, or none."""
        return (1,) if self.options.normalize else ()


METHOD = FisherEncoding


def fisher_vector(
    descriptors: NDArray[np.float32],
    mixture: GaussianMixture,
    *,
    square_root: bool = True,
    normalize: bool = True,
) -> NDArray[np.float32]:
    r"""Encode a set of descriptors by its gradient under a Gaussian mixture.

    With posteriors :math:`\gamma_{nk}`, means :math:`\mu_k`, standard deviations
    :math:`\sigma_k` and weights :math:`w_k` [2]_, equations 17 and 18:

    .. math::

        u_k = \frac{1}{N \sqrt{w_k}} \sum_n \gamma_{nk} \frac{x_n - \mu_k}{\sigma_k}, \quad
        v_k = \frac{1}{N \sqrt{2 w_k}} \sum_n \gamma_{nk}
              \left[ \frac{(x_n - \mu_k)^2}{\sigma_k^2} - 1 \right]

    With both normalisations, the default, it is the improved Fisher vector [1]_.

    Parameters
    ----------
    descriptors : ndarray of float32, shape (n_descriptors, d)
        May be empty.
    mixture : GaussianMixture
    square_root : bool
        Take the signed square root of every component.
    normalize : bool
        Scale to unit L2 norm, after the square root.

    Returns
    -------
    ndarray of float32, shape (2 * n_components * d,)
        :math:`u_1 \dots u_K`, then :math:`v_1 \dots v_K`. Zero for no descriptors.

    References
    ----------
    .. [1] F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale
       image classification", ECCV 2010.
    .. [2] J. Sanchez, F. Perronnin, T. Mensink, J. Verbeek, "Image classification with the
       Fisher vector: theory and practice", IJCV 105, 2013.

    Examples
    --------
    >>> mixture = GaussianMixture(
    ...     means=np.zeros((1, 1), dtype=np.float32),
    ...     variances=np.ones((1, 1), dtype=np.float32),
    ...     weights=np.ones(1, dtype=np.float32),
    ... )
    >>> descriptors = np.array([[2.0]], dtype=np.float32)
    >>> fisher_vector(descriptors, mixture, square_root=False, normalize=False).round(4)
    array([2.    , 2.1213], dtype=float32)
    """
    options = FisherOptions(square_root=square_root, normalize=normalize)
    return FisherEncoding(mixture, options).encode(descriptors)
