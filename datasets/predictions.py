"""Read back the predictions that a batch job wrote, as probabilities by image and class."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.prediction_files import PredictionRow, read_prediction_rows
from trifuse.datasets.table import DatasetError

# A spreadsheet may have rounded the probabilities.
ROW_SUM_TOLERANCE = 1e-3
# Sums of numbers that nobody has rounded; these stay as they are, to the last digit.
UNROUNDED = 1e-12


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
    reviews : tuple of tuple of str (n_images,), optional
        Why a person should look at each image; None where the file has no column `review`.
    sets : tuple of tuple of str (n_images,), optional
        The prediction set of each image; None where the file has none.
    columns : dict of str to tuple of str (n_images,)
        The columns that were carried through from a table of inputs.
    """

    images: tuple[str, ...]
    unread: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    reviews: tuple[tuple[str, ...], ...] | None = None
    sets: tuple[tuple[str, ...], ...] | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        classes, rows = read_prediction_rows(path)
        return _collect(path, classes, rows)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error


def index_labels(path: Path, table: Predictions, labels: Sequence[str]) -> NDArray[np.intp]:
    """Turn the classes of the truth into columns of the predictions.

    HAM10000 writes nv and ISIC writes NV: letter case does not matter, except where two classes
    differ by nothing else.

    Parameters
    ----------
    path : Path
        Of the predictions, for messages.
    table : Predictions
    labels : sequence of str (n,)

    Returns
    -------
    int (n,)

    Raises
    ------
    DatasetError
        If a label is none of the classes, or may be one of several.
    """
    columns = {name: column for column, name in enumerate(table.classes)}
    _reject_ambiguous(path, columns, labels)
    indices = find_classes(table.classes, labels)
    if -1 in indices:
        remedy = "" if table.complete else "; predict --probabilities names every class"
        raise DatasetError(
            f"the class {labels[indices.index(-1)]!r} of the truth is none of those that {path} "
            f"names: {', '.join(table.classes)}{remedy}"
        )
    return np.array(indices)


def find_classes(classes: Sequence[str], names: Sequence[str]) -> list[int]:
    """Find classes by name, in any letter case where that tells which; -1 where none is found.

    Examples
    --------
    >>> find_classes(["nv", "mel", "MEL"], ["NV", "mel", "Mel", "df"])
    [0, 1, -1, -1]
    """
    exact = {name: place for place, name in enumerate(classes)}
    folded: dict[str, int] = {}
    for place, name in enumerate(classes):
        folded[name.casefold()] = -1 if name.casefold() in folded else place
    return [exact.get(name, folded.get(name.casefold(), -1)) for name in names]


def _reject_ambiguous(path: Path, classes: Iterable[str], labels: Sequence[str]) -> None:
    """Refuse labels that differ from each other or from classes by letter case in several ways."""
    spellings: dict[str, tuple[set[str], set[str]]] = {}
    for place, names in enumerate((classes, labels)):
        for name in names:
            spellings.setdefault(name.casefold(), (set(), set()))[place].add(name)
    for ours, theirs in spellings.values():
        if not theirs <= ours and max(len(ours), len(theirs)) > 1:
            here, there = (" and ".join(map(repr, sorted(names))) for names in (ours, theirs))
            raise DatasetError(
                f"classes that differ by letter case alone are ambiguous: {path} names "
                f"{here or 'neither'}, and the truth {there or 'neither'}; spell each class in one "
                "way"
            )


def _collect(path: Path, classes: tuple[str, ...], rows: Iterable[PredictionRow]) -> Predictions:
    read, unread, scores = [], [], []
    for row in rows:
        if row.status == "ok":
            read.append(row)
            scores.append(read_scores(row, whole=bool(classes)))
        elif row.status == "error":
            unread.append(row.image)
        else:
            raise DatasetError(f"{row.where}: the status is {row.status!r} instead of ok or error")
    known = classes or tuple(sorted({name for row in scores for name in row}))
    sets = _of_all([row.prediction_set for row in read])
    return Predictions(
        images=tuple(row.image for row in read),
        unread=tuple(unread),
        classes=known,
        probabilities=_fill_matrix(path, scores, known),
        reviews=_of_all([row.review for row in read]),
        sets=sets if sets and any(sets) else None,
        columns={
            name: tuple(row.columns.get(name, "") for row in read)
            for name in (read[0].columns if read else ())
        },
    )


def _of_all(lists: Sequence[tuple[str, ...] | None]) -> tuple[tuple[str, ...], ...] | None:
    """Give the list of each row; None unless every row has one."""
    known = tuple(one for one in lists if one is not None)
    return known if len(known) == len(lists) else None


def read_scores(row: PredictionRow, *, whole: bool) -> dict[str, float]:
    """Read the probability by class that one row gives: of all classes, or of some.

    Raises
    ------
    DatasetError
        If these are no probabilities, naming the line.
    """
    scores: dict[str, float] = {}
    for name, cell in row.scores.items():
        try:
            scores[name] = float(cell)
        except (ValueError, TypeError):
            scores[name] = -1.0
        if not 0 <= scores[name] <= 1:
            raise DatasetError(f"{row.where}: {cell!r} is no probability from 0 to 1")
    total = sum(scores.values())
    if total > 1 + ROW_SUM_TOLERANCE or (whole and total < 1 - ROW_SUM_TOLERANCE):
        raise DatasetError(f"{row.where}: the probabilities sum to {total:g} instead of 1")
    if not scores:
        raise DatasetError(f"{row.where}: the status is ok, but there is no label")
    return scores


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
    scale[np.abs(scale - 1) < UNROUNDED] = 1
    scaled: NDArray[np.float64] = matrix / scale[:, None]
    return scaled
