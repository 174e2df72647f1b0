"""The files that a batch job writes, row by row as they stand: CSV, JSON Lines, Parquet, ISIC's."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from trifuse.datasets.csv_rows import CsvError, open_csv, read_csv_rows
from trifuse.datasets.table import DatasetError, count

_ISIC_HEADER = ["image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
_LISTS = ["review", "prediction_set"]
_KNOWN = frozenset({*_ISIC_HEADER, "status", "message"})


class PredictionRow(NamedTuple):
    """One row: where it stands, what it is of, and its probabilities as they are written.

    The reasons for a review and the prediction set are None in a file that has no columns for them.
    `columns` are the cells that were carried through from a table of inputs, by column. `alert` is
    the sensitivity of the operating point that the image reaches, None for none.
    """

    where: str
    image: str
    status: str
    scores: dict[str, Any]
    review: tuple[str, ...] | None = None
    prediction_set: tuple[str, ...] | None = None
    message: str = ""
    columns: Mapping[str, str] = {}
    alert: float | None = None


PredictionRows = tuple[
    tuple[str, ...], Iterable[PredictionRow]
]  # all classes, if the file names them, and the rows
_Lines = Iterator[tuple[int, list[Any]]]


def read_prediction_rows(path: Path) -> PredictionRows:
    """Read a file of predictions, whose format its first bytes tell.

    Parameters
    ----------
    path : Path

    Returns
    -------
    classes : tuple of str
        All classes of the model; none where the file does not name them.
    rows : iterable of PredictionRow
        Read as they are asked for, except from JSON Lines.

    Raises
    ------
    DatasetError
        If the file is none of predictions, naming the line; while rows are read too.
    OSError
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    if start == b"PAR1":
        return _read_parquet(path)
    if start.startswith(b"{"):
        return _read_objects(path)
    lines = _read_lines(path)
    _, header = next(lines, (1, []))
    if header == _ISIC_HEADER:
        return tuple(header[1:]), _read_isic(path, lines)
    return _read_table(path, header, lines, restore_cell)


def _read_lines(path: Path) -> _Lines:
    """Give the line number and the cells of every row that is not blank."""
    width = 0
    try:
        with open_csv(path) as file:
            for line, cells, fault in read_csv_rows(file, _KNOWN, verbatim=True):
                if fault:
                    raise DatasetError(f"{path} is no readable CSV file: {fault}")
                width = width or len(cells)
                if len(cells) != width:
                    raise DatasetError(
                        f"{path}, line {line}: {count(cells, 'cell')} where the header has {width}"
                    )
                yield line, list(cells)
    except CsvError as error:
        raise DatasetError(f"{path} {error}") from error


def _read_isic(path: Path, lines: _Lines) -> Iterator[PredictionRow]:
    """Read rows without a status; those of unread images are empty."""
    for number, (image, *cells) in lines:
        status = "ok" if any(cells) else "error"
        scores = dict(zip(_ISIC_HEADER[1:], cells, strict=True))
        yield PredictionRow(f"{path}, line {number}", restore_cell(image), status, scores)


def _read_table(
    path: Path, header: Sequence[str], lines: _Lines, decode: Callable[[str], str]
) -> PredictionRows:
    n_top, classes = _read_header(path, header)
    end = 2 + 2 * n_top
    behind = end + len(classes)
    alerts = header[behind] == "alert"
    place = behind + alerts if header[behind + alerts] == "review" else None
    extra = [] if place is None else [decode(name) for name in header[place + 2 : -1]]

    def rows() -> Iterator[PredictionRow]:
        for number, cells in lines:
            if classes:
                scores = dict(zip(classes, cells[end:], strict=False))
            else:
                pairs = zip(map(decode, cells[2:end:2]), cells[3:end:2], strict=True)
                # With more places than classes the last ones are empty.
                scores = {name: cell for name, cell in pairs if name}
            review = prediction_set = None
            columns: dict[str, str] = {}
            where, alert = f"{path}, line {number}", None
            if alerts:
                alert = _read_alert(where, cells[behind] or None)
            if place is not None:
                review = _read_list(cells[place], decode)
                prediction_set = _read_list(cells[place + 1], decode)
                columns = dict(zip(extra, map(decode, cells[place + 2 : -1]), strict=True))
            yield PredictionRow(
                where,
                decode(cells[0]),
                cells[1],
                scores,
                review,
                prediction_set,
                decode(cells[-1]),
                columns,
                alert,
            )

    return classes, rows()


