"""Fisher vectors of sets of local descriptors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.codebook import GaussianMixture
from trifuse.encoders.normalization import l2_normalize, signed_square_root

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
    :math:`\sigma_k` and weights :math:`w_k` [2]_, equations 16 to 18:

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
    means, variances, weights = mixture.means, mixture.variances, mixture.weights
    if not len(descriptors):
        return np.zeros(2 * means.size, dtype=np.float32)
    # About the mixture's own mean float32 loses no digits to a common offset.
    offset = weights @ means
    means = means - offset
    constant = np.log(weights) - 0.5 * (np.log(variances) + means * means / variances).sum(axis=1)
    linear = np.hstack([means / variances, -0.5 / variances]).T
    mass = np.zeros(len(weights), dtype=np.float32)
    moments = np.zeros((len(weights), 2 * means.shape[1]), dtype=np.float32)
    for start in range(0, len(descriptors), _BLOCK):
        centered = descriptors[start : start + _BLOCK] - offset
        powers = np.hstack([centered, centered * centered])
        posteriors = _posteriors(powers @ linear + constant)
        mass += posteriors.sum(axis=0)
        moments += posteriors.T @ powers
    mass = mass[:, None]
    first, second = np.hsplit(moments, 2)
    scale = (1 / (len(descriptors) * np.sqrt(weights)))[:, None]
    by_mean = (first - means * mass) / np.sqrt(variances) * scale
    spread = second - 2 * means * first + (means * means - variances) * mass
    by_variance = spread / variances * (scale / np.float32(np.sqrt(2)))
    vector = np.concatenate([by_mean.ravel(), by_variance.ravel()]).astype(np.float32, copy=False)
    if square_root:
        vector = signed_square_root(vector)
    return l2_normalize(vector) if normalize else vector


def _posteriors(logarithms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn joint log densities, (n, n_components), into posteriors, in place."""
    logarithms -= logarithms.max(axis=1, keepdims=True)
    np.exp(logarithms, out=logarithms)
    logarithms /= logarithms.sum(axis=1, keepdims=True)
    return logarithms
