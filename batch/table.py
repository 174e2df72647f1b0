"""The rows of predictions.csv."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import numpy as np

from trifuse.batch.scorer import Record

OK = "ok"
ERROR = "error"


def header(classes: Sequence[str], top: int, all_probabilities: bool) -> list[str]:
    """Give the column names.

    Examples
    --------
    >>> header(["cat", "dog"], top=1, all_probabilities=True)
    ['image', 'status', 'label_1', 'probability_1', 'probability_cat', 'probability_dog', 'message']
    """
    ranks = [f"{kind}_{rank}" for rank in range(1, top + 1) for kind in ("label", "probability")]
    each = [f"probability_{name}" for name in classes] if all_probabilities else []
    return ["image", "status", *ranks, *each, "message"]


def row(record: Record, classes: Sequence[str], top: int, all_probabilities: bool) -> list[str]:
    """Give the cells of one record, in the order of `header`."""
    if record.probabilities is None:
        blank = [""] * (2 * top + (len(classes) if all_probabilities else 0))
        return [_safe(record.image), ERROR, *blank, _safe(record.message)]
    ranking = np.argsort(-record.probabilities, kind="stable")[:top]
    cells = []
    for index in ranking:
        cells += [_safe(classes[index]), _number(record.probabilities[index])]
    if all_probabilities:
        cells += [_number(probability) for probability in record.probabilities]
    return [_safe(record.image), OK, *cells, _safe(record.message)]


def write_row(cells: Sequence[str]) -> bytes:
    """Write one line of CSV; file names that are no UTF-8 keep their bytes."""
    line = io.StringIO()
    # Cells are quoted where they hold a character of the line's end: a carriage return must be.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    text = line.getvalue().removesuffix("\r\n")
    return f"{text}\n".encode("utf-8", "surrogateescape")


def _number(probability: float) -> str:
    return f"{probability:.9g}"


def _safe(cell: str) -> str:
    """Keep a spreadsheet from running a cell: what could be a formula gets an apostrophe.

    So does what looks as if it had got one, so that it can be taken off again.
    """
    return f"'{cell}" if re.match(r"'*[=+\-@\t\r]", cell) else cell
