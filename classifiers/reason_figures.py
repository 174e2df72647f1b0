"""Whether a reason for a review earns its place: how often what it flags is wrong, and the cost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    N_RESAMPLES,
    Estimate,
    Figures,
    estimate_figures,
    number_groups,
    ratio,
)

ANY = "any"
"""Of images that have one reason at least."""
FEW_LESIONS = 10
"""Flagged lesions below which no interval is believed."""


@dataclass(frozen=True)
class ReasonFigures:
    """How the images that a reason flags did.

    Attributes
    ----------
    images, lesions : int
        Flagged ones.
    wrong : int
        Flagged images whose first class is another than theirs.
    share : Estimate
        Of all images, those that are flagged.
    flagged, unflagged : Estimate
        Share of these that are wrong.
    lift : Estimate
        How many times as often as all images flagged ones are wrong.
    found : Estimate
        Of all wrong images, those that are flagged.
    """

    images: int
    lesions: int
    wrong: int
    share: Estimate
    flagged: Estimate
    unflagged: Estimate
    lift: Estimate
    found: Estimate

    @property
    def cost(self) -> float:
        """Flagged images that are looked at for each one that is wrong; NaN where none is."""
        return self.images / self.wrong if self.wrong else float("nan")

    def to_plain(self) -> dict[str, Any]:
        """Give numbers, and estimates as lists of value, low and high, by name."""
        return {**vars(self), "cost": self.cost, "told": self.judge()}

    def judge(self) -> str:
        """Say in a few words whether the reason tells more than chance."""
        if self.lesions < FEW_LESIONS:
            return "too few to tell"
        if self.lift.low > 1:
            return "wrong more often"
        return "wrong less often" if self.lift.high < 1 else "no better than chance"


def measure_reasons(
    flags: Mapping[str, NDArray[np.bool_]],
    wrong: NDArray[np.bool_],
    groups: Sequence[Hashable] | NDArray[Any],
    n_resamples: int = N_RESAMPLES,
) -> dict[str, ReasonFigures]:
    """Measure reasons, and that an image has `ANY` of them.

    Parameters
    ----------
    flags : mapping of str to ndarray of bool, shape (n_images,)
        By reason, the images that it flags.
    wrong : ndarray of bool, shape (n_images,)
        Those whose first class is another than theirs.
    groups : sequence (n_images,)
        The lesion of each image. Intervals are percentile intervals on resamples of lesions.
    n_resamples : int

    Returns
    -------
    dict of str to ReasonFigures
    """
    if not flags:
        return {}
    whole = {**flags, ANY: np.any(list(flags.values()), axis=0)}
    lesions = number_groups(groups)

    def figures(weights: NDArray[np.float64]) -> Figures:
        every, errors = weights.sum(axis=0), wrong @ weights
        found: Figures = {}
        for name, flag in whole.items():
            chosen, hits = flag @ weights, (flag & wrong) @ weights
            rate = ratio(hits, chosen)
            found |= {
                f"{name} share": ratio(chosen, every),
                f"{name} flagged": rate,
                f"{name} unflagged": ratio(errors - hits, every - chosen),
                f"{name} lift": ratio(rate, ratio(errors, every)),
                f"{name} found": ratio(hits, errors),
            }
        return found

    estimates = estimate_figures(figures, lesions, n_resamples)
    kinds = ("share", "flagged", "unflagged", "lift", "found")
    return {
        name: ReasonFigures(
            int(flag.sum()),
            len(np.unique(lesions[flag])),
            int((flag & wrong).sum()),
            *(estimates[f"{name} {kind}"] for kind in kinds),
        )
        for name, flag in whole.items()
    }
