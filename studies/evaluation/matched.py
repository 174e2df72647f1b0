"""The scored images of a predictions.csv that have a truth, and what both say of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.reasons import TRAINING_IMAGE
from trifuse.datasets.predictions import Predictions, index_labels, read_predictions
from trifuse.datasets.table import DatasetError, count
from trifuse.datasets.truth import lie_elsewhere, match_truth
from trifuse.studies.measured import Evaluated


@dataclass(frozen=True)
class MatchedImages:
    """Scored images that have a truth, in the order of the file.

    Attributes
    ----------
    table : Predictions
        All that the file holds.
    rows : tuple of int (n_images,)
        Where they stand among `table.images`.
    keys : tuple of str (n_images,)
        What the truth calls them.
    labels : intp (n_images,)
        Index into `table.classes`.
    lesions : tuple of str (n_images,)
    n_without_prediction : int
        Rows of the truth that no row of the file names.
    """

    table: Predictions
    rows: tuple[int, ...]
    keys: tuple[str, ...]
    labels: NDArray[np.intp]
    lesions: tuple[str, ...]
    n_without_prediction: int

    @property
    def names(self) -> list[str]:
        """What the file calls them."""
        return [self.table.images[row] for row in self.rows]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of every class; (n_images, n_classes)."""
        return self.table.probabilities[list(self.rows)]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the file marks each as one that the model was trained on; (n_images,)."""
        reviews = self.table.reviews
        return np.array([reviews is not None and TRAINING_IMAGE in reviews[r] for r in self.rows])

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Tell those that the model was not trained on, or all if it was on all; (n_images,)."""
        known = self.known
        return ~known | known.all()

    @property
    def n_elsewhere(self) -> int:
        """How many were matched by file name alone, from a folder called otherwise."""
        return sum(map(lie_elsewhere, self.names, self.keys))

    def sets(self) -> NDArray[np.bool_] | None:
        """Tell which classes each prediction set holds, (n_images, n_classes); None without sets.

        A class that `table.classes` does not name, as may be where only the most probable ones
        were written, is left out of no set's size: it has a column behind the others.
        """
        if self.table.sets is None:
            return None
        chosen = [self.table.sets[row] for row in self.rows]
        others = sorted({name for names in chosen for name in names} - set(self.table.classes))
        classes = (*self.table.classes, *others)
        return np.array([[name in names for name in classes] for names in chosen])

    def measure(self, rows: NDArray[np.bool_]) -> Evaluated:
        """Measure some of the images; `rows` is (n_images,)."""
        own = [lesion for lesion, one in zip(self.lesions, rows, strict=True) if one]
        return Evaluated.of(self.probabilities[rows], self.labels[rows], own, self.table.classes)


def match_predictions(
    predictions: str | os.PathLike[str],
    truth: Mapping[str, str],
    groups: Mapping[str, str] | None = None,
) -> MatchedImages:
    """Find the truth of every scored image of a predictions.csv.

    Parameters and errors are those of `trifuse.studies.evaluation.evaluate.evaluate_predictions`.
    """
    path, table = Path(predictions), read_predictions(predictions)
    keys = _match_keys(path, table, truth)
    matched = [(row, key) for row, key in enumerate(keys[: len(table.images)]) if key is not None]
    if not matched and not table.images:
        unread = count(table.unread, "image")
        raise DatasetError(f"{path} holds no scored image ({unread} could not be read)")
    if not matched:
        named = f"names images like {next(iter(truth))!r}" if truth else "is empty"
        raise DatasetError(
            f"no image of {path} has a truth: it names {table.images[0]!r}, but the truth {named}"
        )
    return MatchedImages(
        table=table,
        rows=tuple(row for row, _ in matched),
        keys=tuple(key for _, key in matched),
        labels=index_labels(path, table, [truth[key] for _, key in matched]),
        lesions=tuple(key if groups is None else groups.get(key, key) for _, key in matched),
        n_without_prediction=len(truth) - len(set(keys) - {None}),
    )


def _match_keys(path: Path, table: Predictions, truth: Mapping[str, str]) -> list[str | None]:
    """Find the key in `truth` of every scored and every unread image."""
    images = [*table.images, *table.unread]
    keys = match_truth(images, {key: key for key in truth})
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key is not None and first.setdefault(key, row) != row:
            raise DatasetError(
                f"{path} has two rows, {images[first[key]]!r} and {images[row]!r}, for one image "
                f"of the truth, {key!r}: keep one"
            )
    return keys
