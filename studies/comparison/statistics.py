"""Compared methods: their figures, their differences, and whether these may be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.studies.comparison.measured import Estimate, Measured, measure
from trifuse.studies.comparison.methods import require_methods
from trifuse.studies.comparison.scores import ComparisonScores, Leakage, LearningCurve, MethodScores
from trifuse.studies.comparison.significance import holm, swap_test

COMPARED = ("balanced_bma", "bma", "accuracy", "macro_auc")
"""The figures whose differences are given."""
PRIMARY = ("balanced_bma", "bma", "accuracy")
"""The figures that can be tested: each is a sum over lesions."""


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
class Statistics:
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
) -> Statistics:
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
    measured = {name: measure(method, scores) for name, method in scores.methods.items()}
    return Statistics(
        baseline=baseline,
        primary=primary,
        figures={
            name: {figure: method.estimate(figure) for figure in method.values}
            for name, method in measured.items()
        },
        differences=_differences(scores, measured, baseline, primary),
        curves={
            name: [
                (lesions, measure(point, scores).estimate(primary))
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
    by_lesion, by_image = measure(pair.by_lesion, scores), measure(pair.by_image, scores)
    return LeakageEstimate(
        {figure: by_lesion.estimate(figure) for figure in COMPARED},
        {figure: by_image.estimate(figure) for figure in COMPARED},
        {figure: by_image.minus(by_lesion, figure) for figure in COMPARED},
    )
