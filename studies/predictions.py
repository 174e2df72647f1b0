"""Read back the predictions that a batch job wrote: CSV, JSON Lines, Parquet, ISIC's CSV."""

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import DatasetError

# A spreadsheet may have rounded the probabilities.
ROW_SUM_TOLERANCE = 1e-3

_ISIC_HEADER = ["image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]


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


class _Row(NamedTuple):
    """One row: where it stands, what it is of, and its probabilities as they are written."""

    where: str
    image: str
    status: str
    scores: dict[str, Any]


_Rows = tuple[tuple[str, ...], Iterable[_Row]]  # all classes, if the file names them, and the rows
_Lines = Iterator[tuple[int, list[Any]]]


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
        classes, rows = _choose_reader(path)(path)
        return _collect(path, classes, rows)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error


def _choose_reader(path: Path) -> Callable[[Path], _Rows]:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start == b"PAR1":
        return _read_parquet
    return _read_objects if start.startswith(b"{") else _read_csv


def _collect(path: Path, classes: tuple[str, ...], rows: Iterable[_Row]) -> Predictions:
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


def _read_csv(path: Path) -> _Rows:
    lines = _read_lines(path)
    _, header = next(lines, (1, []))
    if header == _ISIC_HEADER:
        return tuple(header[1:]), _read_isic(path, lines)
    return _read_table(path, header, lines, _take_apostrophe_off)


def _read_lines(path: Path) -> _Lines:
    """Give the line number and the cells of every row that is not blank."""
    width = 0
    try:
        # A file's name may hold bytes that are no text; a spreadsheet may have put a BOM in front.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream)
            for cells in filter(None, reader):
                width = width or len(cells)
                if len(cells) != width:
                    raise DatasetError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where the header "
                        f"has {width}"
                    )
                yield reader.line_num, cells
    except csv.Error as error:
        raise DatasetError(f"{path} is no readable CSV file: {error}") from error


def _read_isic(path: Path, lines: _Lines) -> Iterator[_Row]:
    """Read rows without a status; those of unread images are empty."""
    for number, (image, *cells) in lines:
        status = "ok" if any(cells) else "error"
        scores = dict(zip(_ISIC_HEADER[1:], cells, strict=True))
        yield _Row(f"{path}, line {number}", _take_apostrophe_off(image), status, scores)


def _read_table(
    path: Path, header: Sequence[str], lines: _Lines, decode: Callable[[str], str]
) -> _Rows:
    n_top, classes = _read_header(path, header)
    end = 2 + 2 * n_top

    def rows() -> Iterator[_Row]:
        for number, cells in lines:
            if classes:
                scores = dict(zip(classes, cells[end:], strict=False))
            else:
                pairs = zip(map(decode, cells[2:end:2]), cells[3:end:2], strict=True)
                # With more places than classes the last ones are empty.
                scores = {name: cell for name, cell in pairs if name}
            yield _Row(f"{path}, line {number}", decode(cells[0]), cells[1], scores)

    return classes, rows()


def _read_header(path: Path, header: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Count the label_k, probability_k pairs and name the classes of the columns after them.

    Columns are told apart by place, because a class may be named "1", and a column that was
    carried through from a table of inputs anything.
    """
    n_top = 0
    while header[2 + 2 * n_top :][:2] == [f"label_{n_top + 1}", f"probability_{n_top + 1}"]:
        n_top += 1
    others = header[2 + 2 * n_top : -1]
    each = list(takewhile(lambda name: name.startswith("probability_"), others))
    names = tuple(name.removeprefix("probability_") for name in each)
    if (
        n_top == 0
        or [*header[:2], header[-1]] != ["image", "status", "message"]
        or others[len(each) :][:2] not in ([], ["review", "prediction_set"])
        or len(set(names)) < len(names)
    ):
        raise DatasetError(
            f"{path} is no predictions.csv of trifuse: its columns must be image,status,label_1,"
            "probability_1, …, message as trifuse predict writes them"
        )
    return n_top, names


def _read_parquet(path: Path) -> _Rows:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise DatasetError(
            f"{path} is a Parquet file, which needs pyarrow: run pip install 'trifuse[parquet]'"
        ) from error
    try:
        table = parquet.read_table(path)
    except ArrowException as error:
        raise DatasetError(f"{path} is no readable Parquet file: {error}") from error
    header = [_decode(name) for name in table.column_names]
    rows = (row.values() for batch in table.to_batches(1000) for row in batch.to_pylist())
    lines = enumerate(([cell if cell is not None else "" for cell in row] for row in rows), 1)
    return _read_table(path, header, lines, _decode)


def _read_objects(path: Path) -> _Rows:
    """Read JSON Lines; every line has the same classes, or none has probabilities of all."""
    classes: tuple[str, ...] | None = None
    rows = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path}, line {number}"
            try:
                row, each = _read_object(where, json.loads(line))
                classes = each if classes is None else classes
                if each != classes:
                    raise ValueError
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise DatasetError(
                    f"{where}: this is no row of predictions in JSON Lines as trifuse predict "
                    "writes them"
                ) from error
            rows.append(row)
    return classes or (), rows


def _read_object(where: str, cells: Mapping[str, Any]) -> tuple[_Row, tuple[str, ...]]:
    each = {_decode(name): cell for name, cell in cells.get("class_probabilities", {}).items()}
    labels = map(_decode, cells["labels"])
    scores = each or dict(zip(labels, cells["probabilities"], strict=True))
    return _Row(where, _decode(cells["image"]), cells["status"], scores), tuple(each)


def _read_scores(row: _Row, *, whole: bool) -> dict[str, float]:
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


def _take_apostrophe_off(cell: str) -> str:
    """Undo what keeps spreadsheets from running a cell of a CSV file."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell


def _decode(text: str) -> str:
    """Undo what `trifuse.batch.outputs.text.to_unicode` does to a text of JSON or Parquet."""
    escape = r"\\u(d[89a-f][0-9a-f]{2})"
    if not re.search(escape, text):
        return text
    return re.sub(rf"\\\\|{escape}", lambda hit: chr(int(hit[1], 16)) if hit[1] else "\\", text)