def _read_alert(where: str, cell: Any) -> float | None:
    try:
        alert = None if cell is None else float(cell)
    except (TypeError, ValueError):
        alert = -1.0
    if alert is not None and not 0 < alert < 1:
        raise DatasetError(f"{where}: {cell!r} is no alert, which is a number between 0 and 1")
    return alert


def _read_list(cell: str | list[str], decode: Callable[[str], str]) -> tuple[str, ...]:
    """Read a list of Parquet, or one that CSV has as a text."""
    return split_names(decode(cell)) if isinstance(cell, str) else tuple(map(decode, cell))


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
    # trifuse 0.1.0 wrote probability_CLASS.
    new = all(name.startswith("probability_of_") for name in each)
    names = tuple(name.removeprefix("probability_of_" if new else "probability_") for name in each)
    if (
        n_top == 0
        or header[0] not in {"image", "group"}
        or [header[1], header[-1]] != ["status", "message"]
        or (
            others[len(each) :][:3] not in ([], ["alert", *_LISTS])
            and others[len(each) :][:2] != _LISTS
        )
        or len(set(names)) < len(names)
    ):
        raise DatasetError(
            f"{path} is no predictions.csv of trifuse: its columns must be image,status,label_1,"
            "probability_1, …, message as trifuse predict writes them"
        )
    return n_top, names


def _read_parquet(path: Path) -> PredictionRows:
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
    header = [restore_text(name) for name in table.column_names]
    rows = (row.values() for batch in table.to_batches(1000) for row in batch.to_pylist())
    lines = enumerate(([cell if cell is not None else "" for cell in row] for row in rows), 1)
    return _read_table(path, header, lines, restore_text)


def _read_objects(path: Path) -> PredictionRows:
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


def _read_object(where: str, cells: Mapping[str, Any]) -> tuple[PredictionRow, tuple[str, ...]]:
    each = {restore_text(name): cell for name, cell in cells.get("class_probabilities", {}).items()}
    labels = map(restore_text, cells["labels"])
    scores = each or dict(zip(labels, cells["probabilities"], strict=True))
    lists = (cells.get("review"), cells.get("prediction_set"))
    review, prediction_set = (
        None if one is None else tuple(map(restore_text, one)) for one in lists
    )
    image, message = restore_text(cells["image"]), restore_text(cells.get("message", ""))
    columns = {restore_text(n): restore_text(c) for n, c in cells.get("columns", {}).items()}
    alert = _read_alert(where, cells.get("alert"))
    row = PredictionRow(
        where, image, cells["status"], scores, review, prediction_set, message, columns, alert
    )
    return row, tuple(each)


def split_names(text: str) -> tuple[str, ...]:
    r"""Take names apart that ``;`` joins; behind a backslash it belongs to a name.

    Examples
    --------
    >>> split_names(r"nevus;scar\; burn"), split_names("")
    (('nevus', 'scar; burn'), ())
    """
    if "\\" not in text:
        return tuple(filter(None, text.split(";")))
    names = re.findall(r"((?:[^;\\]|\\.)+)", text, re.DOTALL)
    return tuple(re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL) for name in names)


def restore_cell(cell: str) -> str:
    """Undo what keeps spreadsheets from running a cell of a CSV file.

    Examples
    --------
    >>> restore_cell("'=1+1.jpg"), restore_cell("'quoted'.jpg")
    ('=1+1.jpg', "'quoted'.jpg")
    """
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell


def restore_text(text: str) -> str:
    r"""Undo what `trifuse.batch.text.to_unicode` does to a text of JSON or Parquet.

    Examples
    --------
    >>> restore_text(r"\udcff.jpg"), restore_text("é.jpg")
    ('\udcff.jpg', 'é.jpg')
    """
    escape = r"\\u(d[89a-f][0-9a-f]{2})"
    if not re.search(escape, text):
        return text
    return re.sub(rf"\\\\|{escape}", lambda hit: chr(int(hit[1], 16)) if hit[1] else "\\", text)
