"""Tables of results, each told once and written as Markdown, LaTeX and HTML; and their CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.text_tables import markdown_table, write_interval, write_number

LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        "[": "{[}",  # after the end of a row it would begin an option,
        "*": "{*}",  # and this would forbid a new page
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)


@dataclass(frozen=True)
class ResultCell:
    """A number as text, its interval if it has one, and whether it is the best of its column."""

    value: str
    interval: str = ""
    best: bool = False


@dataclass(frozen=True)
class ResultTable:
    """A table, told once for every format.

    Attributes
    ----------
    name : str
        A word, for the label in LaTeX.
    caption : str
    header : tuple of str
        Of the first column and of each column of cells.
    rows : list of (str, list of ResultCell)
    """

    name: str
    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, list[ResultCell]]]


def to_cell(estimate: Estimate, sign: str = "", best: bool = False) -> ResultCell:
    """Write an estimate, a number that is undefined as ``-``."""
    value, *interval = estimate
    return ResultCell(write_number(value, sign), write_interval(interval, sign), best)


def csv_columns(figures: Mapping[str, Estimate], prefix: str = "") -> dict[str, str]:
    """Give the cells of estimates by column: ``bma``, ``bma_low`` and ``bma_high`` and so on."""
    return {
        f"{prefix}{name}{end}": write_digits(number)
        for name, estimate in figures.items()
        for end, number in zip(("", "_low", "_high"), estimate, strict=True)
    }


def write_digits(number: float) -> str:
    """Write a figure for a program: to 6 digits, nothing where it is undefined."""
    return "" if math.isnan(number) else f"{number:.6f}"


def write_p(p: float) -> str:
    """Write a p-value for a reader, ``-`` where nothing was tested.

    Examples
    --------
    >>> write_p(0.0002), write_p(0.25)
    ('<0.001', '0.250')
    """
    return "<0.001" if p < 0.001 else write_number(p)


def to_markdown(table: ResultTable) -> str:
    """Write a caption and a table; the best values are bold."""
    rows = []
    for name, cells in table.rows:
        values = [f"**{cell.value}**" if cell.best else cell.value for cell in cells]
        pairs = zip(values, cells, strict=True)
        rows.append([name, *(f"{value} {cell.interval}".rstrip() for value, cell in pairs)])
    return f"{table.caption}\n\n{markdown_table(table.header, rows)}\n"


def to_latex(table: ResultTable) -> str:
    """Write a floating table that needs the package booktabs; intervals stand below the values."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
        r"\toprule",
        _latex_row(map(escape_latex, table.header)),
        r"\midrule",
        *(line for name, cells in table.rows for line in _latex_rows(name, cells)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape_latex(text: str) -> str:
    r"""Write text so that LaTeX prints it as it is, with no package.

    Examples
    --------
    >>> print(escape_latex("SIFT_64 & 95 %"))
    SIFT\_64 \& 95 \%
    """
    return text.translate(LATEX)


def _latex_rows(name: str, cells: list[ResultCell]) -> list[str]:
    values = [_latex_number(cell.value) for cell in cells]
    bold = [
        rf"\textbf{{{value}}}" if cell.best else value
        for cell, value in zip(cells, values, strict=True)
    ]
    rows = [_latex_row([escape_latex(name), *bold])]
    if any(cell.interval for cell in cells):
        intervals = [_latex_number(cell.interval) for cell in cells]
        small = [rf"{{\scriptsize {text}}}" if text else "" for text in intervals]
        rows.append(_latex_row(["", *small]))
    return rows


def _latex_row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _latex_number(text: str) -> str:
    return re.sub("[-+<]", r"$\g<0>$", text)
