"""What `model.json` holds of a model that is no array: written, and checked when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Annotated, Any

import msgspec

from trifuse.classifiers.archive import Arrays
from trifuse.classifiers.conformal import PredictionSets
from trifuse.classifiers.novelty import Novelty
from trifuse.classifiers.review import Review, ReviewFigures


@dataclass(frozen=True)
class ReviewEntry:
    """What `model.json` says under `review`; the rest are arrays.

    Attributes
    ----------
    novelty_threshold : float
    figures : ReviewFigures
    """

    novelty_threshold: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
    figures: ReviewFigures


def review_to_entry(review: Review) -> dict[str, Any]:
    """Give what `model.json` says of a review, as plain data."""
    return asdict(ReviewEntry(review.novelty.threshold, review.figures))


def review_from(arrays: Arrays, entry: Any) -> Review:
    """Bring back a review from checked arrays and what `model.json` says of it.

    Raises
    ------
    ValueError
        If the entry is none, or does not fit the arrays.
    """
    try:
        known = msgspec.convert(entry, ReviewEntry)
    except msgspec.ValidationError as error:
        msg = f"its review does not fit: {error}"
        raise ValueError(msg) from error
    floors = arrays["review.floors"]
    if len(known.figures.coverage) != len(floors):
        msg = "its review does not have a coverage for each class"
        raise ValueError(msg)
    means, deviations = arrays["review.residual_means"], arrays["review.residual_deviations"]
    novelty = Novelty(means, deviations, known.novelty_threshold)
    return Review(PredictionSets(floors), novelty, known.figures)


def temperatures_from(values: Any, members: Sequence[str]) -> dict[str, float]:
    """Bring back the temperature of each member; ValueError unless they are positive."""
    numbers = _member_numbers(values, "temperatures", members)
    if not all(0 < number < inf for number in numbers.values()):
        msg = "its temperatures are not positive"
        raise ValueError(msg)
    return numbers


def member_weights_from(values: Any, members: Sequence[str]) -> dict[str, float]:
    """Bring back the weight of each member; ValueError unless they sum to one."""
    numbers = _member_numbers(values, "member_weights", members)
    if min(numbers.values()) < 0 or not abs(sum(numbers.values()) - 1) < 1e-6:
        msg = "the weights of its members do not sum to one"
        raise ValueError(msg)
    return numbers


def _member_numbers(values: Any, name: str, members: Sequence[str]) -> dict[str, float]:
    if (
        not isinstance(values, dict)
        or set(values) != set(members)
        or not all(type(number) in {int, float} for number in values.values())
    ):
        msg = f"its {name} are not a number for each of {' and '.join(members)}"
        raise ValueError(msg)
    return {member: float(values[member]) for member in members}
