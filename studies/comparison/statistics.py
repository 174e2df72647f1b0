"""Compared methods: their figures, their differences, and whether these may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from trifuse.classifiers.bootstrap import Estimate
from trifuse.studies.comparison.methods import require_methods
from trifuse.studies.comparison.scores import ComparisonScores, Leakage, LearningCurve, MethodScores
from trifuse.studies.measured import Measured, measure_method

COMPARED = ("balanced_bma", "bma", "accuracy", "macro_auc")
"""The figures whose differences are given."""
PRIMARY = ("balanced_bma", "bma", "accuracy")
"""The figures that can be tested: each is a sum over lesions."""
PERMUTATIONS_AT_ONCE = 500


class ComparisonError(ValueError):
    """A comparison that cannot be made; the message says what to change."""


@dataclass(frozen=True)
class Difference:
    """One method less the baseline.

    Attributes
    ----------
    figures : dict of str to Estimate
        Of `COMPARED`.
    p, corrected_p : float
        Of the swap test on the primary figure, alone and by Holm's correction.
    """

    figures: dict[str, Estimate]
    p: float
    corrected_p: float


@dataclass(frozen=True)
class LeakageEstimate:
    """What one method seems worth by folds over lesions and by folds over images.

    Attributes
    ----------
    by_lesion, by_image, difference : dict of str to Estimate
        Of `COMPARED`; `difference` is by image less by lesion.
    """

    by_lesion: dict[str, Estimate]
    by_image: dict[str, Estimate]
    difference: dict[str, Estimate]


@dataclass(frozen=True)
class ComparisonStatistics:
    """What a comparison says.

    Attributes
    ----------
    baseline, primary : str
        The method that the others are held against, and the figure that is tested.
    figures : dict of str to dict of str to Estimate
        Method to figure to estimate, with the keys of `Measured.values`.
    differences : dict of str to Difference
        Of every method but the baseline.
    curves : dict of str to list of (int, Estimate)
        Of the primary figure by the number of training lesions.
    leakage : dict of str to LeakageEstimate
    """

    baseline: str
    primary: str
    figures: dict[str, dict[str, Estimate]]
    differences: dict[str, Difference]
    curves: dict[str, list[tuple[int, Estimate]]]
    leakage: dict[str, LeakageEstimate]


def compute_statistics(
    scores: ComparisonScores,
    curves: Mapping[str, LearningCurve],
    leakage: Mapping[str, Leakage],
    baseline: str | None = None,
    primary: str = "balanced_bma",
) -> ComparisonStatistics:
    """Measure every method, its difference from the baseline, learning curves and leakage.

    All intervals are 95 % percentile intervals on the same resamples of whole lesions.
    They hold the chance in which lesions were tested, not the chance in which ones were trained on.

    Parameters
    ----------
    scores : ComparisonScores
    curves, leakage : mapping of method to what was measured of it
        May be empty.
    baseline : str, optional
        A method; the first one if not given.
    primary : str
        One of `PRIMARY`.

    Raises
    ------
    ComparisonError
        If `primary` is no such figure.
    trifuse.studies.comparison.methods.MethodsError
        If `baseline` is no method.
    """
    if primary not in PRIMARY:
        msg = f"The figure {primary!r} cannot be tested; name one of {', '.join(PRIMARY)}."
        raise ComparisonError(msg)
    baseline = next(iter(scores.methods)) if baseline is None else baseline
    require_methods([baseline], scores.methods)
    measured = {name: measure_method(method, scores) for name, method in scores.methods.items()}
    return ComparisonStatistics(
        baseline=baseline,
        primary=primary,
        figures={
            name: {figure: method.estimate(figure) for figure in method.values}
            for name, method in measured.items()
        },
        differences=_differences(scores, measured, baseline, primary),
        curves={
            name: [
                (lesions, measure_method(point, scores).estimate(primary))
                for lesions, point in zip(curve.lesions, curve.points, strict=True)
            ]
            for name, curve in curves.items()
        },
        leakage={name: _leakage(pair, scores) for name, pair in leakage.items()},
    )


def _differences(
    scores: ComparisonScores, measured: Mapping[str, Measured], baseline: str, primary: str
) -> dict[str, Difference]:
    others = [name for name in measured if name != baseline]
    reference = lesion_parts(scores.methods[baseline], scores, primary)
    p_values = [
        swap_test(lesion_parts(scores.methods[name], scores, primary) - reference)
        for name in others
    ]
    return {
        name: Difference(
            {figure: measured[name].minus(measured[baseline], figure) for figure in COMPARED},
            p,
            corrected,
        )
        for name, p, corrected in zip(others, p_values, holm(p_values), strict=True)
    }


def lesion_parts(
    method: MethodScores, scores: ComparisonScores, figure: str
) -> NDArray[np.float64]:
    """Split one of `PRIMARY` into what each lesion adds to it, float64 (n_lesions,).

    An image adds its share of repeats with the right answer, over the images of its class and the
    number of classes for the BMA, over all images for the accuracy.
    """
    probabilities = method.balanced if figure == "balanced_bma" else method.probabilities
    right = (probabilities.argmax(axis=2) == scores.labels).mean(axis=0)
    counts = np.bincount(scores.labels)
    whole = len(right) if figure == "accuracy" else counts[scores.labels] * (counts > 0).sum()
    _, members = np.unique(scores.groups, return_inverse=True)
    return np.bincount(members, weights=right / whole).astype(np.float64)


def _leakage(pair: Leakage, scores: ComparisonScores) -> LeakageEstimate:
    by_lesion, by_image = (measure_method(one, scores) for one in (pair.by_lesion, pair.by_image))
    return LeakageEstimate(
        {figure: by_lesion.estimate(figure) for figure in COMPARED},
        {figure: by_image.estimate(figure) for figure in COMPARED},
        {figure: by_image.minus(by_lesion, figure) for figure in COMPARED},
    )


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
