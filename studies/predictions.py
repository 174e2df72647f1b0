"""Read back the predictions.csv that a batch job wrote."""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError

# Probabilities are printed with six significant digits or more.
ROW_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """The rows of a predictions.csv.

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
    """Read a predictions.csv with any number of top classes, with or without all probabilities.

    Raises
    ------
    DatasetError
        If the file cannot be read or is no predictions.csv, naming the line; or if its rows name
        fewer classes than the model must have.
    """
    path = Path(path)
    lines = _read_lines(path)
    _, header = next(lines, (1, []))
    n_top, classes = _read_header(path, header)
    images, unread, scores = [], [], []
    for number, cells in lines:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise DatasetError(f"{where}: {len(cells)} cells where the header has {len(header)}")
        if cells[1] == "ok":
            images.append(_unescape(cells[0]))
            scores.append(_read_scores(where, cells[2:-1], n_top, classes))
        elif cells[1] == "error":
            unread.append(_unescape(cells[0]))
        else:
            raise DatasetError(f"{where}: the status is {cells[1]!r} instead of ok or error")
    known = classes or tuple(sorted({name for row in scores for name in row}))
    return Predictions(tuple(images), tuple(unread), known, _fill_matrix(path, scores, known))


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the line number and the cells of every row that is not blank."""
    try:
        # A file's name may hold bytes that are no text; a spreadsheet may have put a BOM in front.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream)
            for cells in filter(None, reader):
                yield reader.line_num, cells
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except csv.Error as error:
        raise DatasetError(f"{path} is no readable CSV file: {error}") from error


def _read_header(path: Path, header: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Count the label_k, probability_k pairs and name the classes of the other columns.

    Columns are told apart by place, because a class may be named "1".
    """
    n_top = 0
    while header[2 + 2 * n_top :][:2] == [f"label_{n_top + 1}", f"probability_{n_top + 1}"]:
        n_top += 1
    others = header[2 + 2 * n_top : -1]
    names = tuple(name.removeprefix("probability_") for name in others)
    if (
        n_top == 0
        or [*header[:2], header[-1]] != ["image", "status", "message"]
        or not all(name.startswith("probability_") for name in others)
        or len(set(names)) < len(names)
    ):
        raise DatasetError(
            f"{path} is no predictions.csv of trifuse: its columns must be image,status,label_1,"
            "probability_1, …, message as trifuse predict writes them"
        )
    return n_top, names


def _read_scores(
    where: str, cells: Sequence[str], n_top: int, classes: Sequence[str]
) -> dict[str, float]:
    """Read the probability by class that one row gives."""
    pairs: Iterable[tuple[str, str]]
    if classes:
        pairs = zip(classes, cells[2 * n_top :], strict=True)
    else:
        labels = map(_unescape, cells[: 2 * n_top : 2])
        # With more places than classes the last ones are empty.
        pairs = [pair for pair in zip(labels, cells[1::2], strict=True) if pair[0]]
    scores = {name: _read_probability(where, cell) for name, cell in pairs}
    total = sum(scores.values())
    if total > 1 + ROW_SUM_TOLERANCE or (classes and total < 1 - ROW_SUM_TOLERANCE):
        raise DatasetError(f"{where}: the probabilities sum to {total:g} instead of 1")
    if not scores:
        raise DatasetError(f"{where}: the status is ok, but there is no label")
    return scores


def _read_probability(where: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
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


def _unescape(cell: str) -> str:
    """Undo the apostrophe that keeps spreadsheets from running a cell that starts so."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell
