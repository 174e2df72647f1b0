"""What a model file says of doubt: the entry `review` of `model.json`, and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import msgspec
import numpy as np

from trifuse.classifiers.archive import Arrays
from trifuse.classifiers.conformal import PredictionSets
from trifuse.classifiers.group_pooling import Pooling
from trifuse.classifiers.novelty import Novelty
from trifuse.classifiers.review import Rate, Review, ReviewFigures
from trifuse.recipes.recipe import Recipe


@dataclass(frozen=True)
class PoolingEntry:
    """What `model.json` says of pooling under `review`.

    Attributes
    ----------
    power : float
    floors : tuple of float, shape (n_classes,)
    """

    power: Rate
    floors: tuple[Rate, ...]


@dataclass(frozen=True)
class ReviewEntry:
    """What `model.json` says under `review`; the rest are arrays.

    Attributes
    ----------
    novelty_threshold : float
    figures : ReviewFigures
    strata : dict of str to tuple of float, shape (n_classes,)
        The floors of each stratum that has some of its own.
    pooling : PoolingEntry, optional
    """

    novelty_threshold: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
    figures: ReviewFigures
    strata: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    pooling: PoolingEntry | None = None


def review_to_entry(review: Review) -> dict[str, Any]:
    """Give what `model.json` says of a review, as plain data."""
    pooling = None
    if review.pooling is not None:
        floors = tuple(review.pooling.sets.floors.tolist())
        pooling = PoolingEntry(review.pooling.power, floors)
    strata = {name: tuple(floors.tolist()) for name, floors in review.sets.strata.items()}
    return asdict(ReviewEntry(review.novelty.threshold, review.figures, strata, pooling))


def review_from(arrays: Arrays, entry: Any, recipe: Recipe) -> Review:
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
    pooling = None
    if known.pooling is not None:
        if len(known.pooling.floors) != len(floors):
            msg = "its pooling does not have a floor for each class"
            raise ValueError(msg)
        pooling = Pooling(known.pooling.power, PredictionSets(np.array(known.pooling.floors)))
    if any(len(own) != len(floors) for own in known.strata.values()):
        msg = "its review does not have a floor for each class in each stratum"
        raise ValueError(msg)
    sets = PredictionSets(floors, {name: np.array(own) for name, own in known.strata.items()})
    means, deviations = arrays["review.residual_means"], arrays["review.residual_deviations"]
    novelty = Novelty(recipe.review.components, means, deviations, known.novelty_threshold)
    return Review(sets, novelty, known.figures, pooling)
