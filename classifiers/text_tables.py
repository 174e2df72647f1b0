"""Tables as text: aligned for the terminal and for Markdown, and every CSV file; and figures."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TITLES = {
    "balanced_bma": "BMA, balanced prior",
    "bma": "BMA",
    "accuracy": "accuracy",
    "top_2_accuracy": "top-2 accuracy",
    "top_3_accuracy": "top-3 accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE",
}
"""What tables call the figures of scored images."""

_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]+)*|[.,][0-9]+)([eE][+-]?[0-9]+)?")


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align cells in columns two spaces apart: the first to the left, the others to the right.

    Examples
    --------
    >>> print(plain_table(["class", "recall"], [["nevus", "0.9"], ["melanoma", "0.55"]]))
    class     recall
    nevus        0.9
    melanoma    0.55
    """
    return "\n".join("  ".join(cells).rstrip() for cells in _aligned([header, *rows]))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table whose source is aligned as well.

    Examples
    --------
    >>> print(markdown_table(["class", "recall"], [["nevus", "0.9"], ["melanoma", "0.55"]]))
    | class    | recall |
    | :------- | -----: |
    | nevus    |    0.9 |
    | melanoma |   0.55 |
    """
    escaped = [[cell.replace("|", r"\|") for cell in row] for row in [header, *rows]]
    first, *others = _aligned(escaped, narrowest=3)
    rule = [":" + "-" * (len(first[0]) - 1), *("-" * (len(cell) - 1) + ":" for cell in first[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [first, rule, *others])


def csv_line(cells: Iterable[str | float | None]) -> str:
    r"""Write one line of CSV, safe to open in a spreadsheet, its end included.

    Numbers have as many digits as tell them from every other number (the shortest that give the
    same float64 when they are read); texts are made safe; what is missing is empty.

    Examples
    --------
    >>> csv_line(["=1+1.jpg", -0.5, "-0.500", 3, None])
    "'=1+1.jpg,-0.5,-0.500,3,\n"
    """
    safe = [make_safe(cell) if isinstance(cell, str) else cell for cell in cells]
    line = io.StringIO()
    # Cells are quoted where they hold a character of the line's end: a carriage return must be.
    csv.writer(line, lineterminator="\r\n").writerow(safe)
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_text(header: Iterable[str], rows: Iterable[Iterable[str | float | None]]) -> str:
    """Write a CSV file, each line as `csv_line` does."""
    return "".join(map(csv_line, (header, *rows)))


def write_number(value: float | None, sign: str = "") -> str:
    """Write a figure to three digits, a difference with its sign; ``-`` for None and NaN.

    Examples
    --------
    >>> write_number(0.5), write_number(0.5, "+"), write_number(None)
    ('0.500', '+0.500', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:{sign}.3f}"


def write_interval(interval: Iterable[float | None], sign: str = "") -> str:
    """Write the bounds of a figure's interval as the figure, and nothing where they are not known.

    Examples
    --------
    >>> write_interval((0.25, 1)), write_interval((None, None))
    ('[0.250, 1.000]', '')
    """
    known = [write_number(bound, sign) for bound in interval]
    return "" if "-" in known else f"[{', '.join(known)}]"


def with_interval(value: float | None, interval: Iterable[float | None], sign: str = "") -> str:
    """Write a figure, and behind it its interval.

    Examples
    --------
    >>> with_interval(0.5, (0.25, 1)), with_interval(None, (None, None))
    ('0.500 [0.250, 1.000]', '-')
    """
    return f"{write_number(value, sign)} {write_interval(interval, sign)}".rstrip()


def make_safe(text: str) -> str:
    """Keep a spreadsheet from running a text: what could be a formula gets an apostrophe.

    So does what looks as if it had got one, so that it can be taken off again. A number is none.

    Examples
    --------
    >>> make_safe("=SUM(A1)"), make_safe("'=x"), make_safe("'x'"), make_safe("-1.5")
    ("'=SUM(A1)", "''=x", "'x'", '-1.5')
    """
    if _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if re.match(r"'*[=+\-@\t\r]", text) else text


def _aligned(rows: Sequence[Sequence[str]], narrowest: int = 0) -> list[list[str]]:
    widths = [max(narrowest, *map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [row[0].ljust(widths[0])]
        + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        for row in rows
    ]


def json_safe(value: Any) -> Any:
    """Make a value one of plain JSON types: lists for tuples, None for NaN."""
    if isinstance(value, Mapping):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
