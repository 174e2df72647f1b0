"""Read back the predictions that a batch job wrote, as probabilities by image and class."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError
from trifuse.studies.prediction_files import Row, read_rows

# A spreadsheet may have rounded the probabilities.
ROW_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """The rows of a file of predictions.

    Attributes
    ----------
    images : tuple of str (n_images,)
        The images that were scored, in file order.
    unread : tuple of str
        The images of the rows with the status "error".
    classes : tuple of str (n_classes,)
        The model's classes; of a file without probability columns, those named in any row.
    probabilities : float64 (n_images, n_classes)
        Rows sum to 1; NaN where the file does not say.
    """

    images: tuple[str, ...]
    unread: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]

    @property
    def complete(self) -> bool:
        """Whether every probability of every image is known."""
        return not np.isnan(self.probabilities).any()


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    """Read predictions with any number of top classes, with or without all probabilities.

    The format is told by the file's first bytes.

    Raises
    ------
    DatasetError
        If the file cannot be read or is none of predictions, naming the line; or if its rows name
        fewer classes than the model must have.
    """
    path = Path(path)
    try:
        classes, rows = read_rows(path)
        return _collect(path, classes, rows)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error


def _collect(path: Path, classes: tuple[str, ...], rows: Iterable[Row]) -> Predictions:
    images, unread, scores = [], [], []
    for row in rows:
        if row.status == "ok":
            images.append(row.image)
            scores.append(_read_scores(row, whole=bool(classes)))
        elif row.status == "error":
            unread.append(row.image)
        else:
            raise DatasetError(f"{row.where}: the status is {row.status!r} instead of ok or error")
    known = classes or tuple(sorted({name for row in scores for name in row}))
    return Predictions(tuple(images), tuple(unread), known, _fill_matrix(path, scores, known))


def _read_scores(row: Row, *, whole: bool) -> dict[str, float]:
    """Read the probability by class that one row gives: of all classes, or of some."""
    scores = {name: _read_probability(row.where, cell) for name, cell in row.scores.items()}
    total = sum(scores.values())
    if total > 1 + ROW_SUM_TOLERANCE or (whole and total < 1 - ROW_SUM_TOLERANCE):
        raise DatasetError(f"{row.where}: the probabilities sum to {total:g} instead of 1")
    if not scores:
        raise DatasetError(f"{row.where}: the status is ok, but there is no label")
    return scores


def _read_probability(where: str, cell: Any) -> float:
    try:
        value = float(cell)
    except (ValueError, TypeError):
        value = -1.0
    if not 0 <= value <= 1:
        raise DatasetError(f"{where}: {cell!r} is no probability from 0 to 1")
    return value


def _fill_matrix(
    path: Path, scores: Sequence[Mapping[str, float]], classes: Sequence[str]
) -> NDArray[np.float64]:
    """Arrange rows of scores as a matrix and take the rounding out of their sums."""
    matrix = np.full((len(scores), len(classes)), np.nan)
    for row, values in zip(matrix, scores, strict=True):
        row[:] = [values.get(name, np.nan) for name in classes]
    sums, full = np.nansum(matrix, axis=1), ~np.isnan(matrix).any(axis=1)
    if len(scores) and (len(classes) < 2 or (sums[full] < 1 - ROW_SUM_TOLERANCE).any()):
        raise DatasetError(
            f"the rows of {path} name only {', '.join(classes)}, and the model must have more "
            "classes; run predict with --probabilities"
        )
    scale = np.where(full, sums, np.maximum(sums, 1))
    scaled: NDArray[np.float64] = matrix / scale[:, None]
    return scaled
