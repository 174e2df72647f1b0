"""Tests of paired differences, and their correction for many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

PERMUTATIONS_AT_ONCE = 500


def swap_test(
    differences: NDArray[np.float64], n_permutations: int = 9999, random_state: int = 0
) -> float:
    """Test whether two methods could be exchanged, lesion by lesion, without notice.

    The statistic is the sum of `differences`; swapping the two methods' answers to a lesion turns
    the sign of its part. A lesion that both answer alike says nothing.

    Parameters
    ----------
    differences : float64 (n_lesions,)
        What each lesion adds to the difference of a figure that is a sum over lesions.
    n_permutations : int
        If there are no more ways to swap than this, all of them are tried.
    random_state : int

    Returns
    -------
    float
        Two-sided p; of random swaps at least ``2 / (n_permutations + 1)`` [1]_.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical
       Applications in Genetics and Molecular Biology 9, 2010.

    Examples
    --------
    >>> swap_test(np.array([0.1, 0.1, 0.1, 0.0]))  # 2 of the 8 ways to swap give as much
    0.25
    """
    telling = differences[differences != 0]
    if len(telling) < 2:
        return 1.0  # both ways to swap one lesion differ by as much
    result = permutation_test(
        (telling,),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=n_permutations,
        batch=PERMUTATIONS_AT_ONCE,
        rng=np.random.default_rng(random_state),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for being several, so that any false claim has the stated chance [1]_.

    The k-th smallest of m, from 1, is multiplied by ``m - k + 1``; none falls below a smaller one,
    and none exceeds 1.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
       Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p, m = np.array(p_values, dtype=np.float64), len(p_values)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(m)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * (m - np.arange(m))), 1)
    return [float(value) for value in corrected]
