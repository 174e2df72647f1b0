"""The rows of a batch job as columns, and the order in which a person should look at them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.reasons import (
    LOW_QUALITY,
    PRIOR_CONFLICT,
    TRAINING_IMAGE,
    UNCERTAIN,
    UNFAMILIAR,
)
from trifuse.datasets.prediction_files import read_prediction_rows
from trifuse.datasets.predictions import read_scores
from trifuse.datasets.table import DatasetError

TOP = 3
"""Classes of an image that the page shows."""
NOBODY = -1
"""In the place of a class where there is none."""
GRAVITY = {UNFAMILIAR: 4, UNCERTAIN: 3, PRIOR_CONFLICT: 3, LOW_QUALITY: 2, TRAINING_IMAGE: 0}
"""How urgently each reason asks for a look; what could not be read comes before all of them."""
UNREAD = 5


@dataclass(frozen=True)
class Night:
    """What a batch job says of its images, in the order of the file.

    Attributes
    ----------
    classes : tuple of str, shape (n_classes,)
    images : tuple of str, shape (n_rows,)
        What the rows call them.
    labels : ndarray of int, shape (n_rows, top)
        The most probable classes, the first first; `NOBODY` behind the last and in rows of images
        that could not be read.
    probabilities : ndarray of float64, shape (n_rows, top)
        Of the labels; NaN where there is none.
    prediction_sets : tuple of tuple of int, shape (n_rows,)
        Classes.
    reviews : tuple of tuple of str, shape (n_rows,)
        Why a person should look at the image.
    messages : tuple of str, shape (n_rows,)
        Flaws, or why it could not be read.
    alerts : tuple of (float or None), shape (n_rows,)
        The sensitivity of the strictest operating point that each image reaches.
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    labels: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    prediction_sets: tuple[tuple[int, ...], ...]
    reviews: tuple[tuple[str, ...], ...]
    messages: tuple[str, ...]
    alerts: tuple[float | None, ...]

    @property
    def is_read(self) -> NDArray[np.bool_]:
        """Whether there are probabilities, bool (n_rows,)."""
        return np.asarray(self.labels[:, 0] != NOBODY)

    def rank_doubts(self) -> NDArray[np.intp]:
        """Order the rows, the doubtful ones first.

        First come images that could not be read, then those with a reason, by `GRAVITY`; among
        equals those with an alert, the strictest first, then those with the larger prediction set,
        then those whose first class is less probable, then as the file has them.

        Returns
        -------
        ndarray of int, shape (n_rows,)
            Rows.
        """
        gravity = np.array([max((GRAVITY.get(one, 1) for one in row), default=0)
                            for row in self.reviews])  # fmt: skip
        gravity = np.where(self.is_read, gravity, UNREAD)
        sizes = np.array([len(one) for one in self.prediction_sets])
        alerts = np.array([1.0 if one is None else one for one in self.alerts])
        return np.lexsort((self.probabilities[:, 0], -sizes, alerts, -gravity))


def read_night(path: str | os.PathLike[str], classes: Sequence[str] = ()) -> Night:
    """Read a file of predictions, in any of its formats.

    Parameters
    ----------
    path : str or path
    classes : sequence of str
        The model's, where they are known: a file may not name them all. Names that are not among
        them come behind.

    Raises
    ------
    DatasetError
        If the file cannot be read, is none of predictions, or has no row.
    """
    path = Path(path)
    try:
        named, rows = read_prediction_rows(path)
        found = [
            (row, read_scores(row, whole=bool(named)) if row.status == "ok" else {}) for row in rows
        ]
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
    if not found:
        raise DatasetError(f"{path} has no row")
    others = {name for row, scores in found for name in (*scores, *(row.prediction_set or ()))}
    known = (*dict.fromkeys((*classes, *named)),)
    known += tuple(sorted(others - set(known)))
    places = {name: place for place, name in enumerate(known)}
    labels = np.full((len(found), TOP), NOBODY)
    probabilities = np.full((len(found), TOP), np.nan)
    for place, (_, scores) in enumerate(found):
        first = sorted(scores.items(), key=lambda one: -one[1])[:TOP]
        labels[place, : len(first)] = [places[name] for name, _ in first]
        probabilities[place, : len(first)] = [value for _, value in first]
    sets = (tuple(places[name] for name in row.prediction_set or ()) for row, _ in found)
    return Night(
        known,
        tuple(row.image for row, _ in found),
        labels,
        probabilities,
        tuple(sets),
        tuple(row.review or () for row, _ in found),
        tuple(row.message for row, _ in found),
        tuple(row.alert for row, _ in found),
    )
