"""Operating points: the summed probability of some classes from which on an image is an alert.

A point asks for a sensitivity. Its threshold is the floor of a prediction set for all of these
classes at once (`trifuse.classifiers.conformal`): that share of the images of new lesions of these
classes reaches it. Sums are those under the training archive's class shares. What is said of images
is a matter of the threshold alone, so another prior changes no alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate
from trifuse.recipes.reading import RecipeError
from trifuse.recipes.recipe import Recipe

SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"
AT_SPECIFICITY = "sensitivity_at_specificity_90"
FIGURES = (SENSITIVITY, SPECIFICITY, AT_SPECIFICITY)
"""Of what is told of a calibration."""


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and how it did on images that had no part in it.

    Attributes
    ----------
    wanted : float
        The sensitivity that was asked for.
    threshold : float
        The least summed probability of the positive classes that is an alert.
    sensitivity, specificity : Estimate
        Shares of the positive images that were alerts, and of the others that were none, each fold
        under the threshold that the other folds gave; intervals over groups.
    alone : tuple of Estimate, optional
        Both, were nothing known of the images beside their pixels; where the ensemble takes
        metadata.
    """

    wanted: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)]
    sensitivity: Estimate
    specificity: Estimate
    alone: tuple[Estimate, Estimate] | None = None


@dataclass(frozen=True)
class Findings:
    """What a model file keeps of its operating points.

    Attributes
    ----------
    points : tuple of OperatingPoint
        The strictest, which asks for the least sensitivity, first.
    before, after : dict of str to Estimate
        `FIGURES` out of fold, before the members were calibrated and after it: sensitivity and
        specificity where an image counts as found whose first class is positive, and the
        sensitivity where the summed probability has a specificity of 90 %.
    """

    points: tuple[OperatingPoint, ...]
    before: dict[str, Estimate]
    after: dict[str, Estimate]


@dataclass(frozen=True)
class Decision:
    """The operating points of a model.

    Attributes
    ----------
    columns : tuple of int
        The positive classes.
    findings : Findings
    """

    columns: tuple[int, ...]
    findings: Findings

    def alert(self, probabilities: NDArray[np.float64]) -> float | None:
        """Give the sensitivity of the strictest point that one image reaches; (n_classes,).

        Examples
        --------
        >>> one = Estimate(1, 1, 1)
        >>> points = (OperatingPoint(0.9, 0.5, one, one), OperatingPoint(0.95, 0.2, one, one))
        >>> decision = Decision((1, 2), Findings(points, {}, {}))
        >>> print(*(decision.alert(np.array([1 - p, p, 0])) for p in (0.5, 0.25, 0.1)))
        0.9 0.95 None
        """
        score = sum_columns(probabilities, self.columns)
        reached = (point.wanted for point in self.findings.points if score >= point.threshold)
        return next(reached, None)


def sum_columns(probabilities: NDArray[np.float64], columns: Sequence[int]) -> NDArray[np.float64]:
    """Sum the probabilities of some classes; (..., n_classes) to (...)."""
    return np.asarray(probabilities[..., list(columns)].sum(axis=-1))


def find_positive(recipe: Recipe, classes: Sequence[str]) -> tuple[int, ...]:
    """Find the classes that a recipe calls positive; none where it asks for no alerts.

    Raises
    ------
    RecipeError
        If one is none of the classes, or all of them are named.
    """
    names = recipe.decision.positive
    if unknown := [name for name in names if name not in classes]:
        msg = (
            f"The recipe's [decision] positive names {unknown[0]!r}, which is none of the classes "
            f"of the archive: {', '.join(classes)}."
        )
        raise RecipeError(msg)
    if len(set(names)) == len(classes):
        msg = "The recipe's [decision] positive names every class; name those to be found."
        raise RecipeError(msg)
    return tuple(sorted({classes.index(name) for name in names}))


def decision_to_entry(decision: Decision | None) -> dict[str, Any] | None:
    """Give what `model.json` says of operating points, as plain data."""
    return None if decision is None else asdict(decision.findings)


def decision_from(entry: Any, recipe: Recipe, classes: Sequence[str]) -> Decision | None:
    """Bring back the operating points; ValueError unless they are the recipe's."""
    columns = find_positive(recipe, classes)
    if not columns and entry is None:
        return None
    try:
        findings = msgspec.convert(entry, Findings)
    except msgspec.ValidationError as error:
        msg = f"its operating points do not fit: {error}"
        raise ValueError(msg) from error
    thresholds = [point.threshold for point in findings.points]
    if (
        not columns
        or [point.wanted for point in findings.points] != sorted(set(recipe.decision.sensitivity))
        or thresholds != sorted(thresholds, reverse=True)
        or not set(findings.before) == set(findings.after) == set(FIGURES)
    ):
        msg = "its operating points are not those of its recipe"
        raise ValueError(msg)
    return Decision(columns, findings)
