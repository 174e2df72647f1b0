"""Tables: aligned for the terminal and for Markdown pages, and safe cells of CSV files."""

import re
from collections.abc import Sequence


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


def make_safe(cell: str) -> str:
    """Keep a spreadsheet from running a cell: what could be a formula gets an apostrophe.

    So does what looks as if it had got one, so that it can be taken off again.

    Examples
    --------
    >>> make_safe("=SUM(A1)"), make_safe("'=x"), make_safe("'x'")
    ("'=SUM(A1)", "''=x", "'x'")
    """
    return f"'{cell}" if re.match(r"'*[=+\-@\t\r]", cell) else cell


def _aligned(rows: Sequence[Sequence[str]], narrowest: int = 0) -> list[list[str]]:
    widths = [max(narrowest, *map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [row[0].ljust(widths[0])]
        + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        for row in rows
    ]
