"""The parts of a model file that tell doubt: written, and checked when they are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
