"""Fisher vectors of sets of local descriptors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.codebook import GaussianMixture
from trifuse.encoders.normalization import l2_normalize, signed_square_root, to_float32

_BLOCK = 1024
"""Descriptors encoded together: few enough for a core's cache."""


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
    statistics = FisherStatistics(mixture, square_root=square_root, normalize=normalize)
    statistics.add(descriptors)
    return statistics.vector()


class FisherStatistics:
    r"""What a Fisher vector needs to know of a set of descriptors that comes in parts.

    These are, for each Gaussian, the sums of the posteriors, and of the descriptors and of their
    squares weighed by the posteriors: :math:`S^0, S^1, S^2` of Sanchez et al. 2013, algorithm 1.
    They are computed in float32 and summed in float64. A part whose squares are too large for
    float32 is computed in float64.

    Parameters
    ----------
    mixture : GaussianMixture
    square_root, normalize : bool
        As in `fisher_vector`.
    """

    def __init__(
        self, mixture: GaussianMixture, *, square_root: bool = True, normalize: bool = True
    ) -> None:
        self.mixture = mixture
        self.square_root = square_root
        self.normalize = normalize
        n_components, dimension = mixture.means.shape
        self.n_descriptors = 0
        self.mass = np.zeros((n_components, 1))
        self.moments = np.zeros((n_components, 2 * dimension))
        self._density = _density(mixture, np.float32)

    def add(self, descriptors: NDArray[np.float32]) -> None:
        """Take in more descriptors, (n, d); n may be zero."""
        for start in range(0, len(descriptors), _BLOCK):
            block = descriptors[start : start + _BLOCK]
            if not self._add(block, self._density):
                self._add(block, _density(self.mixture, np.float64))

    def _add(self, block: NDArray[np.float32], density: _Density) -> bool:
        """Take in a block, unless some number is too large for the type of `density`."""
        n_descriptors, dimension = block.shape
        dtype = density.linear.dtype
        powers = np.empty((n_descriptors, 2 * dimension), dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            centered = np.subtract(block, density.offset, out=powers[:, :dimension])
            np.multiply(centered, centered, out=powers[:, dimension:])
            posteriors = powers @ density.linear
            posteriors += density.constant
            peaks = posteriors.max(axis=1, keepdims=True)
            posteriors -= peaks
            np.exp(posteriors, out=posteriors)
            # Sums by products, which BLAS computes faster than numpy.sum does.
            posteriors *= 1 / (posteriors @ np.ones((len(self.mass), 1), dtype))
            mass = posteriors.T @ np.ones((n_descriptors, 1), dtype)
            moments = posteriors.T @ powers
        if not (np.isfinite(peaks).all() and np.isfinite(moments).all()):
            return False
        self.n_descriptors += n_descriptors
        self.mass += mass
        self.moments += moments
        return True

    def vector(self) -> NDArray[np.float32]:
        """Give the Fisher vector of all descriptors so far."""
        _, means, variances, weights = _centered(self.mixture)
        first, second = np.hsplit(self.moments, 2)
        # A Gaussian of weight zero has no descriptors, hence no gradient.
        roots = np.sqrt(np.where(weights > 0, weights, np.inf))[:, None]
        scale = 1 / (max(self.n_descriptors, 1) * roots)
        by_mean = (first - means * self.mass) / np.sqrt(variances) * scale
        spread = second - 2 * means * first + (means * means - variances) * self.mass
        by_variance = spread / variances * (scale / np.sqrt(2))
        vector = np.concatenate([by_mean.ravel(), by_variance.ravel()])
        if self.square_root:
            vector = signed_square_root(vector)
        return to_float32(l2_normalize(vector) if self.normalize else vector)


class _Density(NamedTuple):
    """Logarithms of weighted Gaussians: ``[x, x * x] @ linear + constant`` for x less `offset`."""

    offset: NDArray[np.floating]
    linear: NDArray[np.floating]
    constant: NDArray[np.floating]


def _density(mixture: GaussianMixture, dtype: type[np.floating]) -> _Density:
    """Compute what gives the densities, in float64 where it is too large for `dtype`."""
    offset, means, variances, weights = _centered(mixture)
    with np.errstate(divide="ignore"):  # the logarithm of a weight of zero is a fair -inf
        logarithms = np.log(weights)
    constant = logarithms - 0.5 * (np.log(variances) + means * means / variances).sum(axis=1)
    linear = np.hstack([means / variances, -0.5 / variances]).T
    if max(np.abs(linear).max(), np.abs(constant[weights > 0]).max()) > np.finfo(dtype).max:
        dtype = np.float64
    return _Density(offset.astype(dtype), linear.astype(dtype, order="C"), constant.astype(dtype))


def _centered(
    mixture: GaussianMixture,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give the mixture's mean, and its parameters about it, where float32 loses no digits."""
    means, variances, weights = (
        array.astype(np.float64) for array in (mixture.means, mixture.variances, mixture.weights)
    )
    offset = (weights @ means).astype(np.float32).astype(np.float64)
    return offset, means - offset, variances, weights
